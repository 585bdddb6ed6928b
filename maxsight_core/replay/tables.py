"""Safety figures for people: on the terminal, and between two marks of a page of the docs."""

from __future__ import annotations

from typing import Any

from maxsight_core.marked import Marks
from maxsight_core.replay.intervals import Figure
from maxsight_core.replay.score import METRICS, SIDES, Metric

MARKS = Marks("score")
_TITLES = {"policy": "policy alone", "system": "whole system"}


def text(report: dict[str, Any]) -> str:
    """The figures as lines for a terminal."""
    lines = []
    for side in _sides(report):
        lines.append(f"{_TITLES[side]} ({report['scenarios']} scenarios)")
        for metric in METRICS:
            figure = _figure(report[side][metric.key])
            lines.append(f"  {metric.title:72} {_shown(metric, figure):24} {_verdict(metric, figure)}".rstrip())
        missed = sum(len(row["missed"]) for row in report[side]["scenarios"].values())
        lines.append(f"  missed hazards: {missed}")
    return "\n".join(lines)


def markdown(report: dict[str, Any]) -> str:
    """Two tables: the figures, and the scenarios in which something went wrong."""
    sides = _sides(report)
    head = "| figure | unit | goal | " + " | ".join(_TITLES[side] for side in sides) + " |"
    rows = [head, "|---" * (3 + len(sides)) + "|"]
    for metric in METRICS:
        goal = "" if metric.goal is None else f"{metric.goal[0]} {metric.goal[1]:g}"
        shown = " | ".join(_shown(metric, _figure(report[side][metric.key])) for side in sides)
        rows.append(f"| {metric.title} | {metric.unit} | {goal} | {shown} |")
    parts = [f"{report['scenarios']} scenarios. {_perception(report)}", "\n".join(rows)]
    for side in sides:
        wrong = [_row(name, counts) for name, counts in report[side]["scenarios"].items()
                 if counts["missed"] or counts["false_alarms"]]
        title = f"Where the {_TITLES[side]} was wrong"
        table = ["| scenario | hazards told | missed | alerts about nothing |", "|---|---|---|---|", *wrong]
        parts.append(f"### {title}\n\n" + ("\n".join(table) if wrong else "Nowhere."))
    return "\n\n".join(parts)


def _sides(report: dict[str, Any]) -> list[str]:
    return [side for side in SIDES if side in report]


def _figure(body: dict[str, Any]) -> Figure:
    return Figure(body["value"], body["low"], body["high"], body["n"])


def _shown(metric: Metric, figure: Figure) -> str:
    if figure.value is None:
        return "-"
    digits = 0 if metric.unit.startswith("ms") else 2 if metric.unit == "a minute" else 3
    value, low, high = (f"{number:.{digits}f}" for number in (figure.value, figure.low, figure.high))
    return f"{value} ({low} to {high}), n={figure.n}"


def _verdict(metric: Metric, figure: Figure) -> str:
    reached = metric.reached(figure)
    if reached is None:
        return ""
    goal = f"{metric.goal[0]} {metric.goal[1]:g}"
    return f"goal {goal}: reached" if reached else f"goal {goal}: NOT reached"


def _perception(report: dict[str, Any]) -> str:
    about = report.get("perception")
    return "" if about is None else f"The system's perception: tier {about['tier']}, {about['weights']}."


def _row(name: str, counts: dict[str, Any]) -> str:
    told = f"{counts['told']} of {counts['hazards']}"
    return f"| {name} | {told} | {_first(counts['missed'])} | {_first(counts['false_alarms'])} |"


def _first(lines: list[str]) -> str:
    more = f" (+{len(lines) - 1})" if len(lines) > 1 else ""
    return f"{lines[0]}{more}" if lines else ""
