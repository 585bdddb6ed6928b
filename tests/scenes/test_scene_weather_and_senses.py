"""Rain, relations and sounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from maxsight_core.models.stage_b_contract import SOUNDS, SPATIAL_RELATIONS
from maxsight_core.scenes import SCENE_NAMES, SceneError, SceneRenderer, parse_spec
from maxsight_core.scenes.geometry import Pose, View
from maxsight_core.scenes.sounds import AUDIBLE_DB, LEVEL_AT_1_M_DB, sounds_of
from maxsight_core.scenes.things import Thing, still

SMALL = "size=240x180&seconds=30"


def test_rain_is_part_of_the_spec_and_out_of_range_is_refused():
    spec = parse_spec("scene:crossing?rain=0.5")
    assert spec.rain == 0.5 and parse_spec(str(spec)) == spec
    assert "rain" not in str(parse_spec("scene:street")), "texts of dry scenes stay as they were"
    for bad in ("-0.1", "1.5", "nan", "wet"):
        with pytest.raises(SceneError, match="rain"):
            parse_spec(f"scene:crossing?rain={bad}")


def test_rain_changes_every_frame_and_is_the_same_in_every_run(renderer):
    text = f"scene:street?{SMALL}&rain=0.8"
    wet, dry, again = renderer(text), renderer(f"scene:street?{SMALL}"), SceneRenderer(parse_spec(text))
    assert wet.frame(30).rgb.tobytes() == again.frame(30).rgb.tobytes()
    streaks = [wet.frame(i).rgb.astype(int) - dry.frame(i).rgb for i in (30, 31)]
    assert all(np.abs(s).mean() > 8 for s in streaks)
    assert np.corrcoef(streaks[0].ravel(), streaks[1].ravel())[0, 1] < 0.9
    assert wet.frame(30).truth.objects == dry.frame(30).truth.objects


def test_more_rain_hides_more(renderer):
    dry = renderer(f"scene:street?{SMALL}").frame(30).rgb.astype(int)
    light, heavy = (np.abs(renderer(f"scene:street?{SMALL}&rain={r}").frame(30).rgb - dry).mean() for r in (0.2, 1.0))
    assert heavy > 2 * light > 0


def test_it_does_not_rain_indoors(renderer):
    wet, dry = renderer(f"scene:corridor?{SMALL}&rain=1"), renderer(f"scene:corridor?{SMALL}")
    assert wet.frame(10).rgb.tobytes() == dry.frame(10).rgb.tobytes()


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_relations_are_those_of_the_contract_and_agree_with_boxes_and_distances(scene, renderer):
    truth = renderer(f"scene:{scene}?{SMALL}").frame(60).truth
    items, seen = {o.id: o for o in truth.objects}, set()
    assert truth.relations
    for subject, predicate, other in truth.relations:
        assert predicate in SPATIAL_RELATIONS and subject != other
        a, b = items[subject], items[other]
        seen.add(predicate)
        if predicate == "left_of":
            assert a.box_cxcywh[0] < b.box_cxcywh[0] and (other, "right_of", subject) in truth.relations
        if predicate == "in_front_of":
            assert a.distance_m < b.distance_m and (other, "behind", subject) in truth.relations
    assert {"left_of", "in_front_of"} <= seen


def _view(yaw_deg: float = 0.0) -> View:
    return View(Pose(0.0, 1.4, 0.0, yaw_deg), 640, 480, 66.0)


def _passing(class_name: str, x: float, z: float, speed: float = 1.0, **details) -> Thing:
    return Thing(7, class_name, lambda t: (x, z - speed * t), **details)


def test_a_sound_has_the_bearing_of_its_thing_and_six_decibels_less_at_twice_the_distance():
    near, far = (sounds_of([_passing("car", d, d)], _view(), 0.0)[0] for d in (2.0, 4.0))
    assert near.kind == "engine" and near.id == 7 and near.bearing_deg == pytest.approx(45.0)
    assert near.level_db - far.level_db == pytest.approx(20 * math.log10(2))
    assert sounds_of([_passing("car", 2.0, 2.0)], _view(45.0), 0.0)[0].bearing_deg == pytest.approx(0.0)
    assert sounds_of([_passing("car", 0.0, -3.0)], _view(), 0.0)[0].bearing_deg == pytest.approx(180.0)


def test_what_stands_or_is_far_or_is_not_there_is_silent():
    assert sounds_of([Thing(1, "person", still(0.0, 2.0))], _view(), 0.0) == ()
    assert sounds_of([_passing("person", 0.0, 10 ** ((LEVEL_AT_1_M_DB["footsteps"] - AUDIBLE_DB) / 20) + 1)], _view(),
                     0.0) == ()
    assert sounds_of([_passing("car", 0.0, 5.0, visible=lambda _t: False)], _view(), 0.0) == ()
    assert sounds_of([_passing("potted plant", 0.0, 2.0)], _view(), 0.0) == ()


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_sounds_of_a_walk_are_named_as_the_contract_names_them_loudest_first(scene, renderer):
    walk = renderer(f"scene:{scene}?{SMALL}")
    heard = [walk.frame(i).truth.sounds for i in range(0, 200, 10)]
    assert {s.kind for sounds in heard for s in sounds} <= set(SOUNDS) and any(heard)
    numbers = {thing.number for thing in walk.world.things}
    for sounds in heard:
        assert [s.level_db for s in sounds] == sorted((s.level_db for s in sounds), reverse=True)
        assert all(s.id in numbers for s in sounds)


def test_rain_is_heard_from_all_around(renderer):
    sounds = renderer(f"scene:street?{SMALL}&rain=0.8").frame(0).truth.sounds
    rain = [s for s in sounds if s.kind == "water"]
    assert len(rain) == 1 and rain[0].bearing_deg is None and rain[0].to_json()["id"] is None
