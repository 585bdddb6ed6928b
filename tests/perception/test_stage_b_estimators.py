"""Stage B and lane C cover registry outputs once each, and every estimator keeps its word."""


import numpy as np
import pytest
from support.scene_views import make_view, textured, thing

from maxsight_core import outputs
from maxsight_core.contracts import Value
from maxsight_core.perception.stage_b_estimators import LANE_C, STAGE_B

MADE_ELSEWHERE = {"sound_events", "sound_direction", "sound_urgency", "retrieval", "scene_motion"}


def test_outputs_are_registry_names_of_their_stage_without_duplicates():
    for lane, estimators in (("B", STAGE_B), ("C", LANE_C)):
        named = [name for estimator in estimators for name in estimator.outputs]
        assert len(named) == len(set(named))
        assert all(outputs.spec(name).stage == lane for name in named)


def test_every_stage_b_and_c_output_is_covered_or_known_to_come_from_elsewhere():
    covered = {name for estimator in (*STAGE_B, *LANE_C) for name in estimator.outputs}
    declared = {spec.name for spec in outputs.REGISTRY if spec.stage in "BC"}
    assert declared - covered == MADE_ELSEWHERE


def test_readers_run_after_what_they_read():
    order = [estimator.name for estimator in STAGE_B]
    for reader, read in (("findability", "contrast"), ("navigation", "path_guidance"), ("scene_graph", "pedestrians"),
                         ("description", "scene_graph"), ("description", "navigation"), ("depth", "path_guidance")):
        assert order.index(reader) > order.index(read)


@pytest.mark.parametrize(
    "picture",
    [textured(), np.zeros((480, 640, 3), np.uint8), np.full((480, 640, 3), 255, np.uint8), textured(640, 360),
     textured(48, 64)],
    ids=["photograph-like", "black", "white", "portrait", "tiny"],
)
def test_every_estimator_gives_exactly_its_outputs_for_any_picture(picture):
    picture = picture.copy()
    picture.flags.writeable = False
    memory: dict = {}
    for seq in range(2):
        view = make_view(picture, detections=(thing(), thing("car", 3, (0.2, 0.6, 0.2, 0.2), 2)), memory=memory,
                         seq=seq, time_s=0.2 * seq)
        for estimator in STAGE_B:
            values = estimator.estimate(view)
            assert set(values) == set(estimator.outputs), estimator.name
            for name, value in values.items():
                assert isinstance(value, Value)
                assert value.name == name
                assert value.is_finite()
            view.so_far.update(values)


