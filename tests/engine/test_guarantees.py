"""The six architectural guarantees of the system description, each with tests that fail when it is broken.

docs/guarantees.md says how each one is built. Every test's docstring says how it was broken to see it fail.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import FrozenInstanceError, fields, replace

import cv2
import numpy as np
import pytest
import torch
from support.engine_doubles import (
    QUICK,
    SCENE,
    Recorder,
    StageADouble,
    StageBDouble,
    estimator,
    make_engine,
    manifest,
    packet,
    wait_for,
)
from support.small_stage_a import small_stage_a
from torch import nn

from maxsight_core.contracts import SessionSettings, Value
from maxsight_core.engine import decision, detect, stage_b_values
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decision import DecisionThresholds
from maxsight_core.engine.decode import decode_rgb
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.engine.runtimes import LoadedStageB
from maxsight_core.engine.service import EngineService
from maxsight_core.models.assemble import build_stage_a, build_stage_b
from maxsight_core.models.stage_b_contract import INPUT_SIDE_PX, TIER_KEYS, inputs_of
from maxsight_core.models.tiers import TIERS
from maxsight_core.perception.stage_b_estimators import Estimator
from maxsight_core.process import offline
from maxsight_core.retrieval import Found, RetrievalWorker
from maxsight_core.scenes import light_jpeg

DEPTH = frozenset({"depth_map", "depth_uncertainty"})
CONFIG = offline(EngineConfig(stall_s=3.0))
FRAMES = 6
JPEGS = [light_jpeg(SCENE, seq) for seq in range(FRAMES)]
BLACK = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()
WITH_NETWORK = [key for key in TIER_KEYS if TIERS[key].trunk]


@pytest.fixture(autouse=True)
def quick_estimators(monkeypatch):
    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", QUICK)
    monkeypatch.setattr("maxsight_core.engine.advice.LANE_C", (estimator("ocr", "ocr", value=[]),))


@pytest.fixture(scope="module")
def stage_a():
    """The real network on a small picture: what it computes could be changed by anything that shares its memory."""
    return small_stage_a()


@pytest.fixture(scope="module")
def plans():
    """Every tier's Stage B as a plan; nothing is allocated."""
    with torch.device("meta"):
        return {key: build_stage_b(key) for key in WITH_NETWORK}


def frames(count=FRAMES):
    return [as_frame(decode_rgb(JPEGS[seq]), seq / 10.0, seq) for seq in range(count)]


def of_tier(stage_a, tier):
    return replace(stage_a, manifest=replace(stage_a.manifest, tier=tier))


def bits(result):
    """Everything Stage A says of a frame but the server's clocks, bit for bit."""
    held = {"detections of the frame": [d.to_json() for d in result.detections], "uncertainty": result.uncertainty}
    for name, value in result.outputs.items():
        if name not in ("timings", "stage_b"):
            array = isinstance(value.value, np.ndarray)
            held[name] = (value.source, value.method, value.value.dtype.str if array else "",
                          value.value.tobytes() if array else repr(value.value))
    return held


# ---- 1. Stage A is ResNet50 + FPN, whatever Stage B is or does ------------------------------------------------

ALLOWED = {
    "torch.nn.modules.container": {"Sequential", "ModuleList", "ModuleDict"},
    "torch.nn.modules.conv": {"Conv2d"}, "torch.nn.modules.linear": {"Linear"},
    "torch.nn.modules.batchnorm": {"BatchNorm2d"}, "torch.nn.modules.normalization": {"GroupNorm", "LayerNorm"},
    "torch.nn.modules.activation": {"ReLU", "SiLU", "GELU"}, "torch.nn.modules.pooling": {"MaxPool2d"},
    "torchvision.models.resnet": {"Bottleneck"}, "torchvision.ops.misc": {"FrozenBatchNorm2d", "Conv2dNormActivation"},
    "torchvision.models._utils": {"IntermediateLayerGetter"},
    "torchvision.ops.feature_pyramid_network": {"FeaturePyramidNetwork", "LastLevelMaxPool", "LastLevelP6P7"},
}
"""What a convolutional network with a feature pyramid is made of; attention, recurrence and dynamic weights are not."""
OWN = ("maxsight_core.models.stage_a", "maxsight_core.models.backbones.resnet_fpn",
       "maxsight_core.models.layers.residual", "maxsight_core.models.heads.detection",
       "maxsight_core.models.heads.distance_zones", "maxsight_core.models.heads.fcos",
       "maxsight_core.models.heads.frame", "maxsight_core.models.heads.scene", "torchvision.models.detection.fcos")


def foreign_parts(model: nn.Module) -> list[str]:
    return [f"{name}: {kind.__module__}.{kind.__name__}" for name, module in model.named_modules()
            for kind in [type(module)]
            if kind.__module__ not in OWN and kind.__name__ not in ALLOWED.get(kind.__module__, ())]


@pytest.mark.parametrize("grid", ["fused", "pyramid"])
def test_1_stage_a_has_no_part_but_resnet50_fpn_and_its_heads(grid):
    """Broken by putting ``DynamicConvolution``, an LSTM or a ``MultiheadAttention`` into its detection head."""
    with torch.device("meta"):
        model = build_stage_a(grid)
    assert not foreign_parts(model)
    kinds = Counter(type(module).__name__ for module in model.modules())
    assert kinds["Bottleneck"] == 16, "ResNet50 has 3 + 4 + 6 + 3 bottlenecks"
    assert kinds["FeaturePyramidNetwork"] == 1
    for part in (nn.LSTM(4, 4), nn.MultiheadAttention(4, 1), nn.TransformerEncoderLayer(4, 1)):
        model.intruder = part
        assert foreign_parts(model), f"{type(part).__name__} would go unnoticed"


@pytest.mark.parametrize("tier", TIER_KEYS)
def test_1_every_tier_has_the_same_stage_a(tier, stage_a):
    """Broken by choosing the backbone by the tier in ``Engine.__init__``."""
    double = None if tier == "T0" else LoadedStageB(StageBDouble(tier), manifest(tier), "double")
    engine = Engine(CONFIG, stage_a=of_tier(stage_a, tier), stage_b=double)
    assert engine.tier.key == tier
    assert engine.runtime is stage_a.runtime
    graph = engine.runtime._graph
    with torch.device("meta"):
        expected = build_stage_a("fused")
    assert [name for name, _ in graph.model.named_parameters()] == [name for name, _ in expected.named_parameters()]


class Mode:
    """What Stage B's network does while Stage A's answers are compared."""

    def __init__(self, name):
        self.name, self.gate, self.begun = name, threading.Event(), threading.Event()
        self.double = StageBDouble("T2", self)
        if name == "nan":
            self.double.spoil = tuple(t.name for head in TIERS["T2"].heads for t in head.gives)

    def __call__(self, part):
        self.begun.set()
        if self.name == "raises":
            raise RuntimeError("device lost")
        if self.name == "hangs":
            self.gate.wait(30.0)
        if self.name == "scribbles":
            scribble(self.double.calls[-1].values())


def scribble(arrays):
    """Write over everything that can be written to."""
    for array in arrays:
        if isinstance(array, np.ndarray) and array.flags.writeable:
            array[...] = 1


def scribbling(view):
    """An estimator that spoils whatever it can reach."""
    scribble([view.frame.rgb, view.grey, view.small, view.motion.flow, view.motion.residual])
    for thing in (view.motion.ego, view.quality, view.settings, *view.detections):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, fields(thing)[0].name, None)
    return {"edge_map": Value.measured("edge_map", 1.0, "scribbled")}


@pytest.fixture(scope="module")
def alone(stage_a):
    """Stage A's answers when there is no Stage B at all."""
    engine = Engine(CONFIG, stage_a=of_tier(stage_a, "T0"))
    state = engine.new_session(SessionSettings())
    return [bits(engine.stage_a(state, frame)[0]) for frame in frames()]


@pytest.mark.parametrize("name", ["on", "untrained", "raises", "hangs", "nan", "scribbles"])
def test_1_stage_a_is_bit_identical_with_stage_b_on_off_failing_hanging_and_giving_nan(
        name, stage_a, alone, monkeypatch):
    """Broken by leaving the flow writable (``stage_a_outputs.freeze``) and by letting lane B reset the session."""
    mode = Mode(name)
    if name == "scribbles":
        monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B",
                            (Estimator("scribbling", ("edge_map",), scribbling),))
    trained = frozenset() if name == "untrained" else DEPTH
    engine = Engine(CONFIG, stage_a=stage_a, stage_b=LoadedStageB(mode.double, manifest("T2", trained), "double"))
    service, recorder = EngineService(CONFIG, engine), Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    try:
        for seq, jpeg in enumerate(JPEGS):
            service.submit("s", packet(seq, jpeg))
            assert recorder.wait(lambda r: r.answers[seq])  # noqa: B023
            if name != "hangs":  # Stage B is done with this frame before the next one comes
                assert recorder.wait(lambda r: any(s.lane == "B" and s.seq == seq for s in r.scenes))  # noqa: B023
            assert mode.begun.wait(20.0)
    finally:
        mode.gate.set()
        service.stop()
    assert len(recorder.results) == FRAMES
    assert not service.health()["stage_b"]["reasons"].get("estimator_failed")
    for expected, result in zip(alone, recorder.results, strict=True):
        found = bits(result)
        assert expected.keys() == found.keys()
        for output, value in expected.items():
            assert found[output] == value, f"{output} of frame {result.seq} changed"


# ---- 2. Stage B reads raw pictures ----------------------------------------------------------------------------


def given_to_stage_b(stage_a, frame, tier="T2"):
    double = StageBDouble(tier)
    engine = Engine(CONFIG, stage_a=stage_a, stage_b=LoadedStageB(double, manifest(tier), "double"))
    state = engine.new_session(SessionSettings())
    _, job = engine.stage_a(state, frame)
    engine.stage_b(state, job)
    return double.calls[0]


def test_2_stage_b_is_given_the_frame_itself_whatever_stage_a_makes_of_it(stage_a):
    """Broken by giving it Stage A's 64 px input instead, and by giving it Stage A's map as the picture."""
    first, last = frames()[0], frames()[-1]
    given = given_to_stage_b(stage_a, first)
    expected = cv2.resize(first.rgb, (INPUT_SIDE_PX, INPUT_SIDE_PX), interpolation=cv2.INTER_AREA)
    assert given["picture"].dtype == np.uint8
    np.testing.assert_array_equal(given["picture"][0], expected)
    assert not np.array_equal(given_to_stage_b(stage_a, last)["picture"], given["picture"])
    other = given_to_stage_b(small_stage_a(seed=11), first)
    np.testing.assert_array_equal(other["picture"], given["picture"])
    assert not np.array_equal(other["stage_a_maps"], given["stage_a_maps"]), "the other weights make no difference"


def reached_from(stage_b, source):
    """Names of the tensors that depend on an input, by the plan."""
    reached = {source}
    for step in stage_b.plan:
        if reached.intersection(step.needs):
            reached.update(step.gives)
    return reached


@pytest.mark.parametrize("tier", WITH_NETWORK)
def test_2_the_trunk_of_stage_b_depends_on_the_picture_and_not_on_stage_a(tier, plans):
    """Broken by letting ``cnn_low`` read ``stage_a_maps`` in ``assemble.TRUNK``."""
    from_maps, from_picture = (reached_from(plans[tier], name) for name in ("stage_a_maps", "images"))
    trunk = {"c2", "c3", "c4", "c5", "f2", "f5", "p2", "p3", "p4", "p5", "tokens_0", "tokens", "scene", "grid", "dense"}
    made = {name for step in plans[tier].plan for name in step.gives}
    assert trunk & made <= from_picture
    assert not trunk & from_maps
    assert "dense" in made


# ---- 3. Temporal processing only in Stage B, on Stage A's maps --------------------------------------------------


@pytest.mark.parametrize("tier", WITH_NETWORK)
def test_3_the_temporal_parts_read_stage_a_maps_and_nothing_else_does(tier, plans):
    """Broken by giving ``temporal`` the picture, and by giving the decoder the maps, in ``assemble.TRUNK``."""
    readers = {step.name: step.needs for step in plans[tier].plan if {"stage_a_maps", "map_valid"} & set(step.needs)}
    expected = {"T1": None, "T5": "temporal"}.get(tier, "pair_motion")
    assert readers == ({} if expected is None else {expected: ("stage_a_maps", "map_valid")})
    reads_maps = "stage_a_maps" in {tensor.name for tensor in inputs_of(tier)}
    assert reads_maps == (expected is not None)


def test_3_stage_b_gets_the_last_maps_of_its_own_session_newest_last_and_a_snapshot(stage_a):
    """Broken by handing over ``state.maps`` itself, by not clearing at a gap, and by newest first."""
    double = StageBDouble("T5")
    engine = Engine(CONFIG, stage_a=stage_a, stage_b=LoadedStageB(double, manifest("T5"), "double"))
    one, two = engine.new_session(SessionSettings()), engine.new_session(SessionSettings())
    jobs, maps = [], []
    for frame in frames(4):
        jobs.append(engine.stage_a(one, frame)[1])
        maps.append(jobs[-1].maps[-1].copy())
        engine.stage_a(two, replace(frame, rgb=frame.rgb[:, ::-1].copy()))
    assert [len(job.maps) for job in jobs] == [1, 2, 3, 4]
    for found, expected in zip(jobs[-1].maps, maps, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert not found.flags.writeable
    assert not any(np.array_equal(a, b) for a in one.maps for b in two.maps)
    engine.stage_b(one, jobs[1])
    assert double.calls[0]["map_valid"].tolist() == [[0, 0, 0, 0, 0, 0, 1, 1]]
    for seq in range(4, 14):
        _, job = engine.stage_a(one, replace(frames(1)[0], time_s=seq / 10.0, seq=seq))
    assert len(job.maps) == 8, "T5 reads eight"
    _, after_gap = engine.stage_a(one, replace(frames(1)[0], time_s=9.0, seq=99))
    assert len(after_gap.maps) == 1, "a gap of over a second ends the history"


def test_3_a_cut_ends_the_history(stage_a):
    """Broken by looking at the gap only: maps of two places were then read as motion."""
    engine = Engine(CONFIG, stage_a=stage_a, stage_b=LoadedStageB(StageBDouble("T5"), manifest("T5"), "double"))
    state = engine.new_session(SessionSettings())
    for frame in frames(3):
        engine.stage_a(state, frame)
    assert len(state.maps) == 3
    rng = np.random.default_rng(0)
    other = cv2.GaussianBlur(rng.integers(0, 256, (480, 640, 3), np.uint8), (0, 0), 3)
    result, _ = engine.stage_a(state, as_frame(other, 0.3, 3))
    assert "cut" in result.outputs["ego_motion"].reason or "changed" in result.outputs["ego_motion"].reason
    assert len(state.maps) == 1


@pytest.mark.parametrize("tier", ["T0", "T1"])
def test_3_tiers_without_temporal_parts_keep_no_maps(tier):
    double = None if tier == "T0" else StageBDouble(tier)
    engine = make_engine(stage_b=double)
    state = engine.new_session(SessionSettings())
    _, job = engine.stage_a(state, frames(1)[0])
    assert not state.maps
    assert not job.maps


# ---- 4. Retrieval is asynchronous -------------------------------------------------------------------------------


class SleepingIndex:
    """An index that answers when the test says so."""

    size = 3

    def __init__(self):
        self.asleep, self.wake = threading.Event(), threading.Event()

    def __call__(self, vectors):
        assert vectors.shape == (256,)
        self.asleep.set()
        self.wake.wait(30.0)
        return Found((), ())


def test_4_a_sleeping_index_delays_neither_frames_nor_advice_and_its_answer_comes_as_lane_c():
    """Broken by calling the lookup in ``Retrieval.offer``: no frame after the first was answered."""
    index = SleepingIndex()
    engine = make_engine(stage_b=StageBDouble("T1"), trained_b=DEPTH, config=CONFIG)
    engine.retrieval.lookup, engine.retrieval.worker = index, RetrievalWorker(index, interval_s=0.0)
    engine.retrieval.reason = engine.advice._no_retrieval = None
    service, recorder = EngineService(CONFIG, engine), Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    try:
        service.submit("s", packet(0))
        assert index.asleep.wait(20.0)
        took_s = []
        for seq in range(1, 8):
            began = time.monotonic()
            service.submit("s", packet(seq, JPEGS[seq % FRAMES]))
            assert recorder.wait(lambda r: r.answers[seq])  # noqa: B023
            took_s.append(time.monotonic() - began)
        assert recorder.wait(lambda r: sum(scene.lane == "B" for scene in r.scenes) >= 2)
        assert not index.wake.is_set()
        assert max(took_s) < 5.0, "frames waited for the index (which sleeps for 30 s)"
        assert not any("retrieval" in scene.outputs for scene in recorder.scenes)
        assert service.health()["retrieval"]["busy_s"] > 0
        index.wake.set()
        assert recorder.wait(lambda r: any("retrieval" in scene.outputs for scene in r.scenes))
    finally:
        index.wake.set()
        service.stop()
    scene = next(scene for scene in recorder.scenes if "retrieval" in scene.outputs)
    assert scene.lane == "C"
    assert scene.outputs["retrieval"].source == "learned"
    assert set(recorder.answers.values()) == {1}


def test_4_without_a_trained_embedding_nothing_is_looked_up_and_the_output_says_so(tmp_path):
    """Broken by submitting the tensor of the untrained head."""
    config = replace(CONFIG, retrieval_index=tmp_path)
    engine = make_engine(trained_a=frozenset(), config=config)
    _, values = engine.process(engine.new_session(SessionSettings()), frames(1)[0])
    assert values["retrieval"].reason == "no trained scene_embedding in this checkpoint"
    engine = make_engine(config=config)
    _, values = engine.process(engine.new_session(SessionSettings()), frames(1)[0])
    assert "no index" in values["retrieval"].reason or "manifest" in values["retrieval"].reason
    assert values["objectness"].source == "learned", "a damaged index must not keep safety from starting"


# ---- 5. Safety first: the decision comes after Stage A ----------------------------------------------------------


def test_5_the_decision_is_made_after_everything_of_stage_a_and_before_anything_of_stage_b(monkeypatch):
    """Broken by deciding before the alerts, and by deciding on a time without decoding and network.

    (Queueing the job before the answer goes out breaks nothing by itself: lane B still stands back until it has.)
    """
    order = []

    def noting(what, original):
        def call(*args, **kwargs):
            result = original(*args, **kwargs)
            order.append(what)
            return result
        return call

    from maxsight_core.engine import engine as engine_module

    monkeypatch.setattr(engine_module.stage_a_outputs, "outputs",
                        noting("outputs", engine_module.stage_a_outputs.outputs))
    monkeypatch.setattr(engine_module, "decide_alerts", noting("alerts", engine_module.decide_alerts))
    monkeypatch.setattr(decision, "decide", noting("decision", decision.decide))
    def network(batch):
        time.sleep(0.05)  # longer than what is measured beside it
        order.append("network")

    engine = make_engine(StageADouble(network),
                         StageBDouble("T1", lambda part: order.append("stage B")), trained_b=DEPTH, config=CONFIG)
    service, recorder = EngineService(CONFIG, engine), Recorder()
    recorder.on_result = noting("answer", recorder.on_result)
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    try:
        service.submit("s", packet(0))
        assert recorder.wait(lambda r: any(scene.lane == "B" for scene in r.scenes))
    finally:
        service.stop()
    assert order[:6] == ["network", "outputs", "alerts", "decision", "answer", "stage B"]
    chosen = recorder.results[0].stage_b
    timings = recorder.results[0].timings_ms
    beside = max(timings["network"], timings["quality"] + timings["motion"])
    parts = beside + sum(timings[part] for part in ("decode", "detect", "outputs", "alerts"))
    assert parts <= chosen.stage_a_ms < parts + 30.0, "the decision saw another time than Stage A took"


# ---- 6. Fail-safe: slow or uncertain means Stage A only -----------------------------------------------------------


@pytest.mark.parametrize(("thresholds", "jpeg", "words"), [
    (DecisionThresholds(stage_a_ms=1e-3), JPEGS[0], "Stage A took"),
    (DecisionThresholds(stage_a_ms=1e6), BLACK, "uncertainty 1.00 > 0.70"),
    (DecisionThresholds(stage_a_ms=1e6, uncertainty=0.05), JPEGS[0], "> 0.05"),
])
def test_6_a_slow_or_uncertain_frame_gets_stage_a_only_and_says_why(thresholds, jpeg, words):
    """Broken by ``job is not None`` for skipped frames, and by ``or`` -> ``and`` in the rule."""
    double = StageBDouble("T1")
    engine = make_engine(stage_b=double, trained_b=DEPTH)
    engine.config = replace(engine.config, thresholds=thresholds)
    service, recorder = EngineService(CONFIG, engine), Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    try:
        for seq in range(3):
            service.submit("s", packet(seq, jpeg))
            assert recorder.wait(lambda r: r.answers[seq])  # noqa: B023
        assert wait_for(lambda: service.health()["stage_b"]["skipped"] == 3)
    finally:
        service.stop()
    assert not double.calls
    assert not recorder.scenes
    result = recorder.results[-1]
    assert not result.stage_b.run
    assert words in result.stage_b.reason
    assert result.outputs["stage_b"].value["reason"] == result.stage_b.reason
    assert result.outputs["objectness"].source == "learned", "Stage A's own answer is whole"
    assert service.health()["stage_b"]["last_reason"] == result.stage_b.reason


def test_6_the_rule_is_over_200_ms_or_over_0_7_and_a_number_that_is_none_counts_as_over():
    """Broken by ``>=``, and by comparisons that a NaN slips through."""
    usual = DecisionThresholds()
    assert (usual.stage_a_ms, usual.uncertainty) == (200.0, 0.7)
    for stage_a_ms in (199.9, 200.0, 200.1, float("nan"), float("inf")):
        for uncertainty in (0.69, 0.7, 0.71, float("nan")):
            runs = decision.decide(stage_a_ms, uncertainty, usual).run
            assert runs == (stage_a_ms <= 200.0 and uncertainty <= 0.7)


def test_6_what_the_network_is_given_comes_from_the_raw_frame_through_one_function(monkeypatch):
    """``stage_b_values.inputs`` is the only way in: what it returns is what the runtime gets, unchanged."""
    seen = {}
    original = stage_b_values.inputs

    def note(*args):
        seen["given"] = original(*args)
        return seen["given"]

    monkeypatch.setattr(stage_b_values, "inputs", note)
    frame = frames(1)[0]
    double = StageBDouble("T2")
    engine = make_engine(stage_b=double)
    state = engine.new_session(SessionSettings())
    engine.stage_b(state, engine.stage_a(state, frame)[1])
    assert double.calls[0] is seen["given"]
    prepared = detect.prepare(frame.rgb, INPUT_SIDE_PX, "stretch")
    np.testing.assert_array_equal(seen["given"]["picture"], prepared)
