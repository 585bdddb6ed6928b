"""The scenarios that perception and alerts are scored on: rendered walks of which everything is known.

Each is one situation, about a dozen seconds long. What is a hazard in it, and when, is not written down here: it
follows from the truth of every frame (:mod:`maxsight_core.replay.hazards`). Names are stable; docs/safety.md lists
figures by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from maxsight_core.replay import casts, places
from maxsight_core.replay.casts import SECONDS, Fill
from maxsight_core.scenes.renderer import SceneRenderer
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.world import World

FPS = 10.0
SIZE = (640, 480)

Build = Callable[[SceneSpec], World]
Place = Callable[..., tuple[World, np.random.Generator]]


@dataclass(frozen=True)
class Scenario:
    """One situation.

    Args:
        name: stable. about: what happens, for people. spec: what is rendered. build: its world; None: the scene's own.
        quick: part of the small set that continuous integration scores.
    """

    name: str
    about: str
    spec: SceneSpec
    build: Build | None = None
    quick: bool = False

    def renderer(self, width: int | None = None) -> SceneRenderer:
        """A renderer of it; ``width`` in pixels for a smaller picture of the same shape."""
        spec = self.spec
        if width is not None:
            spec = spec.with_changes(width=width, height=round(width * spec.height / spec.width))
        return SceneRenderer(spec, None if self.build is None else self.build(spec))


@dataclass
class _List:
    items: list[Scenario] = field(default_factory=list)

    def add(self, name: str, about: str, build: Build | None, *, scene: str = "street", seed: int = 1,
            seconds: float = SECONDS, quick: bool = False, **look: object) -> None:
        width, height = SIZE
        spec = SceneSpec(scene, seed=seed, fps=FPS, seconds=seconds, width=width, height=height, **look)
        self.items.append(Scenario(name, about, spec, build, quick))


def _at(place: Place, fill: Fill | None, details: dict[str, object]) -> Build:
    def build(spec: SceneSpec) -> World:
        world, rng = place(spec, **details)
        if fill is not None:
            fill(world, rng)
        return world

    return build


def _street(fill: Fill | None = None, **details: object) -> Build:
    return _at(places.pavement, fill, details)


def _hall(fill: Fill | None = None, **details: object) -> Build:
    return _at(places.hall, fill, details)


def scenarios() -> tuple[Scenario, ...]:
    """All of them, in a fixed order."""
    made = _List()
    _people(made)
    _wheels(made)
    _things_in_the_way(made)
    _ways_up_and_down(made)
    _weather(made)
    _nothing(made)
    _minutes(made)
    return tuple(made.items)


def _people(made: _List) -> None:
    made.add("person_comes", "Somebody comes straight on along a pavement", _street(casts.comes(1.3, 6.0)), quick=True)
    made.add("person_comes_corridor", "Somebody comes straight on in a corridor", _hall(casts.comes(1.3, 5.0)),
             scene="corridor", seed=2)
    made.add("runner_comes", "A runner comes straight on", _street(casts.comes(3.0, 4.0, "runner")), seed=3)
    made.add("runner_corridor", "A runner comes straight on in a corridor", _hall(casts.comes(3.0, 3.6, "runner")),
             scene="corridor", seed=4)
    made.add("person_crosses_into", "Somebody crosses and would walk into the person",
             _street(casts.slants(1.9, -24.0)),
             seed=5)
    made.add("person_steps_out", "Somebody steps out from the side two seconds away", _street(casts.out(1, 2.4, 0.9)),
             seed=6, quick=True)
    made.add("child_runs_out", "A child runs out from the side", _street(casts.out(-1, 2.2, 0.5, "child")), seed=7)
    made.add("stops_in_front", "Somebody who walks ahead stops", _street(casts.stops_in_front), seed=8)
    made.add("crowd_one_on_course", "A crowd, one of whom comes straight on", _street(casts.crowd_with_one), seed=9)
    made.add("pushchair_comes", "A pushchair comes straight on", _street(casts.pushchair_on), seed=10)
    made.add("wheelchair_comes", "A wheelchair user comes straight on", _hall(casts.wheelchair_on), scene="corridor",
             seed=11)


def _wheels(made: _List) -> None:
    made.add("cyclist_comes", "A cyclist comes straight on along the pavement", _street(casts.cyclist_on), seed=12,
             quick=True)
    made.add("cyclist_crosses", "A cyclist crosses and would ride into the person",
             _street(casts.cyclist_across), seed=13)
    made.add("car_side_road", "A car comes while the person crosses a side road",
             _street(casts.car_across, side_road_at_s=5.0), seed=14)
    made.add("van_side_road", "A van comes while the person crosses a side road",
             _street(casts.van_across, side_road_at_s=5.0), seed=15)


def _things_in_the_way(made: _List) -> None:
    made.add("open_door", "A door stands open across a corridor", _hall(casts.stands_in_the_way("door"),
             detours=casts.ROUND_WIDE), scene="corridor", seed=16, quick=True)
    made.add("wet_floor_sign", "A wet floor sign in a corridor", _hall(casts.stands_in_the_way("wet floor sign"),
             detours=casts.ROUND), scene="corridor", seed=17)
    made.add("bench_in_the_way", "A bench across a corridor",
             _hall(casts.stands_in_the_way("bench"), detours=casts.ROUND_WIDE),
             scene="corridor", seed=18)
    made.add("a_board", "A board on the pavement",
             _street(casts.stands_in_the_way("a-board"), detours=casts.ROUND), seed=19)
    made.add("bollard", "A bollard on the pavement",
             _street(casts.stands_in_the_way("bollard"), detours=casts.ROUND), seed=20)


STAIRS = (("stairs_down", "The way goes down a flight of stairs", 3),
          ("stairs_down_second", "The way goes down another flight of stairs", 5),
          ("stairs_up", "The way goes up a flight of stairs", 2))
"""With the seed of the stairwell whose way begins so."""


def _ways_up_and_down(made: _List) -> None:
    for name, about, seed in STAIRS:
        made.add(name, about, None, scene="stairwell", seed=seed, seconds=9.0, quick=name == "stairs_down")
    made.add("kerb", "A kerb on the far side of a side road", _street(side_road_at_s=4.0), seed=21)


def _weather(made: _List) -> None:
    made.add("person_glare", "Somebody comes out of the low sun",
             _street(casts.comes(1.3, 6.0)), seed=22, light="glare")
    made.add("person_night", "Somebody comes straight on at night",
             _street(casts.comes(1.3, 6.0)), seed=23, light="night",
             noise=0.02)
    made.add("cyclist_night", "A cyclist comes straight on at night", _street(casts.cyclist_on), seed=24, light="night",
             noise=0.02)
    made.add("person_rain", "Somebody comes straight on in rain", _street(casts.comes(1.3, 6.0)), seed=25, rain=0.7)
    made.add("person_fog", "Somebody comes out of fog", _street(casts.comes(1.3, 6.0)), seed=26, fog=0.35)
    made.add("person_shake", "Somebody comes straight on, the camera shakes", _street(casts.comes(1.3, 6.0)), seed=27,
             shake=2.5)
    made.add("person_dim_blur", "Somebody comes in a dim corridor, motion blurs", _hall(casts.comes(1.3, 5.0)),
             scene="corridor", seed=28, light="dim", blur=0.6, noise=0.02)


def _nothing(made: _List) -> None:
    """Where silence is right."""
    made.add("empty_corridor", "An empty corridor", _hall(), scene="corridor", seed=29, quick=True)
    made.add("empty_pavement", "An empty pavement with lamps, trees and bins", _street(furnished=True), seed=30)
    made.add("empty_shake", "An empty corridor, the camera shakes", _hall(), scene="corridor", seed=31, shake=2.5)
    made.add("empty_night", "An empty pavement at night", _street(), seed=32, light="night", noise=0.02)
    made.add("empty_glare", "An empty pavement against the low sun", _street(), seed=33, light="glare")
    made.add("parked_cars", "Parked cars along the kerb", _street(parked=True), seed=34, quick=True)
    made.add("traffic_along", "Cars and a bus pass on the road beside", _street(casts.traffic_along), seed=35)
    made.add("traffic_waiting", "Standing at a kerb while cars pass in front",
             _street(casts.traffic_across, pace=places.STANDING, side_road_at_s=1.0), seed=36)
    made.add("crowd_passing", "A crowd that passes at both sides", _street(casts.crowd), seed=37)
    made.add("two_talk", "Two people stand and talk by the wall", _hall(casts.two_talk), scene="corridor", seed=38)
    made.add("passing_standing", "Standing still while people pass",
             _street(casts.passes_standing, pace=places.STANDING),
             seed=39)
    made.add("person_crosses_ahead", "Somebody crosses well ahead", _street(casts.crosses_ahead), seed=40)


def _minutes(made: _List) -> None:
    """A minute as it comes: what is too much shows only over a minute."""
    for scene in ("street", "corridor", "crossing", "station", "room"):
        made.add(f"minute_{scene}", f"A minute's walk: {scene}", None, scene=scene, seed=41, seconds=60.0)
