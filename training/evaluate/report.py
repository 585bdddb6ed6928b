"""The report of an evaluation: JSON for programs, and one HTML page that needs no other file for people."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from maxsight_core.reliability import reliability
from training.data.sample import ZONES, ClassTable
from training.evaluate import detection, svg
from training.evaluate.stage_a import Answers
from training.evaluate.urgency import confusion

PER_CLASS = ("ap50", "ap", "precision", "recall", "f1", "recall_at_precision_50", "boxes")
URGENCY_LEVELS = ("safe", "caution", "warning", "danger")
MOST_CURVES = 12
"""More lines than this cannot be told apart; those with the most boxes are drawn."""
CURVE_POINTS = 60
DIGITS = 5
TARGETS: dict[str, tuple[str, str]] = {
    "false_reassurance": ("danger answered with safe", "below 0.01"),
    "false_reassurance_from_warning": ("warning or danger answered with safe", ""),
    "map": ("mean average precision, IoU 0.5 to 0.95", ""), "map50": ("mean average precision, IoU 0.5", ""),
    "map_small": ("of small things", ""), "map_medium": ("of middle-sized things", ""),
    "map_large": ("of large things", ""), "zone_accuracy": ("right distance zones of things found", "at least 0.9"),
    "near_called_far": ("near things called far", ""), "urgency_accuracy": ("right urgency", ""),
    "ece": ("calibration error of scores", ""), "ece_after": ("after temperature scaling", "below 0.05"),
    "urgency_ece_after": ("calibration error of urgency, scaled", "below 0.05"),
    "uncertainty_correlation": ("uncertainty goes with errors (rank correlation)", "above 0"),
    "depth.abs_rel": ("depth error, share of the distance", ""), "flow.epe_px": ("motion error, px", ""),
    "pictures": ("pictures", ""),
}
"""Figures of the page's first table, in order: what they are, and what is aimed at."""
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1f1f1f;
background:#fff}table{border-collapse:collapse;margin:1rem 0}caption,figcaption{font-weight:600;text-align:left}
th,td{border:1px solid #c4c7c5;padding:.3rem .6rem;text-align:right}th[scope=row]{text-align:left}
figure{display:inline-block;margin:1rem;vertical-align:top}svg text{font-size:12px}.legend{list-style:none;padding:0;
margin:0;columns:2;font-size:.85rem}"""


def nested(figures: Mapping[str, float], about: Mapping[str, Any]) -> dict[str, Any]:
    """Flat figures as the report's JSON: ``per_class.<name>.<figure>`` nested, the rest beside it."""
    per_class: dict[str, dict[str, float]] = {}
    rest = {}
    for key, value in figures.items():
        name, _, figure = key.rpartition(".")
        if name and figure in PER_CLASS and name not in ("depth", "flow"):
            per_class.setdefault(name, {})[figure] = round(value, DIGITS)
        else:
            rest[key] = round(value, DIGITS)
    return {**about, **rest, "per_class": per_class}


def details(answers: Answers, classes: ClassTable) -> dict[str, Any]:
    """What the plots are drawn from: curves, reliability and confusions; only what there is."""
    curves = {}
    for column in range(1, classes.count):
        curve = detection.precision_recall(answers.pictures, classes, column)
        if curve.boxes and len(curve.scores):
            curves[classes.names[column]] = _thinned(curve)
    scores, right, _ = detection.judged(answers.pictures, classes)
    found: dict[str, Any] = {"precision_recall": curves, "reliability": {"detections": _bins(scores, right)}}
    for name, rows, levels in (("zones", answers.zones, len(ZONES)), ("urgency", answers.urgencies,
                                                                      len(URGENCY_LEVELS))):
        if rows:
            truth, said = np.array([row[1] for row in rows]), np.stack([row[2] for row in rows])  # [n], [n, levels]
            found["reliability"][name] = _bins(said.max(axis=1), said.argmax(axis=1) == truth)
            found[f"{name}_confusion"] = confusion(truth, said.argmax(axis=1), levels).tolist()
    return found


def page(report: Mapping[str, Any]) -> str:
    """The HTML page of a report (:func:`nested`, with :func:`details` under ``details``)."""
    shown = report.get("details", {})
    parts = [f"<h1>Evaluation of {escape(str(report.get('checkpoint', 'a network')))}</h1>", _headline(report),
             _classes(report.get("per_class", {}))]
    if "robustness" in report:
        parts.append(_robustness(report))
    curves = shown.get("precision_recall", {})
    if curves:
        boxes = {name: report["per_class"].get(name, {}).get("boxes", 0) for name in curves}
        chosen = sorted(curves, key=lambda name: -boxes[name])[:MOST_CURVES]
        parts.append(svg.line_chart("Precision and recall at IoU 0.5", "recall", "precision",
                                    {name: [tuple(point) for point in curves[name]] for name in chosen}))
    lines = {name: [(row[0], row[1]) for row in rows] for name, rows in shown.get("reliability", {}).items() if rows}
    if lines:
        parts.append(svg.line_chart("Reliability: is a score what it says?", "claimed", "right", lines, diagonal=True))
    for key, names in (("urgency_confusion", URGENCY_LEVELS), ("zones_confusion", ZONES)):
        if key in shown:
            rows = [(f"is {name}", *row) for name, row in zip(names, shown[key], strict=True)]
            parts.append(svg.table(key.replace("_confusion", ": truth by answer"),
                                   ["", *(f"said {name}" for name in names)], rows))
    return ("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>Evaluation</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n")


def _headline(report: Mapping[str, Any]) -> str:
    rows = [(words, report[key], aim) for key, (words, aim) in TARGETS.items() if key in report]
    about = " · ".join(str(report[key]) for key in ("runtime", "precision", "data") if key in report)
    return f"<p>{escape(about)}</p>" + svg.table("Figures", ("figure", "value", "aim"), rows)


def _classes(per_class: Mapping[str, Mapping[str, float]]) -> str:
    rows = [(name, *(figures.get(key) for key in PER_CLASS))
            for name, figures in sorted(per_class.items(), key=lambda item: -item[1].get("boxes", 0))]
    return svg.table("Per class", ("class", *(key.replace("_", " ") for key in PER_CLASS)), rows)


def _robustness(report: Mapping[str, Any]) -> str:
    changes = report["robustness"]
    bars = {"as they are": report.get("map50", 0.0), **{name: row.get("map50", 0.0) for name, row in changes.items()}}
    keys = [key for key in ("map50", "map", "zone_accuracy", "urgency_accuracy", "false_reassurance")
            if any(key in row for row in changes.values())]
    rows = [(name, *(row.get(key) for key in keys)) for name, row in changes.items()]
    return (svg.bar_chart("mAP50 on changed pictures", bars)
            + svg.table("Changed pictures", ("change", *(key.replace("_", " ") for key in keys)), rows))


def _thinned(curve: detection.Curve) -> list[list[float]]:
    chosen = np.unique(np.linspace(0, len(curve.scores) - 1, CURVE_POINTS).round().astype(int))
    return [[round(float(curve.recall[place]), DIGITS), round(float(curve.precision[place]), DIGITS)]
            for place in chosen]


def _bins(claimed: np.ndarray, right: np.ndarray) -> list[list[float]]:
    return [[round(one.claimed, DIGITS), round(one.right, DIGITS), one.count]
            for one in reliability(claimed, right)]
