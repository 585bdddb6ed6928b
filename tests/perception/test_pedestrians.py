"""The people detector finds an upright person, and reports one as steady only when it was seen again."""

import functools
import json

import cv2
import numpy as np
from support.data import shared_data
from support.scene_views import load_rgb, make_view, textured, thing

from maxsight_core.contracts import EgoMotion, MotionResult
from maxsight_core.perception import pedestrians
from maxsight_core.perception.geometry import iou


@functools.cache
def _person_photo() -> tuple[np.ndarray, tuple[tuple[float, float, float, float], ...]]:
    """The photograph of a large upright person in which the detector is surest, and its labelled people."""
    folder = shared_data("coco_cc")
    data = json.loads((folder / "instances.json").read_text())
    people: dict[int, list] = {}
    for box in data["annotations"]:
        if box["category_id"] == 1:
            people.setdefault(box["image_id"], []).append(box["bbox"])
    best = None
    for image in data["images"]:
        longest = max(image["width"], image["height"])
        boxes = people.get(image["id"], [])
        if not any(h > 0.4 * longest and h > 2.0 * w for _, _, w, h in boxes):
            continue
        rgb = load_rgb(folder / "images" / image["file_name"])
        found = pedestrians.find_people(rgb)
        if found and (best is None or found[0][1] > best[2]):
            best = (rgb, tuple(((x + w / 2) / image["width"], (y + h / 2) / image["height"], w / image["width"],
                                h / image["height"]) for x, y, w, h in boxes), found[0][1])
    assert best is not None, "no large upright person was found in any shared photograph"
    return best[0], best[1]


def test_a_real_upright_person_is_found_where_they_stand():
    rgb, people = _person_photo()
    box, weight = pedestrians.find_people(rgb)[0]
    assert max(iou(box, person) for person in people) >= 0.5
    assert weight >= pedestrians.MIN_WEIGHT


def test_a_person_whom_the_network_named_is_not_told_again():
    rgb, _ = _person_photo()
    (person, *others) = pedestrians.estimate(make_view(rgb))["pedestrians"].value
    named = thing("person", 1, tuple(person["box"]))
    found = pedestrians.estimate(make_view(rgb, detections=(named,)))["pedestrians"].value
    assert [one["box"] for one in found] == [one["box"] for one in others]
    chair = thing("chair", 62, tuple(person["box"]))
    assert person["box"] in [one["box"] for one in
                             pedestrians.estimate(make_view(rgb, detections=(chair,)))["pedestrians"].value]


def test_a_person_is_steady_only_at_the_second_look_and_not_after_a_cut():
    rgb, _ = _person_photo()
    memory: dict = {}
    steady = [
        pedestrians.estimate(make_view(rgb, memory=memory, seq=i, time_s=0.3 * i))["pedestrians"].value[0]["steady"]
        for i in range(2)
    ]
    assert steady == [False, True]
    cut = MotionResult(None, None, EgoMotion(cut=True))
    after_cut = pedestrians.estimate(make_view(rgb, memory=memory, seq=2, time_s=0.6, motion=cut))
    assert after_cut["pedestrians"].value[0]["steady"] is False


def test_two_of_three_looks_are_enough_and_a_pause_forgets():
    rgb, _ = _person_photo()
    blank = textured(*rgb.shape[:2])
    memory: dict = {}
    for i, picture in enumerate((rgb, blank)):
        pedestrians.estimate(make_view(picture, memory=memory, seq=i, time_s=0.3 * i))
    again = pedestrians.estimate(make_view(rgb, memory=memory, seq=2, time_s=0.6))["pedestrians"]
    assert again.value[0]["steady"] is True
    late = pedestrians.estimate(make_view(rgb, memory=memory, seq=3, time_s=9.0))["pedestrians"]
    assert late.value[0]["steady"] is False


def test_texture_without_people_gives_an_empty_list_that_claims_nothing():
    value = pedestrians.estimate(make_view(textured()))["pedestrians"]
    assert value.value == []
    assert value.confidence is None
    assert "no safety claim" in value.method


def test_bearing_is_left_for_a_person_on_the_left():
    rgb, _ = _person_photo()
    wide = np.full((rgb.shape[0], rgb.shape[1] * 2, 3), 128, np.uint8)
    wide[:, : rgb.shape[1]] = rgb
    scale = 640 / max(wide.shape[:2])
    found = pedestrians.find_people(cv2.resize(wide, None, fx=scale, fy=scale), min_weight=0.2)
    assert all(box[0] < 0.5 for box, _ in found)


def test_a_picture_smaller_than_the_window_finds_nobody():
    assert pedestrians.find_people(np.zeros((100, 60, 3), np.uint8)) == []


def test_scores_rise_with_the_svm_distance_and_stay_shares():
    scores = [pedestrians.score_of(weight) for weight in (0.9, 1.0, 1.4, 3.0)]
    assert scores == sorted(scores)
    assert 0.0 < scores[0] < scores[-1] <= 1.0
