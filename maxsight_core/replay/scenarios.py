"""The scenarios that perception and alerts are scored on: rendered walks of which everything is known.

Each is one situation, about a dozen seconds long. What is a hazard in it, and when, is not written down here: it
follows from the truth of every frame (:mod:`maxsight_core.replay.hazards`). Names are stable; docs/safety.md lists
figures by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from maxsight_core.replay import places
from maxsight_core.replay.encounters import across, aslant, head_on, same_way, steps_out
from maxsight_core.scenes import props, signs
from maxsight_core.scenes.bystanders import add_walking, pushchair, varied_look, wheelchair_user
from maxsight_core.scenes.doors import leaf_picture, random_door
from maxsight_core.scenes.renderer import SceneRenderer
from maxsight_core.scenes.riders import Rider
from maxsight_core.scenes.solid import bench, box
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.street import add_vehicle
from maxsight_core.scenes.street_ground import FAR_LANE_X, NEAR_LANE_X
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.trips import Trip, standing
from maxsight_core.scenes.vehicles import BUS, CAR, PAINTS, VAN
from maxsight_core.scenes.world import World

FPS = 10.0
SIZE = (640, 480)
_MEET_S, _SECONDS = 8.0, 12.0
_REACH_S = 7.0
"""So long before it meets or passes, a vehicle is there."""

Build = Callable[[SceneSpec], World]
Place = Callable[..., tuple[World, np.random.Generator]]
Fill = Callable[[World, np.random.Generator], object]


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
            seconds: float = _SECONDS, quick: bool = False, **look: object) -> None:
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


def _comes(speed_mps: float, seen_s: float, class_name: str = "person", meet_s: float = _MEET_S, **course: float):
    return lambda world, rng: add_walking(world, rng, head_on(world.path, meet_s, speed_mps, seen_s, **course),
                                          class_name)


def _slants(closing_mps: float, bearing_deg: float, class_name: str = "person"):
    return lambda world, rng: add_walking(world, rng, aslant(world.path, _MEET_S, closing_mps, bearing_deg, 6.0),
                                          class_name)


def _crosses_ahead(world: World, rng: np.random.Generator) -> None:
    add_walking(world, rng, across(world.path, _MEET_S, 1.3, 1, 5.0, ahead_m=5.5))


def _out(side: int, out_s: float, takes_s: float, class_name: str = "person"):
    return lambda world, rng: add_walking(world, rng, steps_out(world.path, _MEET_S, side, out_s, takes_s), class_name)


def _rides(world: World, rng: np.random.Generator, trip: Trip, sideways: bool = False) -> None:
    rider = Rider(varied_look(rng), PAINTS[int(rng.integers(len(PAINTS)))], world.light)
    world.add_rider(rider, trip, facing_side=sideways)


def _cyclist_on(world: World, rng: np.random.Generator) -> None:
    _rides(world, rng, head_on(world.path, _MEET_S, 4.4, 7.0, 0.95))


def _cyclist_across(world: World, rng: np.random.Generator) -> None:
    _rides(world, rng, aslant(world.path, _MEET_S, 4.6, 27.0, 6.0), sideways=True)


def _car_across(world: World, rng: np.random.Generator) -> None:
    add_vehicle(world, rng, CAR, aslant(world.path, _MEET_S, 6.5, -27.0, _REACH_S), 90.0)


def _van_across(world: World, rng: np.random.Generator) -> None:
    add_vehicle(world, rng, VAN, aslant(world.path, _MEET_S, 5.5, -27.0, _REACH_S), 90.0)


def _traffic_across(world: World, rng: np.random.Generator) -> None:
    """The walker stands at the kerb; cars pass in front and none turns."""
    for number, (shape, speed) in enumerate(((CAR, 8.0), (VAN, 7.0), (CAR, 8.0))):
        course = across(world.path, 3.0 + 3.2 * number, speed, -1, 3.0, ahead_m=4.2)
        add_vehicle(world, rng, shape, course, 90.0)


def _traffic_along(world: World, rng: np.random.Generator) -> None:
    for pass_s, x, heading, sign in ((3.0, FAR_LANE_X, 180.0, -1), (6.5, NEAR_LANE_X, 0.0, 1),
                                     (9.0, FAR_LANE_X, 180.0, -1)):
        z = world.path.ground(pass_s)[1]
        reach_m = sign * _REACH_S * 9.0
        trip = Trip(((pass_s - _REACH_S, x, z - reach_m), (pass_s + _REACH_S, x, z + reach_m)))
        add_vehicle(world, rng, BUS if pass_s == 9.0 else CAR, trip, heading)


def _crowd(world: World, rng: np.random.Generator) -> None:
    """A dozen people both ways, none of them in the walker's way."""
    for number in range(8):
        meet_s, aside = 1.5 + 1.2 * number, (-1.35, 1.15)[number % 2] + float(rng.uniform(-0.15, 0.15))
        add_walking(world, rng, head_on(world.path, meet_s, float(rng.uniform(1.0, 1.4)), 6.0, miss_m=aside))
    for ahead_m, aside in ((4.0, -1.2), (6.5, 0.9), (9.0, -0.9), (5.2, 1.3)):
        add_walking(world, rng, same_way(world.path, 0.0, ahead_m, 1.3, aside, _SECONDS))


def _crowd_with_one(world: World, rng: np.random.Generator) -> None:
    _crowd(world, rng)
    _comes(1.3, 5.0)(world, rng)


def _two_talk(world: World, rng: np.random.Generator) -> None:
    z = world.path.ground(6.0)[1]
    for x, dz, turn in ((0.95, 0.4, 180.0), (0.90, -0.35, 0.0)):
        add_walking(world, rng, standing(x, z + dz, turn))


def _passes_standing(world: World, rng: np.random.Generator) -> None:
    """The walker stands; people pass at the sides and across, four metres ahead."""
    for meet_s, miss in ((3.0, -1.3), (6.0, 1.2), (9.0, -1.25)):
        add_walking(world, rng, head_on(world.path, meet_s, 1.2, 5.0, miss_m=miss))
    add_walking(world, rng, across(world.path, 5.0, 1.2, 1, 4.0, ahead_m=4.0))


def _obstacle(world: World, rng: np.random.Generator, kind: str) -> None:
    """Something stands in the way; the walker goes round it at the last moment."""
    x, z = world.path.ground(_MEET_S)
    x += 0.55  # the way bends round it here (``_ROUND``)
    if kind == "a-board":
        world.add_upright(props.a_board("LUNCH|MENU", (40, 44, 42)), x, z, 0.95, "a-board", body_m=0.28,
                          text="LUNCH MENU")
    elif kind == "bollard":
        world.add_upright(props.bollard(), x, z, 1.0, "bollard", body_m=0.12)
    elif kind == "wet floor sign":
        world.add_upright(signs.wet_floor(), x, z, 0.62, "wet floor sign", body_m=0.16, text="WET FLOOR")
    elif kind == "bench":
        faces = bench(1.3, world.light.tint((176, 130, 84)), world.light.tint((70, 72, 76)))
        world.add_solid(faces, x, z, "bench", half=(0.6, 0.22), height_m=0.82, body_m=0.5)
    else:  # a door that somebody left standing open across the way
        leaf = leaf_picture(rng, random_door(rng))
        faces = box((-0.45, 0.005, -0.02), (0.45, 2.05, 0.02), world.light.tint((120, 96, 70)),
                    Texture(world.light.bake(leaf)))
        world.add_solid(faces, x, z, "door", half=(0.45, 0.02), height_m=2.05, body_m=0.45)


_ROUND = ((_MEET_S, -0.55, 2.6),)
_ROUND_WIDE = ((_MEET_S, -0.55, 3.2),)


def _stands_in_the_way(kind: str):
    return lambda world, rng: _obstacle(world, rng, kind)


def _pushchair_on(world: World, rng: np.random.Generator) -> None:
    pixels = pushchair(rng)
    texture = Texture(world.light.bake(pixels))
    world.add_actor("pushchair", lambda _t, _v: texture, 1.0, head_on(world.path, _MEET_S, 1.2, 6.0), 0.2)


def _wheelchair_on(world: World, rng: np.random.Generator) -> None:
    texture = Texture(world.light.bake(wheelchair_user(varied_look(rng))))
    world.add_actor("wheelchair user", lambda _t, _v: texture, 1.3, head_on(world.path, _MEET_S, 1.1, 6.0), 0.33)


def _stops_in_front(world: World, rng: np.random.Generator) -> None:
    """Somebody walks ahead, stops, and turns aside only when the walker is near."""
    x, z = world.path.ground(_MEET_S)
    trip = Trip(((0.0, x, z - 2.6), (2.6, x, z), (_MEET_S - 1.1, x, z), (_MEET_S, x + 0.9, z), (14.0, x + 0.9, z)),
                faces_deg=0.0)
    add_walking(world, rng, trip)


def _cross_road(at_s: float = 5.0) -> dict[str, object]:
    return {"side_road_at_s": at_s}


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
    made.add("person_comes", "Somebody comes straight on along a pavement", _street(_comes(1.3, 6.0)), quick=True)
    made.add("person_comes_corridor", "Somebody comes straight on in a corridor", _hall(_comes(1.3, 5.0)),
             scene="corridor", seed=2)
    made.add("runner_comes", "A runner comes straight on", _street(_comes(3.0, 4.0, "runner")), seed=3)
    made.add("runner_corridor", "A runner comes straight on in a corridor", _hall(_comes(3.0, 3.6, "runner")),
             scene="corridor", seed=4)
    made.add("person_crosses_into", "Somebody crosses and would walk into the person", _street(_slants(1.9, -24.0)),
             seed=5)
    made.add("person_steps_out", "Somebody steps out from the side two seconds away", _street(_out(1, 2.4, 0.9)),
             seed=6, quick=True)
    made.add("child_runs_out", "A child runs out from the side", _street(_out(-1, 2.2, 0.5, "child")), seed=7)
    made.add("stops_in_front", "Somebody who walks ahead stops", _street(_stops_in_front), seed=8)
    made.add("crowd_one_on_course", "A crowd, one of whom comes straight on", _street(_crowd_with_one), seed=9)
    made.add("pushchair_comes", "A pushchair comes straight on", _street(_pushchair_on), seed=10)
    made.add("wheelchair_comes", "A wheelchair user comes straight on", _hall(_wheelchair_on), scene="corridor",
             seed=11)


def _wheels(made: _List) -> None:
    made.add("cyclist_comes", "A cyclist comes straight on along the pavement", _street(_cyclist_on), seed=12,
             quick=True)
    made.add("cyclist_crosses", "A cyclist crosses and would ride into the person", _street(_cyclist_across), seed=13)
    made.add("car_side_road", "A car comes while the person crosses a side road",
             _street(_car_across, **_cross_road()), seed=14)
    made.add("van_side_road", "A van comes while the person crosses a side road",
             _street(_van_across, **_cross_road()), seed=15)


def _things_in_the_way(made: _List) -> None:
    made.add("open_door", "A door stands open across a corridor", _hall(_stands_in_the_way("door"),
             detours=_ROUND_WIDE), scene="corridor", seed=16, quick=True)
    made.add("wet_floor_sign", "A wet floor sign in a corridor", _hall(_stands_in_the_way("wet floor sign"),
             detours=_ROUND), scene="corridor", seed=17)
    made.add("bench_in_the_way", "A bench across a corridor", _hall(_stands_in_the_way("bench"), detours=_ROUND_WIDE),
             scene="corridor", seed=18)
    made.add("a_board", "A board on the pavement", _street(_stands_in_the_way("a-board"), detours=_ROUND), seed=19)
    made.add("bollard", "A bollard on the pavement", _street(_stands_in_the_way("bollard"), detours=_ROUND), seed=20)


STAIRS = (("stairs_down", "The way goes down a flight of stairs", 3),
          ("stairs_down_second", "The way goes down another flight of stairs", 5),
          ("stairs_up", "The way goes up a flight of stairs", 2))
"""With the seed of the stairwell whose way begins so."""


def _ways_up_and_down(made: _List) -> None:
    for name, about, seed in STAIRS:
        made.add(name, about, None, scene="stairwell", seed=seed, seconds=9.0, quick=name == "stairs_down")
    made.add("kerb", "A kerb on the far side of a side road", _street(side_road_at_s=4.0), seed=21)


def _weather(made: _List) -> None:
    made.add("person_glare", "Somebody comes out of the low sun", _street(_comes(1.3, 6.0)), seed=22, light="glare")
    made.add("person_night", "Somebody comes straight on at night", _street(_comes(1.3, 6.0)), seed=23, light="night",
             noise=0.02)
    made.add("cyclist_night", "A cyclist comes straight on at night", _street(_cyclist_on), seed=24, light="night",
             noise=0.02)
    made.add("person_rain", "Somebody comes straight on in rain", _street(_comes(1.3, 6.0)), seed=25, rain=0.7)
    made.add("person_fog", "Somebody comes out of fog", _street(_comes(1.3, 6.0)), seed=26, fog=0.35)
    made.add("person_shake", "Somebody comes straight on, the camera shakes", _street(_comes(1.3, 6.0)), seed=27,
             shake=2.5)
    made.add("person_dim_blur", "Somebody comes in a dim corridor, motion blurs", _hall(_comes(1.3, 5.0)),
             scene="corridor", seed=28, light="dim", blur=0.6, noise=0.02)


def _nothing(made: _List) -> None:
    """Where silence is right."""
    made.add("empty_corridor", "An empty corridor", _hall(), scene="corridor", seed=29, quick=True)
    made.add("empty_pavement", "An empty pavement with lamps, trees and bins", _street(furnished=True), seed=30)
    made.add("empty_shake", "An empty corridor, the camera shakes", _hall(), scene="corridor", seed=31, shake=2.5)
    made.add("empty_night", "An empty pavement at night", _street(), seed=32, light="night", noise=0.02)
    made.add("empty_glare", "An empty pavement against the low sun", _street(), seed=33, light="glare")
    made.add("parked_cars", "Parked cars along the kerb", _street(parked=True), seed=34, quick=True)
    made.add("traffic_along", "Cars and a bus pass on the road beside", _street(_traffic_along), seed=35)
    made.add("traffic_waiting", "Standing at a kerb while cars pass in front",
             _street(_traffic_across, pace=places.STANDING, side_road_at_s=1.0), seed=36)
    made.add("crowd_passing", "A crowd that passes at both sides", _street(_crowd), seed=37)
    made.add("two_talk", "Two people stand and talk by the wall", _hall(_two_talk), scene="corridor", seed=38)
    made.add("passing_standing", "Standing still while people pass", _street(_passes_standing, pace=places.STANDING),
             seed=39)
    made.add("person_crosses_ahead", "Somebody crosses well ahead", _street(_crosses_ahead), seed=40)


def _minutes(made: _List) -> None:
    """A minute as it comes: what is too much shows only over a minute."""
    for scene in ("street", "corridor", "crossing", "station", "room"):
        made.add(f"minute_{scene}", f"A minute's walk: {scene}", None, scene=scene, seed=41, seconds=60.0)
