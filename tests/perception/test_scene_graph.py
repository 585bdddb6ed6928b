"""Relations follow the boxes, the distances and what the classes offer."""

import numpy as np
import pytest
from support.scene_views import make_view, thing

from maxsight_core import taxonomy
from maxsight_core.contracts import Value
from maxsight_core.perception import scene_graph

PICTURE = np.full((480, 640, 3), 128, np.uint8)


def _thing(name: str, box, track_id: int, **more):
    return thing(name, taxonomy.by_name(name).id, box, track_id, **more)


def _relations(*things, so_far=None) -> set[tuple[str, str, str]]:
    value = scene_graph.estimate(make_view(PICTURE, detections=things, so_far=so_far or {}))["scene_graph"].value
    return {(row["subject"], row["relation"], row["object"]) for row in value["relations"]}


def test_left_and_right_are_each_others_opposite():
    found = _relations(_thing("chair", (0.2, 0.5, 0.2, 0.2), 1), _thing("car", (0.7, 0.5, 0.2, 0.2), 2))
    assert ("d1", "left_of", "d2") in found
    assert ("d2", "right_of", "d1") in found
    assert ("d2", "left_of", "d1") not in found


def test_above_needs_shared_columns():
    over = _relations(_thing("clock", (0.5, 0.2, 0.1, 0.1), 1), _thing("chair", (0.5, 0.7, 0.3, 0.3), 2))
    aside = _relations(_thing("clock", (0.1, 0.2, 0.1, 0.1), 1), _thing("chair", (0.8, 0.7, 0.3, 0.3), 2))
    assert ("d1", "above", "d2") in over
    assert ("d2", "below", "d1") in over
    assert not {relation for _, relation, _ in aside} & {"above", "below"}


def test_inside_and_overlaps_exclude_each_other():
    small_in_large = _relations(_thing("book", (0.5, 0.5, 0.1, 0.1), 1), _thing("bed", (0.5, 0.5, 0.5, 0.5), 2))
    half = _relations(_thing("book", (0.4, 0.5, 0.3, 0.3), 1), _thing("bed", (0.55, 0.5, 0.3, 0.3), 2))
    assert ("d1", "inside", "d2") in small_in_large
    assert not any(relation == "overlaps" for _, relation, _ in small_in_large)
    assert ("d1", "overlaps", "d2") in half
    assert not any(relation == "inside" for _, relation, _ in half)


def test_in_front_of_follows_the_distances_only_beyond_their_uncertainty():
    boxes = (0.3, 0.5, 0.2, 0.4), (0.7, 0.5, 0.2, 0.4)
    clear = _relations(_thing("chair", boxes[0], 1, distance_m=2.0, distance_sd_m=0.3),
                       _thing("chair", boxes[1], 2, distance_m=5.0, distance_sd_m=0.5))
    vague = _relations(_thing("chair", boxes[0], 1, distance_m=2.0, distance_sd_m=2.0),
                       _thing("chair", boxes[1], 2, distance_m=3.0, distance_sd_m=2.0))
    assert ("d1", "in_front_of", "d2") in clear
    assert ("d2", "behind", "d1") in clear
    assert not any(relation in ("in_front_of", "behind") for _, relation, _ in vague)


def test_near_is_metres_where_they_are_known():
    beside = {"distance_m": 3.0, "distance_sd_m": 0.2, "bearing_deg": 0.0}
    far_behind = {"distance_m": 9.0, "distance_sd_m": 0.2, "bearing_deg": 0.0}
    boxes = (0.45, 0.5, 0.1, 0.3), (0.55, 0.5, 0.1, 0.3)
    assert ("d1", "near", "d2") in _relations(
        _thing("chair", boxes[0], 1, **beside), _thing("chair", boxes[1], 2, **beside))
    assert ("d1", "near", "d2") not in _relations(
        _thing("chair", boxes[0], 1, **beside), _thing("chair", boxes[1], 2, **far_behind))


@pytest.mark.parametrize(
    ("other", "person_box", "other_box", "relation"),
    [
        ("bicycle", (0.5, 0.45, 0.2, 0.5), (0.5, 0.65, 0.3, 0.3), "rides"),
        ("bench", (0.5, 0.5, 0.2, 0.4), (0.5, 0.62, 0.5, 0.2), "sits_on"),
        ("handbag", (0.5, 0.5, 0.3, 0.8), (0.6, 0.6, 0.08, 0.15), "carries"),
    ],
)
def test_affordances_and_geometry_together_make_a_semantic_relation(other, person_box, other_box, relation):
    together = _relations(_thing("person", person_box, 1), _thing(other, other_box, 2))
    apart = _relations(_thing("person", person_box, 1), _thing(other, (0.1, 0.2, 0.05, 0.05), 2))
    assert ("d1", relation, "d2") in together
    assert not any(name in scene_graph.SEMANTIC for _, name, _ in apart)


def test_nobody_rides_a_car_they_stand_before():
    found = _relations(_thing("person", (0.5, 0.5, 0.15, 0.6), 1), _thing("car", (0.5, 0.6, 0.6, 0.4), 2))
    assert not any(name == "rides" for _, name, _ in found)


def test_text_is_written_on_the_thing_that_holds_it():
    text = Value.measured("ocr", [{"text": "STOP", "box": [0.5, 0.5, 0.1, 0.05], "confidence": 0.95}], "test")
    found = _relations(_thing("stop sign", (0.5, 0.5, 0.2, 0.2), 1), so_far={"ocr": text})
    assert ("t0", "written_on", "d1") in found


def test_only_steady_pedestrians_that_are_no_detection_become_nodes():
    people = [{"box": [0.2, 0.5, 0.1, 0.4], "score": 0.7, "bearing_deg": -20.0, "steady": steady}
              for steady in (True, False)]
    people.append({"box": [0.8, 0.5, 0.1, 0.4], "score": 0.7, "bearing_deg": 20.0, "steady": True})
    view = make_view(PICTURE, detections=(_thing("person", (0.8, 0.5, 0.1, 0.4), 1),),
                     so_far={"pedestrians": Value.measured("pedestrians", people, "test")})
    nodes = scene_graph.estimate(view)["scene_graph"].value["nodes"]
    assert sorted(node["id"] for node in nodes) == ["d1", "p0"]


def test_an_empty_scene_has_no_graph():
    value = scene_graph.estimate(make_view(PICTURE))["scene_graph"]
    assert value.source == "unavailable"
