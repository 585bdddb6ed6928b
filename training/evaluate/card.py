"""The table of a model card: which classes a checkpoint may report, and what it earned that by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maxsight_core.marked import Marks

MARKS = Marks("verdicts")
_OVER_ALL = (("map50", "mAP50"), ("map", "mAP"))


def body(report: Mapping[str, Any]) -> str:
    """Markdown of a report of ``training.release``: figures over all classes, then a row per class, reported first."""
    photographs, rendered = report["photographs"], report.get("rendered", {})
    lines = [f"{report['megabytes']} MB. On {int(photographs['pictures'])} held-out photographs: "
             f"{_over_all(photographs)}. The measured detector's AP50 of people there is "
             f"{report['measured_person_ap50']:.3f}."]
    if rendered:
        lines.append(f"On {int(rendered['pictures'])} frames of unseen rendered worlds: {_over_all(rendered)}.")
    rows = sorted(report["verdicts"].items(), key=lambda item: (not item[1]["earned"], -(item[1]["ap50"] or 0.0)))
    table = ["| class | reported | AP50 | precision | recall | boxes |", "|---|---|---|---|---|---|",
             *(_row(name, verdict) for name, verdict in rows)]
    return "\n\n".join([*lines, "\n".join(table)])


def _over_all(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{title} {figures[key]:.3f}" for key, title in _OVER_ALL if key in figures)


def _row(name: str, verdict: Mapping[str, Any]) -> str:
    def share(key: str) -> str:
        return "" if verdict[key] is None else f"{verdict[key]:.2f}"

    told = "yes" if verdict["earned"] else "no"
    cells = (name, told, f"{verdict['ap50'] or 0.0:.3f}", share("precision"), share("recall"), str(verdict["boxes"]))
    return f"| {' | '.join(cells)} |"
