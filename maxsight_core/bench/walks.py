"""Walks through rendered scenes, scored against their truth: who was announced, how early, what was said for nothing.

    python -m maxsight_core.bench.walks [--seconds 60] [SPEC ...]

An encounter is a thing of the truth that is on course, closes faster than the wearer walks, and is less than 2.5 s
away. It is announced when a P0 or P1 alert in its direction (15 degrees) was delivered between 2 s before that moment
and its arrival. A delivered P0 or P1 is unfounded when nothing in its direction is on course within 6 s.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field

from tqdm import tqdm

from maxsight_core.contracts import AlertDecision, SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.process import offline
from maxsight_core.scenes import SceneError, SceneRenderer, SceneTruth, parse_spec

DEFAULT_SPECS = tuple(f"scene:{name}?seed={seed}" for name in ("corridor", "street") for seed in (1, 2, 3))
SAME_DIRECTION_DEG = 15.0
ENCOUNTER_BELOW_S, FOUNDED_BELOW_S, EARLY_S = 2.5, 6.0, 2.0
FASTER_THAN_WALKING_MPS = 2.0


@dataclass(slots=True)
class Encounter:
    """One thing that came head-on: when it was less than 2.5 s away, its bearings, and the first alert about it."""

    name: str
    first_s: float
    last_s: float
    bearings: list[float] = field(default_factory=list)
    announced_s: float | None = None


def same_direction(alert: AlertDecision, bearing_deg: float) -> bool:
    return alert.bearing_deg is not None and abs(alert.bearing_deg - bearing_deg) <= SAME_DIRECTION_DEG


def founded(alert: AlertDecision, truth: SceneTruth) -> bool:
    """True when something of the truth in the alert's direction is on course."""
    return any(one.on_course and one.time_to_contact_s is not None and one.time_to_contact_s <= FOUNDED_BELOW_S
               and same_direction(alert, one.bearing_deg) for one in truth.objects)


def encounters(truths: list[SceneTruth]) -> list[Encounter]:
    met: dict[int, Encounter] = {}
    for truth in truths:
        for one in truth.objects:
            if (one.on_course and one.time_to_contact_s is not None and one.time_to_contact_s < ENCOUNTER_BELOW_S
                    and (one.closing_mps or 0.0) > FASTER_THAN_WALKING_MPS):
                entry = met.setdefault(one.id, Encounter(one.class_name, truth.time_s, truth.time_s))
                entry.last_s = truth.time_s
                entry.bearings.append(one.bearing_deg)
    return list(met.values())


def walk(engine: Engine, spec: str, seconds: float) -> str:
    """One row of the table."""
    renderer, state = SceneRenderer(parse_spec(spec)), engine.new_session(SessionSettings())
    truths: list[SceneTruth] = []
    heard: list[tuple[SceneTruth, AlertDecision]] = []
    for index in tqdm(range(min(len(renderer), int(seconds * renderer.spec.fps))), desc=spec, leave=False):
        rendered = renderer.frame(index)
        truths.append(rendered.truth)
        result, _ = engine.stage_a(state, as_frame(rendered.rgb, rendered.time_s, index))
        heard += [(rendered.truth, a) for a in result.alerts if a.delivered and a.stage in ("P0", "P1")]
    met = encounters(truths)
    for one in met:
        times = [truth.time_s for truth, alert in heard
                 if one.first_s - EARLY_S <= truth.time_s <= one.last_s
                 and any(same_direction(alert, bearing) for bearing in one.bearings)]
        one.announced_s = min(times, default=None)
    unfounded = sum(not founded(alert, truth) for truth, alert in heard)
    minutes = (truths[-1].time_s - truths[0].time_s) / 60.0
    announced = [one for one in met if one.announced_s is not None]
    lead = sorted(ENCOUNTER_BELOW_S + one.first_s - one.announced_s for one in announced)
    return (f"| {spec} | {len(announced)} of {len(met)} | {lead[len(lead) // 2]:.1f} | " if lead
            else f"| {spec} | 0 of {len(met)} | - | ") + \
        f"{len(heard) / minutes:.1f} | {unfounded / minutes:.1f} |"


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.bench.walks", description=__doc__.split("\n\n")[0])
    command.add_argument("specs", nargs="*", metavar="SPEC", default=DEFAULT_SPECS)
    command.add_argument("--seconds", type=float, default=60.0)
    options = command.parse_args(arguments)
    engine = Engine(offline(EngineConfig.from_environment()))
    print("| walk | encounters announced | seconds left, median | P0 and P1 a minute | unfounded a minute |")
    print("|---|---|---|---|---|")
    try:
        for spec in options.specs:
            print(walk(engine, spec, options.seconds), flush=True)
    except SceneError as error:
        print(f"maxsight: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
