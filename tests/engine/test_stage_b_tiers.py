"""The tiers' own Stage B through the runtimes: T1 in OpenVINO output by output, every tier in torch, checkpoints."""

import numpy as np
import pytest
import torch
from support.small_stage_b import OUTPUTS, example_inputs, small_stage_b

from maxsight_core.engine import weights
from maxsight_core.engine.config import ConfigError, EngineConfig
from maxsight_core.engine.device import DevicePolicy
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest, coco_classes, save_checkpoint
from maxsight_core.engine.runtimes import load_stage_a, load_stage_b
from maxsight_core.engine.runtimes.torch_stage_b import TorchStageBRuntime
from maxsight_core.models import assemble
from maxsight_core.models.assemble import build_stage_b
from maxsight_core.models.stage_b_contract import heads_of, shape_of
from maxsight_core.models.state import checkpoint_state
from maxsight_core.models.tiers import TIERS

F32_TOLERANCE = 1e-4
"""Of an output's largest value: other orders of summation through fifty layers (5e-6 was seen)."""
LIVELY_GAIN = 1.5
"""Of random weights, above the 1.4 that keeps the size of activations behind a ReLU (He et al. 2015)."""
LARGER = [key for key, row in TIERS.items() if row.trunk and key != "T1"]


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "weights"))
    monkeypatch.setattr(weights, "SHIPPED_FOLDER", tmp_path / "shipped")
    monkeypatch.delenv(weights.CHECKPOINT_VARIABLE, raising=False)


def require_contract(found, tier):
    """Every tensor of the tier's heads, with its shape, finite and in its range; nothing else."""
    tensors = {tensor.name: tensor for head in heads_of(tier) for tensor in head.gives}
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        assert found[name].shape == (1, *shape_of(tensor, tier)), name
        assert found[name].dtype == np.float32
        assert np.isfinite(found[name]).all(), name
        if tensor.low is not None:
            assert found[name].min() >= tensor.low - 1e-3, name
        if tensor.high is not None:
            assert found[name].max() <= tensor.high * (1 + 1e-3), name


def lively(tier, **options):
    """A tier's Stage B whose heads answer differently to every picture: before training they are calm by design."""
    model = build_stage_b(tier, **options)
    generator = torch.Generator().manual_seed(1)
    heads = {*TIERS[tier].trunk[-2:], *(head.name for head in heads_of(tier))}
    with torch.no_grad():
        for head in sorted(heads):
            for tensor in (t for _, t in sorted(model.parts[head].named_parameters()) if t.ndim > 1):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * LIVELY_GAIN / tensor[0].numel() ** 0.5)
    return model


def test_t1_in_openvino_gives_the_numbers_of_torch_output_by_output(monkeypatch):
    monkeypatch.setattr(assemble, "build_stage_b", lively)
    given = example_inputs("T1")
    reference = load_stage_b("T1", runtime="torch", precision="f32").runtime
    expected, other = reference.run(given), reference.run(example_inputs("T1", seed=3))
    loaded = load_stage_b("T1", runtime="openvino", precision="f32")
    found = loaded.runtime.run(given)
    require_contract(found, "T1")
    for name, array in expected.items():
        scale = max(1.0, float(np.abs(array).max()))
        assert float(np.abs(found[name] - array).max()) / scale < F32_TOLERANCE, name
        assert float(np.abs(other[name] - array).max()) / scale > F32_TOLERANCE, f"{name} is a constant"
    assert loaded.manifest.trained_heads == frozenset()
    assert "withheld" in loaded.source_note


@pytest.mark.parametrize("tier", LARGER)
def test_a_larger_tier_answers_its_whole_contract_slice_by_slice(tier):
    with torch.device("meta"):
        model = assemble.build_stage_b(tier).eval()
    model.to_empty(device="cpu")
    # the published initialisation of 300 M numbers takes longer than this test may; any calm weights do
    with torch.no_grad():
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            one = "running_var" in name or ("norm" in name and name.endswith("weight"))
            tensor.fill_(1.0 if one else 0.002 if tensor.is_floating_point() else 0)
    runtime = TorchStageBRuntime(model, policy=DevicePolicy("cpu"), precision="f32")
    timings: dict[str, float] = {}
    require_contract(runtime.run(example_inputs(tier), timings=timings), tier)
    assert list(timings) == [f"stage_b.{name}" for name in assemble.describe(tier)["slices"]]


# ---- loading --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_tiers(monkeypatch):
    """The small plan in the place of T1's: what is tested is the way from a file to a runtime."""
    built = []

    def build(tier, *, mps_stable=False):
        built.append(tier)
        return small_stage_b(seed=torch.initial_seed() % 1000)

    monkeypatch.setattr(assemble, "build_stage_b", build)
    return built


def checkpoint(folder, trained=("depth_map", "depth_uncertainty"), drop="", **changes):
    stage_a = assemble.build_stage_a()
    state = checkpoint_state(stage_a, small_stage_b(seed=77))
    state = {name: tensor for name, tensor in state.items() if not (drop and name.startswith(drop))} | changes
    manifest = CheckpointManifest(tier="T1", grid="fused", classes=coco_classes(), trained_heads=frozenset(trained),
                                  data="a test", input_size_px=64)
    path = folder / "t1.safetensors"
    save_checkpoint(path, state, manifest, storage="f16")
    return path


def test_t0_has_no_network_and_another_tier_is_untrained_from_the_fixed_seed(small_tiers):
    assert load_stage_b() is None
    assert load_stage_b("T0") is None
    assert load_stage_b("BASELINE_CNN", runtime="torch") is None
    assert small_tiers == []
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two = (load_stage_b("T1", runtime="torch", precision="f32") for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)  # the caller's random numbers are its own
    given = example_inputs()
    for name, array in one.runtime.run(given).items():
        np.testing.assert_array_equal(array, two.runtime.run(given)[name])
    assert one.manifest.tier == one.runtime.tier == "T1"
    with pytest.raises(ValueError, match=r"expected one of T0_BASELINE_CNN, .*got 'T7'"):
        load_stage_b("T7")


def test_one_file_serves_both_stages_and_each_reads_its_own_tensors_once(tmp_path, small_tiers, monkeypatch):
    path = checkpoint(tmp_path)
    read, hashed = [], []
    from maxsight_core.engine import manifest

    real_read, real_hash = weights.read_checkpoint, manifest._sha256_of

    def spy(file, stage=None):
        found = real_read(file, stage)
        read.append((stage, len(found[1])))
        return found

    monkeypatch.setattr(weights, "read_checkpoint", spy)
    monkeypatch.setattr(manifest, "_sha256_of", lambda *given: (hashed.append(1), real_hash(*given))[1])
    a = load_stage_a(path, runtime="torch", precision="f32")
    b = load_stage_b(checkpoint=path, runtime="torch", precision="f32")
    whole = len(real_read(path)[1])
    assert [stage for stage, _ in read] == ["a", "b"]
    assert sum(count for _, count in read) == whole
    assert len(hashed) == 1  # 1.3 GB in T5: hashing it twice would be felt
    assert a.manifest == b.manifest
    assert b.manifest.trained_in_stage_b == {"depth_map", "depth_uncertainty"}
    expected = TorchStageBRuntime(small_stage_b(seed=77), policy=DevicePolicy("cpu"), precision="f32")
    found = b.runtime.run(example_inputs())
    np.testing.assert_allclose(found["depth_map"], expected.run(example_inputs())["depth_map"], rtol=0.02)
    assert set(found) == set(OUTPUTS)


def test_a_checkpoint_that_does_not_fit_is_refused_with_file_and_names(tmp_path, small_tiers):
    def refused(words, **options):
        path = checkpoint(tmp_path, **options)
        with pytest.raises(CheckpointError, match=words):
            load_stage_b(checkpoint=path, runtime="torch")

    refused(r"t1\.safetensors: .*depth_map was trained, but its parameters are missing: stage_b\.mix\.",
            drop="stage_b.mix.")
    refused(r"only some tensors of the part mix; missing are stage_b\.mix\.again\.", drop="stage_b.mix.again")
    refused(r"the Stage B of T1 does not have: stage_b\.telepathy", **{"stage_b.telepathy.weight": torch.zeros(2)})
    refused(r"stage_b\.depth\.bias\.bias expected \[2\], got \[9\]", **{"stage_b.depth.bias.bias": torch.zeros(9)})
    refused("NaN or infinite", **{"stage_b.depth.bias.bias": torch.full((2,), torch.inf)})
    path = checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="is for the tier T1, but T2 was asked for"):
        load_stage_b("T2", path)
    with pytest.raises(CheckpointError, match="is for the tier T1, but T0 was asked for"):
        load_stage_a(path, tier="T0")


def test_the_tier_is_a_setting_and_an_unknown_one_is_refused_with_those_there_are():
    assert EngineConfig.from_environment({}).tier is None
    assert EngineConfig.from_environment({"MAXSIGHT_TIER": "T2_HYBRID_VIT"}).tier == "T2"
    with pytest.raises(ConfigError, match=r"MAXSIGHT_TIER: tier: expected one of T0_BASELINE_CNN, .*got 'best'"):
        EngineConfig.from_environment({"MAXSIGHT_TIER": "best"})
