"""What the network learned comes out in the form in which it would have been measured, or not at all."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from support.scene_views import make_view, textured, thing

from maxsight_core.alerts.policy import DEFAULT_POLICY
from maxsight_core.contracts import EgoMotion, MotionResult, SceneView, SessionSettings, Value
from maxsight_core.engine import answers, stage_b_seen
from maxsight_core.engine.stage_b import NO_SOUND
from maxsight_core.engine.stage_b_values import MAKERS, retrieval_vectors, values
from maxsight_core.models.reading import ctc_targets, word_targets
from maxsight_core.models.stage_b_contract import (
    ACTIONS,
    BOXES,
    HAZARDS,
    HEADS,
    HEADS_BY_NAME,
    SEMANTIC_RELATIONS,
    SOUNDS,
    SPATIAL_RELATIONS,
    shape_of,
)
from maxsight_core.outputs import BY_NAME
from maxsight_core.perception import colours, description, findability
from maxsight_core.perception.stage_b_estimators import LANE_C, STAGE_B
from maxsight_core.scenes import SceneRenderer, parse_spec

ALL = frozenset(output for head in HEADS for output in head.outputs)
MEASURED = sorted(output for estimator in (*STAGE_B, *LANE_C) for output in estimator.outputs if output in ALL)
SENTENCE = "Person, ahead, 2.5 metres. Bus, left. Dim light. Chair, right. Door, ahead. Open floor ahead. Strong glare."


def raw_of(seed: int = 0) -> dict[str, np.ndarray]:
    """Tensors of a network that answers something everywhere, each within its range."""
    draw = np.random.default_rng(seed)
    raw = {}
    for head in HEADS:
        for tensor in head.gives:
            shape = (1, *shape_of(tensor, head.tier))
            high = 3.0 if tensor.high is None else tensor.high
            numbers = draw.normal(size=shape) if tensor.low is None else draw.uniform(tensor.low, high, shape)
            raw[tensor.name] = numbers.astype(np.float32)
    for name in ("glare_risk", "sound_urgency", "dominant_colours", "box_colours", "recommended_action"):
        raw[name] /= raw[name].sum(axis=-1, keepdims=True)
    raw["text_logits"] = written("text_logits", "WAY OUT 3")
    raw["text_scores"][:] = np.linspace(0.95, 0.05, 8, dtype=np.float32)
    raw["word_logits"] = spoken(SENTENCE)
    raw["time_to_hazard"][:] = 3.0
    raw["hazards"][0, :2] = 0.8, 0.6
    return raw


def _path(numbers: np.ndarray, steps: int, classes: int, height: float = 12.0) -> np.ndarray:
    """Logits [steps, classes] whose best path says ``numbers``; a blank is put between equal neighbours."""
    logits = np.zeros((steps, classes), np.float32)
    logits[:, 0] = height
    place, before = 0, 0
    for number in numbers:
        place += number == before
        logits[place] = 0.0
        logits[place, number] = height
        place, before = place + 1, number
    return logits


def written(name: str, text: str, height: float = 12.0) -> np.ndarray:
    regions, steps, classes = shape_of(HEADS_BY_NAME["ocr"].gives[3], "T3")
    return np.repeat(_path(ctc_targets(text), steps, classes, height)[None], regions, axis=0)[None]


def spoken(sentence: str, height: float = 30.0) -> np.ndarray:
    steps, classes = shape_of(HEADS_BY_NAME["scene_description"].gives[0], "T3")
    return _path(word_targets(sentence), steps, classes, height)[None]


def moving() -> MotionResult:
    return MotionResult(np.zeros((2, 24, 32), np.float32), np.zeros((24, 32), np.float32),
                        EgoMotion(dt_s=0.1, inlier_fraction=0.9), quality=0.8)


@pytest.fixture(scope="module")
def rendered() -> SceneView:
    """A street with its nearest true things as detections, one of them on course."""
    frame = SceneRenderer(parse_spec("scene:street?seconds=10&fps=5&size=320x240")).frame(20)
    things = [thing(item.class_name, item.class_id, item.box_cxcywh, item.id, urgency=item.urgency, zone=item.zone,
                    distance_m=item.distance_m, distance_sd_m=0.1 * item.distance_m, bearing_deg=item.bearing_deg)
              for item in frame.truth.objects[:12]]
    things[0] = replace(things[0], time_to_contact_s=3.0, on_course=True)
    assert len(things) == 12
    return make_view(frame.rgb, detections=tuple(things), motion=moving(), time_s=1.0)


@pytest.fixture(scope="module")
def measured(rendered) -> dict[str, Value]:
    """What the estimators say of the same view, after one earlier look and with text found by lane C."""
    found: dict[str, Value] = {}
    memory: dict = {}
    for time_s in (0.5, 1.0):
        view = replace(rendered, frame=replace(rendered.frame, time_s=time_s), memory=memory, so_far={})
        for estimator in STAGE_B:
            view.so_far.update(estimator.estimate(view))
        found = view.so_far
    line = {"text": "EXIT", "box": [0.5, 0.5, 0.1, 0.05], "confidence": 0.9}  # PP-OCR's form, without its second
    return {**found, "ocr": Value.measured("ocr", [line], "as in perception.ocr.read", 0.9)}


@pytest.fixture(scope="module")
def learned(rendered) -> dict[str, Value]:
    return values(raw_of(), ALL, rendered)


def assert_same_form(one, other, where: str) -> None:
    """Same keys, same types, same dimensions; None stands for a part that is not known."""
    if one is None or other is None:
        return
    if isinstance(other, np.ndarray):
        assert isinstance(one, np.ndarray) and one.dtype == other.dtype and one.ndim == other.ndim, where
    elif isinstance(other, dict):
        assert set(other) == set(one), where
        for key in other:
            assert_same_form(one[key], other[key], f"{where}.{key}")
    elif isinstance(other, list):
        assert isinstance(one, list), where
        for first, second in zip(one[:1], other[:1], strict=False):
            assert_same_form(first, second, f"{where}[]")
    else:
        assert type(one) is type(other), where


@pytest.mark.parametrize("output", MEASURED)
def test_a_learned_value_has_the_form_of_the_measured_one(output, learned, measured):
    one, other = learned[output], measured[output]
    assert (one.source, other.source) == ("learned", "measured"), (one.reason, other.reason)
    held, expected = one.value, other.value
    if output == "personalization":
        assert set(held["proposed"]) == {"threshold_shifts", "verbosity", "priorities"}
        held = {key: part for key, part in held.items() if key != "proposed"}
    if output == "therapy_state":
        held, expected = {**held, "reasons": {}}, {**expected, "reasons": {}}  # only the unknown parts have a reason
    assert_same_form(held, expected, output)
    assert isinstance(held, np.ndarray) or held  # of nothing and nothing the form is always the same


@pytest.mark.parametrize("output", sorted(ALL))
def test_values_are_in_the_range_of_the_registry_and_fit_into_json(output, learned):
    value, spec = learned[output], BY_NAME[output]
    assert value.name == output
    json.dumps(value.to_json(preview=True), allow_nan=False)
    if value.source == "unavailable":
        assert output == "retrieval"
        return
    numbers = list(_numbers(value.value))
    if output not in ("colours", "glare_risk"):  # whose ranges are those of names and of levels
        assert spec.low is None or min(numbers) >= spec.low
        assert spec.high is None or max(numbers) <= spec.high
    assert value.is_finite()


def _numbers(held):
    if isinstance(held, np.ndarray):
        yield from held.ravel().tolist()
    elif isinstance(held, dict):
        for key, item in held.items():
            yield from _numbers(item) if key != "id" else ()
    elif isinstance(held, list):
        for item in held:
            yield from _numbers(item)
    elif isinstance(held, float):
        yield held


def test_every_output_of_every_head_has_a_maker():
    assert set(MAKERS) == ALL


def test_only_what_was_trained_is_returned(rendered):
    assert values(raw_of(), frozenset(), rendered) == {}
    for trained in (frozenset({"depth_map"}), frozenset({"ocr", "colours", "glare_risk"}),
                    ALL - {"scene_graph", "edge_map"}):
        assert set(values(raw_of(), trained, rendered)) == trained
    assert set(values(raw_of(), frozenset({"objectness", "edge_map"}), rendered)) == {"edge_map"}


def test_an_untrained_neighbour_lends_no_confidence(rendered):
    raw = raw_of()
    assert values(raw, frozenset({"depth_map"}), rendered)["depth_map"].confidence is None
    risk = values(raw, frozenset({"glare_risk"}), rendered)["glare_risk"]
    assert risk.confidence == pytest.approx(float(raw["glare_risk"].max()))
    therapy = values(raw, frozenset({"therapy_state"}), rendered)["therapy_state"].value
    assert therapy["contrast"]["mean_rms"] is None
    assert "contrast map" in therapy["reasons"]["mean_rms"]
    therapy = values(raw, frozenset({"therapy_state", "contrast_map"}), rendered)["therapy_state"].value
    assert therapy["contrast"]["mean_rms"] == pytest.approx(float(raw["contrast_map"].mean()))


def test_names_of_heads_are_not_taken_for_outputs(rendered):
    with pytest.raises(ValueError, match=r"expected names of outputs.*got colour, depth"):
        values(raw_of(), frozenset({"depth", "colour", "ocr"}), rendered)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_number_that_is_none_spoils_its_head_and_nothing_else(head, number, learned, rendered):
    for tensor in head.gives:
        raw = raw_of()
        raw[tensor.name].reshape(-1)[-1] = number
        found = values(raw, ALL, rendered)
        for output in head.outputs:
            assert found[output].source == "unavailable"
            assert found[output].reason == f"NaN or infinity in {tensor.name}; withheld for this frame"
        others = ALL - set(head.outputs)
        assert {name for name in others if found[name].source != learned[name].source} == set()


@pytest.mark.parametrize(("change", "reason"), [
    (lambda raw: raw.pop("edge_map"), "the network gave no edge_map"),
    (lambda raw: raw.update(edge_map=raw["edge_map"][:, :55]),
     "expected edge_map of shape [1, 56, 56]; got [1, 55, 56]"),
    (lambda raw: raw["edge_map"].__setitem__((0, 3, 3), -0.5), "edge_map out of its range (gradient): -0.5..3"),
])
def test_a_tensor_that_is_not_what_was_agreed_gives_no_value(change, reason, rendered):
    raw = raw_of()
    raw["edge_map"][0, 0, 0] = 3.0
    change(raw)
    value = values(raw, frozenset({"edge_map"}), rendered)["edge_map"]
    assert value.source == "unavailable"
    assert reason in value.reason


def test_rounding_beyond_the_range_is_brought_back_to_its_end(rendered):
    raw = raw_of()
    raw["glare_confidence"][:] = 1.0004
    raw["depth_map"][0, 0, 0] = -0.01
    found = values(raw, ALL, rendered)
    assert found["glare_confidence"].value == 1.0
    assert found["depth_map"].value.min() == 0.0


PER_DETECTION = {
    "precise_distances": lambda value: [row["id"] for row in value],
    "precise_distance_uncertainty": lambda value: [row["id"] for row in value],
    "findability": lambda value: [row["id"] for row in value["detections"]],
    "colours": lambda value: [row["id"] for row in value["detections"]],
    "personalization": lambda value: [row["id"] for row in value["proposed"]["priorities"]],
}


@pytest.mark.parametrize("count", [1, 3, BOXES, BOXES + 5])
def test_rows_belong_to_the_detections_in_their_order_and_to_sixteen_at_most(count):
    things = tuple(thing(track_id=100 - number, box=(0.5, 0.5, 0.1 + 0.01 * number, 0.2)) for number in range(count))
    view = make_view(textured(), detections=things, motion=moving())
    found = values(raw_of(), ALL, view)
    expected = [one.track_id for one in things[:BOXES]]
    for output, ids in PER_DETECTION.items():
        assert ids(found[output].value) == expected, output
    raw = raw_of()
    np.testing.assert_array_equal(found["roi_priority"].value, raw["roi_priority"][0, :min(count, BOXES)])
    assert [row["distance_m"] for row in found["precise_distances"].value] == pytest.approx(
        raw["precise_distances"][0, :min(count, BOXES)].tolist())
    nodes = {node["id"] for node in found["scene_graph"].value["nodes"]}
    assert nodes == {f"d{number}" for number in expected}
    assert {row[end] for row in found["scene_graph"].value["relations"] for end in ("subject", "object")} <= nodes
    assert ("the first 16 of 21" in found["roi_priority"].method) == (count > BOXES)


def test_without_detections_nothing_is_said_of_any():
    found = values(raw_of(), ALL, make_view(textured(), motion=moving()))
    for output in ("precise_distances", "precise_distance_uncertainty", "roi_priority", "scene_graph"):
        assert found[output].source == "unavailable"
    assert found["findability"].value["detections"] == found["colours"].value["detections"] == []


def test_a_person_whose_eyes_are_known_is_not_given_a_normal_observers_figures(rendered):
    view = replace(rendered, settings=SessionSettings(patient_profile={"logmar": 0.8}))
    found = values(raw_of(), ALL, view)
    for output in ("contrast_sensitivity", "findability", "roi_priority"):
        assert "normal observer" in found[output].reason
        assert "logMAR 0.80" in found[output].reason
    therapy = found["therapy_state"].value
    assert therapy["contrast"]["visible_share"] is None
    assert "normal observer" in therapy["reasons"]["contrast"]
    assert therapy["fatigue"] is not None


def test_a_broken_profile_costs_only_what_needs_it(rendered):
    view = replace(rendered, settings=SessionSettings(patient_profile={"logmar": "good"}))
    found = values(raw_of(), ALL, view)
    unusable = {name for name, value in found.items() if value.source == "unavailable"}
    assert unusable == {"contrast_sensitivity", "findability", "roi_priority", "therapy_state", "retrieval"}
    assert "patient_profile.logmar" in found["findability"].reason


def test_text_is_read_and_what_is_not_sure_is_left_out(rendered):
    view = make_view(textured())
    raw = raw_of()
    raw["text_boxes"][0, :, 1] = np.linspace(0.9, 0.1, 8)
    lines = values(raw, ALL, view)["ocr"].value
    assert [line["text"] for line in lines] == ["WAY OUT 3"] * 3  # scores 0.95, 0.82, 0.69; the fourth is 0.56
    assert [line["box"][1] for line in lines] == sorted(line["box"][1] for line in lines)
    raw["text_logits"] = written("text_logits", "WAY OUT 3", height=3.0)
    assert values(raw, ALL, view)["ocr"].value == []
    blurred = replace(view, quality=replace(view.quality, sharpness=0.01))
    assert "not legible" in values(raw, ALL, blurred)["ocr"].reason


def test_a_sentence_is_cut_to_each_verbosity(learned):
    told = learned["scene_description"].value
    assert told["full"] == SENTENCE.replace(",", "")
    assert told["brief"] == "Person ahead 2.5 metres. Bus left."
    assert told["normal"] == "Person ahead 2.5 metres. Bus left. Dim light. Chair right. Door ahead."
    assert learned["scene_description"].confidence > 0.99


@pytest.mark.parametrize(("change", "settings", "reason"), [
    ({"word_logits": spoken(SENTENCE) * 0.1}, {}, "not sure of its words"),
    ({"word_logits": spoken("")}, {}, "nothing to say"),
    ({}, {"units": "feet"}, "units and directions that were chosen"),
    ({}, {"directions": "clock"}, "units and directions that were chosen"),
])
def test_a_sentence_that_does_not_serve_is_left_to_the_grammar(change, settings, reason, rendered):
    view = replace(rendered, settings=SessionSettings(**settings))
    value = values({**raw_of(), **change}, ALL, view)["scene_description"]
    assert value.source == "unavailable"
    assert reason in value.reason


def test_relations_name_the_detections_they_hold_between(rendered):
    raw = raw_of()
    for name in ("spatial_relations", "semantic_relations"):
        raw[name][:] = 0.0
    raw["spatial_relations"][0, 0, 2, SPATIAL_RELATIONS.index("near")] = 0.9
    raw["semantic_relations"][0, 1, 0, SEMANTIC_RELATIONS.index("blocks")] = 0.7
    raw["semantic_relations"][0, 15, 14, SEMANTIC_RELATIONS.index("blocks")] = 0.99  # of boxes that are filled up
    value = values(raw, ALL, rendered)["scene_graph"]
    first, second, third = (f"d{one.track_id}" for one in rendered.detections[:3])
    assert value.value["relations"] == [
        {"subject": first, "relation": "near", "object": third, "kind": "spatial", "confidence": 0.9},
        {"subject": second, "relation": "blocks", "object": first, "kind": "semantic", "confidence": 0.7},
    ]
    assert value.confidence == pytest.approx(0.7)


def test_sounds_are_named_when_likely_and_silence_is_no_sound(rendered):
    raw = raw_of()
    raw["sound_events"][:] = 0.1
    raw["sound_events"][0, SOUNDS.index("siren")] = 0.8
    raw["sound_events"][0, SOUNDS.index("dog")] = 0.9
    found = values(raw, ALL, rendered)
    assert found["sound_events"].value == [{"label": "dog", "confidence": 0.9}, {"label": "siren", "confidence": 0.8}]
    assert found["sound_direction"].value == pytest.approx(float(raw["sound_direction"][0, 0]))
    raw["sound_events"][:] = 0.1
    found = values(raw, ALL, rendered)
    assert found["sound_events"].value == []
    assert "could have a direction" in found["sound_direction"].reason
    for name in ("sound_events", "sound_direction", "sound_urgency"):
        raw[name][:] = 0.0  # what the head gives without sound
    found = values(raw, ALL, rendered)
    assert {found[name].reason for name in ("sound_events", "sound_direction", "sound_urgency")} == {NO_SOUND}


def test_a_hazard_is_never_answered_with_go_on(rendered):
    raw = raw_of()
    raw["recommended_action"][:] = 0.0
    raw["recommended_action"][0, ACTIONS.index("go_on")] = 0.9
    raw["recommended_action"][0, ACTIONS.index("step_right")] = 0.1
    raw["hazards"][:] = 0.0
    raw["hazards"][0, HAZARDS.index("step")] = 0.7
    rows = values(raw, ALL, rendered)["predictive_alerts"].value
    assert rows == [{"hazard": "step", "track_id": None, "bearing_deg": None, "time_to_hazard_s": 3.0,
                     "on_course": True, "recommended_action": "move right"}]
    raw["time_to_hazard"][:] = 12.0
    assert values(raw, ALL, rendered)["predictive_alerts"].value == []


def test_without_an_earlier_frame_nothing_moves():
    view = make_view(textured(), motion=MotionResult(None, None, EgoMotion(cut=True), reason="the picture was cut"))
    found = values(raw_of(), ALL, view)
    for output in ("scene_motion", "temporal_consistency", "predictive_alerts"):
        assert "the picture was cut" in found[output].reason


def test_motion_is_told_in_pixels_of_the_frame():
    raw = raw_of()
    raw["scene_motion"][:] = 2.0
    flow = values(raw, ALL, make_view(textured(448, 672), motion=moving()))["scene_motion"].value
    assert flow.shape == (2, 56, 56)
    np.testing.assert_allclose(flow[0], 6.0)
    np.testing.assert_allclose(flow[1], 4.0)


def test_colours_are_named_as_where_they_are_measured(rendered):
    assert (stage_b_seen.DOMINANT_SHARE, stage_b_seen.BOX_SHARE) == (colours._DOMINANT_SHARE, colours._BOX_MIN_SHARE)
    raw = raw_of()
    raw["dominant_colours"][:] = 0.01
    raw["dominant_colours"][0, colours.NAMES.index("green")] = 0.6
    raw["dominant_colours"][0, colours.NAMES.index("grey")] = 0.3
    raw["box_colours"][:] = 1 / 12
    raw["box_colours"][0, 0, colours.NAMES.index("red")] = 0.5
    value = values(raw, ALL, rendered)["colours"].value
    assert [row["name"] for row in value["dominant"]] == ["green", "grey"]
    assert [row["name"] for row in value["detections"][:2]] == ["red", None]
    dark = replace(rendered, quality=replace(rendered.quality, lighting="dark"))
    assert values(raw, ALL, dark)["colours"].reason == "too dark for colours"


def test_the_less_a_depth_is_known_the_less_it_is_trusted(rendered):
    raw = raw_of()
    raw["depth_map"][:] = 4.0
    trusted = []
    for spread in (0.4, 4.0, 40.0):
        raw["depth_uncertainty"][:] = spread
        trusted.append(values(raw, ALL, rendered)["depth_map"].confidence)
    clear = 1.0 - rendered.quality.uncertainty
    assert trusted == pytest.approx([clear / 1.1, clear / 2.0, clear / 11.0])


def test_estimators_and_alerts_work_on_learned_values(rendered):
    """The description, findability and the alerts' context read learned values as if they had been measured."""
    raw = raw_of()
    raw["glare_risk"][:] = (0.0, 0.0, 0.1, 0.9)
    raw["navigation_difficulty"][:] = 0.9
    raw["semantic_relations"][:] = 0.0
    raw["semantic_relations"][0, 1, 0, SEMANTIC_RELATIONS.index("rides")] = 0.9
    learned = values(raw, ALL - {"scene_description", "findability", "roi_priority"}, rendered)
    view = replace(rendered, so_far=dict(learned), detections=rendered.detections[:3],
                   quality=replace(rendered.quality, sharpness=0.9, uncertainty=0.1),
                   settings=SessionSettings(verbosity="full"))
    view.so_far.update(values(raw, frozenset({"ocr"}), view))
    told = description.estimate(view)["scene_description"].value["full"]
    assert "Strong glare" in told
    assert "Text" in told and "WAY OUT 3" in told
    assert "Crowded with detail here" in told
    second, first = (view.detections[place].class_name for place in (1, 0))
    assert f"{second} riding {first}".lower() in told.lower()
    assert findability.estimate(view)["findability"].source == "measured"
    items = answers.context_items(view.so_far, 1, 1.0, view.camera, DEFAULT_POLICY)
    assert "WAY OUT 3" in {item.label for item in items}


def test_vectors_for_the_lookup_come_from_a_trained_head_only():
    raw = raw_of()
    assert retrieval_vectors(raw, ALL - {"retrieval"}) is None
    found = retrieval_vectors(raw, ALL)
    np.testing.assert_array_equal(found["scene_vector"], raw["scene_vector"][0])
    assert found["concept_vectors"].shape == (4, 256)
    raw["concept_vectors"][0, 1, 1] = np.nan
    assert retrieval_vectors(raw, ALL) is None


def test_no_network_library_is_needed():
    code = "import sys; from maxsight_core.engine import stage_b_values; print('torch' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)}, text=True, capture_output=True, check=True)
    assert found.stdout.strip() == "False"


def test_what_a_real_network_answers_becomes_values(rendered):
    """From a frame through the smallest network, new and untrained, to outputs: names, shapes and ranges fit."""
    import torch

    from maxsight_core.engine.stage_b_values import inputs
    from maxsight_core.models.assemble import build_stage_b
    from maxsight_core.models.layers.normalise import Normalise

    torch.manual_seed(0)
    network = build_stage_b("T1").eval()
    given = inputs("T1", rendered.frame.rgb, rendered.detections, (), rendered.settings, None)
    with torch.inference_mode():
        tensors = {name: torch.from_numpy(array) for name, array in given.items() if name != "picture"}
        answer = network({**tensors, "images": Normalise()(torch.from_numpy(given["picture"]))})
    trained = frozenset(output for head in HEADS if head.tier == "T1" for output in head.outputs)
    found = values({name: tensor.numpy() for name, tensor in answer.items()}, trained, rendered)
    assert {value.source for value in found.values()} == {"learned"}
    assert 2.0 < float(np.median(found["depth_map"].value)) < 10.0
    assert [row["id"] for row in found["precise_distances"].value] == [one.track_id for one in rendered.detections]
