"""The safety figures of a set of scenarios: of the policy alone, and of the whole system."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.engine.engine import Engine
from maxsight_core.reliability import expected_calibration_error, reliability
from maxsight_core.replay.intervals import Figure, clustered_share, drawn_figure, wilson
from maxsight_core.replay.judge import Judged, judge
from maxsight_core.replay.recording import Recording
from maxsight_core.replay.runs import Run, policy_alone, recorded, whole_system
from maxsight_core.replay.scenarios import Scenario

SIDES: tuple[str, ...] = ("policy", "system")


@dataclass(frozen=True, slots=True)
class Metric:
    """One safety figure.

    Args:
        key: as in the JSON. title, unit: for tables. goal: ``(sign, bound)`` for the policy alone, or None.
        of: from the judged runs to the figure.
    """

    key: str
    title: str
    unit: str
    goal: tuple[str, float] | None
    of: Callable[[Sequence[Judged]], Figure]

    def reached(self, figure: Figure) -> bool | None:
        """Whether the goal is reached; None without a goal or a figure."""
        if self.goal is None or figure.value is None:
            return None
        sign, bound = self.goal
        return figure.value < bound if sign == "<" else figure.value > bound if sign == ">" else figure.value >= bound


def _recall(runs: Sequence[Judged]) -> Figure:
    return wilson(sum(sum(run.recalled) for run in runs), sum(len(run.recalled) for run in runs))


def _latency(runs: Sequence[Judged]) -> Figure:
    def p95_ms(some: Sequence[Judged]) -> float | None:
        late = sorted(value for run in some for value in run.latencies_s)
        return 1000.0 * late[math.ceil(0.95 * len(late)) - 1] if late else None

    return drawn_figure(runs, p95_ms, sum(len(run.latencies_s) for run in runs))


def _per_minute(counted: Callable[[Judged], int]) -> Callable[[Sequence[Judged]], Figure]:
    def figure(runs: Sequence[Judged]) -> Figure:
        def rate(some: Sequence[Judged]) -> float | None:
            minutes = sum(run.minutes for run in some)
            return sum(counted(run) for run in some) / minutes if minutes else None

        return drawn_figure(runs, rate, sum(counted(run) for run in runs))

    return figure


def _calibration(runs: Sequence[Judged]) -> Figure:
    def error(some: Sequence[Judged]) -> float | None:
        answers = [answer for run in some for answer in run.scores]
        return expected_calibration_error(*zip(*answers, strict=True)) if answers else None

    return drawn_figure(runs, error, sum(len(run.scores) for run in runs))


METRICS: tuple[Metric, ...] = (
    Metric("false_reassurance", "False reassurance: danger of which nothing was said", "share of frames", ("<", 0.01),
           lambda runs: clustered_share([run.reassured for run in runs])),
    Metric("hazard_recall", "Hazards about which an alert came", "share", (">=", 0.95), _recall),
    Metric("alert_latency_p95_ms", "From knowable to told, 95th percentile", "ms of the frame clock", ("<", 200.0),
           _latency),
    Metric("overload_per_min", "Overload events", "a minute", ("<", 2.0),
           _per_minute(lambda run: run.overload_events)),
    Metric("silence_correctness", "Calm seconds without an alert", "share", (">", 0.95),
           lambda runs: clustered_share([run.silence for run in runs])),
    Metric("tier1_availability", "Frames with every Tier 1 output that none may lack", "share", (">", 0.999),
           lambda runs: clustered_share([run.available for run in runs])),
    Metric("ece", "Expected calibration error of detections", "0..1", None, _calibration),
    Metric("direction_correctness", "Alerts whose side was right", "share", (">=", 0.95),
           lambda runs: clustered_share([run.directions for run in runs])),
    Metric("distance_zone_accuracy", "Things whose distance zone was right", "share", None,
           lambda runs: clustered_share([run.zones for run in runs])),
    Metric("false_alarms_per_min", "Alerts about nothing", "a minute", None,
           _per_minute(lambda run: len(run.false_alarms))),
)


def figures(judged: Sequence[Judged]) -> dict[str, Figure]:
    """Every metric of the judged runs, by key."""
    return {metric.key: metric.of(judged) for metric in METRICS}


def policy_runs(scenarios: Sequence[Scenario], policy: AlertPolicy = DEFAULT_POLICY,
                done: Callable[[str], None] = lambda _name: None) -> list[Judged]:
    """The policy alone on every scenario; ``done`` is called after each."""
    return _judged([_told(policy_alone(scenario, policy), done) for scenario in scenarios], policy)


def system_runs(scenarios: Sequence[Scenario], engine: Engine,
                done: Callable[[str], None] = lambda _name: None) -> list[Judged]:
    """The whole system on every scenario."""
    return _judged([_told(whole_system(scenario, engine), done) for scenario in scenarios], engine.policy)


def recorded_runs(recordings: Sequence[Recording], policy: AlertPolicy | None,
                  done: Callable[[str], None] = lambda _name: None) -> list[Judged]:
    """Recorded walks through rendered scenes, decided again with ``policy`` (None: each with its own)."""
    judged = []
    for made in recordings:
        used = policy or made.policy
        judged += _judged([_told(recorded(made, used), done)], used)
    return judged


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """One side as JSON: every figure, and what went wrong in which scenario."""
    rows = {run.name: {"hazards": len(run.recalled), "told": sum(run.recalled), "missed": run.missed,
                       "false_alarms": run.false_alarms} for run in judged}
    answers = [answer for run in judged for answer in run.scores]
    bins = reliability(*zip(*answers, strict=True)) if answers else []
    return {**{key: figure.to_json() for key, figure in figures(judged).items()}, "scenarios": rows,
            "reliability": [{"claimed": round(one.claimed, 4), "right": round(one.right, 4), "n": one.count}
                            for one in bins]}


def _told(run: Run, done: Callable[[str], None]) -> Run:
    done(run.name)
    return run


def _judged(runs: Sequence[Run], policy: AlertPolicy) -> list[Judged]:
    return [judge(run, policy) for run in runs]
