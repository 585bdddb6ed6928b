"""One pass of Stage B: which of its outputs are learned, which measured, in which order, and who says why not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.engine_doubles import QUICK, SCENE, Recorder, StageBDouble, estimator, make_engine, packet

from maxsight_core import outputs
from maxsight_core.contracts import SessionSettings, Value
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import decode_rgb
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.engine.service import EngineService
from maxsight_core.models.stage_b_contract import TIER_KEYS
from maxsight_core.models.tiers import TIERS
from maxsight_core.process import offline, summary
from maxsight_core.sources import open_source

DEPTH = frozenset({"depth_map", "depth_uncertainty"})


@pytest.fixture
def order(monkeypatch):
    """What ran, in its order: the estimators of the doubles and the slices of the network."""
    ran = []
    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", tuple(
        estimator(one.name, *one.outputs, during=lambda name=one.name: ran.append(name)) for one in QUICK))
    monkeypatch.setattr("maxsight_core.engine.advice.LANE_C", (
        estimator("ocr", "ocr", value=[], during=lambda: ran.append("ocr")),))
    return ran


def advise(engine, seq=0):
    state = engine.new_session(SessionSettings())
    frame = as_frame(decode_rgb(packet(seq).data), seq / 10.0, seq)
    _, job = engine.stage_a(state, frame)
    return engine.stage_b(state, job)


def test_a_trained_network_runs_first_and_what_it_has_learned_is_not_measured_again(order):
    engine = make_engine(stage_b=StageBDouble("T1", order.append), trained_b=DEPTH)
    scene = advise(engine)
    assert order == ["first", "second", "third", "contrast", "glare"]
    assert scene.outputs["depth_map"].source == "learned"
    assert scene.outputs["depth_map"].method.startswith("T1 head depth: ")
    assert scene.outputs["contrast_map"].source == "measured"
    assert {"network.first", "network.second", "network.third", "contrast", "stage_b"} <= set(scene.timings_ms)


def test_an_estimator_with_an_output_that_is_not_learned_still_measures_that_one_only(order, monkeypatch):
    seen = {}

    def reader(view):
        seen.update(view.so_far)
        return {"findability": Value.measured("findability", 1.0, "reader")}

    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", (
        QUICK[0], replace_estimate(estimator("reader", "findability"), reader)))
    scene = advise(make_engine(stage_b=StageBDouble("T1"), trained_b=frozenset({"depth_map"})))
    assert scene.outputs["depth_map"].source == "learned"
    assert scene.outputs["depth_uncertainty"].source == "measured"
    assert seen["depth_map"].source == "learned", "a later estimator read the measured map instead of the learned one"
    assert seen["depth_uncertainty"].source == "measured"


def replace_estimate(one, estimate):
    return one._replace(estimate=estimate)


def test_an_untrained_network_runs_last_and_only_its_time_is_shown(order):
    engine = make_engine(stage_b=StageBDouble("T2", order.append))
    scene = advise(engine)
    assert order == ["depth", "contrast", "glare", "first", "second", "third"]
    assert not [value for value in scene.outputs.values() if value.source == "learned"]
    assert scene.outputs["scene_motion"].reason == "no trained head in this checkpoint"
    assert "network.first" in scene.timings_ms
    found = engine.stage_b_health()
    assert (found["network"], found["ran"]) == ("untrained", 1)
    assert set(found["slices_ms"]) == {"network.first", "network.second", "network.third", "depth", "contrast", "glare"}


def test_an_untrained_network_that_is_cut_short_costs_the_measured_outputs_nothing(order):
    engine = make_engine(stage_b=StageBDouble("T1", order.append))
    state = engine.new_session(SessionSettings())
    _, job = engine.stage_a(state, as_frame(decode_rgb(packet(0).data), 0.0, 0))
    scene = engine.stage_b(state, job, lambda: len(order) < 4)
    assert order == ["depth", "contrast", "glare", "first"]
    assert scene.outputs["contrast_map"].source == "measured"


def test_an_untrained_network_is_left_out_and_let_go_when_it_is_not_to_be_run(order):
    double = StageBDouble("T2", order.append)
    engine = make_engine(stage_b=double, config=EngineConfig(run_untrained=False))
    scene = advise(engine)
    assert double.closed
    assert order == ["depth", "contrast", "glare"]
    assert engine.describe()["stage_b"] is None
    assert engine.describe()["tier"] == "T2"
    assert engine.stage_b_health()["network"] == "none"
    assert scene.outputs["scene_motion"].reason == "no trained head in this checkpoint"


def test_text_that_a_head_has_read_lately_is_not_read_again_in_the_background(order):
    double = StageBDouble("T3")
    engine = make_engine(stage_b=double, trained_b=frozenset({"ocr"}))
    state = engine.new_session(SessionSettings())
    frame = as_frame(decode_rgb(packet(0).data), 0.0, 0)
    _, job = engine.stage_a(state, frame)
    state.scene["ocr"] = (Value.learned("ocr", [], "T3 head ocr"), 0.0)
    background = engine.lane_c(state, job)
    assert "ocr" not in order
    assert "ocr" not in background.outputs
    state.scene["ocr"] = (Value.learned("ocr", [], "T3 head ocr"), -9.0)  # long ago: the head has failed since
    assert engine.lane_c(state, job).outputs["ocr"].source == "measured"


def test_describe_and_the_command_line_name_tier_runtimes_precisions_and_trained_heads(order):
    engine = make_engine(stage_b=StageBDouble("T2"), trained_b=DEPTH)
    about = engine.describe()
    assert (about["tier"], about["tier_name"]) == ("T2", "T2_HYBRID_VIT")
    assert about["stage_b"]["trained_heads"] == ["depth_map", "depth_uncertainty"]
    assert "depth_map" not in about["trained_heads"], "Stage A's heads only: pages read there whether things are named"
    lines = summary(engine).splitlines()
    assert lines[0] == "tier T2_HYBRID_VIT"
    assert lines[2] == "Stage B: double f32 on cpu, trained heads: depth_map, depth_uncertainty"
    assert summary(make_engine()).splitlines()[2] == "Stage B: measured only"


def test_the_lanes_give_the_same_advice_as_the_engine_alone(order):
    """Determinism: the same frame through ``process`` and through the service, learned and measured outputs alike."""
    def engine():
        return make_engine(stage_b=StageBDouble("T2"), trained_b=DEPTH | {"edge_map"})

    alone = advise(engine())
    service, recorder = EngineService(EngineConfig(), engine()), Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    try:
        service.submit("s", packet(0))
        assert recorder.wait(lambda r: any(scene.lane == "B" for scene in r.scenes))
    finally:
        service.stop()
    scene = next(scene for scene in recorder.scenes if scene.lane == "B")
    assert set(scene.outputs) == set(alone.outputs)
    for name, value in alone.outputs.items():
        assert value.to_json() == scene.outputs[name].to_json(), name


@pytest.mark.slow
@pytest.mark.parametrize("tier", TIER_KEYS)
def test_every_tier_goes_through_an_engine_cycle_with_its_real_network(tier, engine):
    """Untrained: every output of the registry is answered, nothing of it is learned, and every slice has its time."""
    from maxsight_core.engine import loading
    from maxsight_core.engine.runtimes import LoadedStageA, load_stage_b

    config = offline(EngineConfig(tier=tier, runtime="torch", precision="f32"))
    if tier == "T0":
        whole = Engine(config, stage_a=LoadedStageA(engine.runtime, engine.manifest, engine.source_note))
    else:
        whole = Engine(config, stage_a=loading.safety(config),
                       stage_b=load_stage_b(tier=tier, runtime="torch", precision="f32"))
    state = whole.new_session(SessionSettings())
    source = open_source(SCENE)
    for frame, _ in zip(source.frames(), range(2), strict=False):
        _, values = whole.process(state, replace(frame, rgb=frame.rgb.copy()))
    assert set(values) == set(outputs.NAMES)
    if not whole.trained:
        assert not [name for name, value in values.items() if value.source == "learned"]
    timed = {part for part in values["timings"].value if part.startswith("network.")}
    assert bool(timed) == bool(TIERS[tier].trunk)
    assert whole.stage_b_health()["failed"] == 0, whole.stage_b_health()["last_reason"]
    assert whole.stage_b_health()["ran"] == 2
