"""Checkpoints: what is written is read back, and whatever is no checkpoint is refused with a reason."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from maxsight_core.engine.manifest import (
    METADATA_KEY,
    CheckpointError,
    CheckpointManifest,
    coco_classes,
    read_checkpoint,
    read_manifest,
    save_checkpoint,
    stage_b_outputs,
    tensor_sizes,
    weights_sha256,
)
from maxsight_core.models.contract import CONTRACT
from maxsight_core.models.tiers import TIERS
from maxsight_core.models.words import WORDS_DIGEST


def manifest(**changes):
    fields = {
        "tier": "T0", "grid": "fused", "classes": coco_classes(), "trained_heads": frozenset({"objectness", "boxes"}),
        "data": "rendered scenes", "metrics": {"box mAP": 12.5}, "git_revision": "abc123",
    }
    return CheckpointManifest(**{**fields, **changes})


@pytest.fixture
def state():
    return {"layer.weight": torch.randn(4, 3), "layer.count": torch.tensor(7), "layer.bias": torch.randn(4)}


@pytest.fixture
def saved(tmp_path, state):
    path = tmp_path / "t0.safetensors"
    return path, save_checkpoint(path, state, manifest())


def test_a_checkpoint_comes_back_as_it_was_saved(saved, state):
    path, written = saved
    found, arrays = read_checkpoint(path)
    assert found == written == read_manifest(path)
    assert found.metrics == {"box mAP": 12.5}
    assert len(found.sha256) == 64
    assert set(arrays) == set(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(arrays[name], tensor.numpy(), strict=True)


def test_eight_bits_are_a_quarter_as_large_and_every_channel_keeps_its_own_scale(tmp_path):
    weight = torch.randn(64, 32, 3, 3) * torch.logspace(-3, 1, 64).view(-1, 1, 1, 1)
    weight[5] = 0.0
    state = {"conv.weight": weight, "conv.bias": torch.randn(64), "norm.count": torch.tensor(7)}
    whole, small = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_checkpoint(whole, state, manifest())
    save_checkpoint(small, state, manifest(), storage="i8")
    assert small.stat().st_size < 0.3 * whole.stat().st_size
    found = read_checkpoint(small)[1]
    assert set(found) == set(state) and tensor_sizes(small) == tensor_sizes(whole)
    largest = weight.flatten(1).abs().max(dim=1).values.view(-1, 1, 1, 1)
    assert ((torch.from_numpy(found["conv.weight"]) - weight).abs() <= largest / 254 + 1e-9).all()
    np.testing.assert_array_equal(found["conv.bias"], state["conv.bias"].numpy())
    assert found["norm.count"] == 7 and found["conv.weight"].dtype == np.float32


def test_a_changed_scale_is_noticed(tmp_path):
    path = tmp_path / "b.safetensors"
    save_checkpoint(path, {"w": torch.randn(128, 64)}, manifest(), storage="i8")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # the last tensor, by name, is the scale
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="changed after they were saved"):
        read_checkpoint(path)


@pytest.mark.parametrize(("changes", "words"), [
    ({"temperatures": {"urgency": 2.0}}, "temperatures must be positive numbers of boxes, detections, objectness"),
    ({"temperatures": {"boxes": 0.0}}, "temperatures must be positive"),
    ({"score_thresholds": {1: 1.0}}, "score_thresholds must be numbers between 0 and 1"),
    ({"score_thresholds": {0: 0.5}}, "by taxonomy ids among classes"),
    ({"score_thresholds": {9999: 0.5}}, "by taxonomy ids among classes"),
])
def test_a_rule_for_scores_that_cannot_be_kept_is_refused(changes, words):
    with pytest.raises(CheckpointError, match=words):
        manifest(**changes)


def test_temperatures_and_thresholds_come_back(tmp_path, state):
    path = tmp_path / "t0.safetensors"
    written = save_checkpoint(path, state, manifest(temperatures={"detections": 1.7}, score_thresholds={3: 0.4}))
    found = read_manifest(path)
    assert found == written and found.score_thresholds == {3: 0.4} and found.score_rule.temperature == 1.7
    body = found.to_json() | {"score_thresholds": {"car": 0.4}}
    with pytest.raises(CheckpointError, match="scores by taxonomy id"):
        CheckpointManifest.from_json(body)


def test_half_storage_is_half_as_large_and_is_read_as_32_bits(tmp_path):
    state = {"weight": torch.randn(100, 100)}
    whole, half = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_checkpoint(whole, state, manifest())
    save_checkpoint(half, state, manifest(), storage="f16")
    assert half.stat().st_size < 0.55 * whole.stat().st_size
    array = read_checkpoint(half)[1]["weight"]
    assert array.dtype == np.float32
    np.testing.assert_allclose(array, state["weight"].numpy(), rtol=1e-3, atol=1e-6)


def test_a_torch_file_with_plain_tensors_is_read(tmp_path, state):
    path = tmp_path / "t0.pt"
    body = manifest(sha256=weights_sha256({k: v.numpy() for k, v in state.items()})).to_json()
    torch.save({"manifest": body, "state": state}, path)
    assert read_manifest(path).trained_heads == {"objectness", "boxes"}
    assert set(read_checkpoint(path)[1]) == set(state)


def test_a_head_that_is_not_listed_is_never_learned():
    found = manifest()
    assert [head for head in CONTRACT if found.is_learned(head)] == ["objectness", "boxes"]
    assert not any(manifest(trained_heads=frozenset()).is_learned(head) for head in CONTRACT)


def test_the_grid_decides_size_and_fit_unless_the_manifest_does():
    assert (manifest().input_size_px, manifest().fit) == (224, "stretch")
    assert (manifest(grid="pyramid").input_size_px, manifest(grid="pyramid").fit) == (320, "letterbox")
    assert manifest(input_size_px=256, fit="letterbox").to_json()["input_size_px"] == 256


# ---- tiers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_can_have_learned_what_its_own_heads_answer_and_nothing_of_a_higher_tier(tier):
    everything = frozenset((*CONTRACT, *stage_b_outputs(tier)))
    found = manifest(tier=tier, trained_heads=everything)
    assert CheckpointManifest.from_json(found.to_json()) == found
    assert found.trained_in_stage_b == everything - frozenset(CONTRACT)
    beyond = frozenset(stage_b_outputs("T5")) - everything
    assert bool(beyond) == (tier != "T5")
    for output in beyond:
        with pytest.raises(CheckpointError, match=rf"trained_heads must be outputs of {tier}, .*got \['{output}'\]"):
            manifest(tier=tier, trained_heads=frozenset({output}))


def test_a_checkpoint_of_both_stages_is_read_stage_by_stage(tmp_path):
    state = {"backbone.weight": torch.randn(3), "stage_b.depth.weight": torch.randn(2, 2)}
    path = tmp_path / "t1.safetensors"
    written = save_checkpoint(path, state, manifest(tier="T1", trained_heads=frozenset({"depth_map"})))
    assert written.trained_in_stage_b == {"depth_map"}
    assert set(read_checkpoint(path, "a")[1]) == {"backbone.weight"}
    assert set(read_checkpoint(path, "b")[1]) == {"stage_b.depth.weight"}
    assert set(read_checkpoint(path)[1]) == set(state)
    assert tensor_sizes(path) == {"backbone.weight": 3, "stage_b.depth.weight": 4}
    torch.save({"manifest": written.to_json(), "state": state}, tmp_path / "t1.pt")
    assert set(read_checkpoint(tmp_path / "t1.pt", "b")[1]) == {"stage_b.depth.weight"}
    assert tensor_sizes(tmp_path / "t1.pt") == tensor_sizes(path)


def test_tensors_for_a_stage_b_that_the_tier_does_not_have_are_refused(tmp_path):
    state = {"stage_b.depth.weight": torch.randn(2, 2)}
    path = tmp_path / "t0.safetensors"
    written = save_checkpoint(path, state, manifest())
    torch.save({"manifest": written.to_json(), "state": state}, tmp_path / "t0.pt")
    for file in (path, tmp_path / "t0.pt"):
        for read in (read_checkpoint, read_manifest, lambda p: read_manifest(p, verify=False)):
            with pytest.raises(CheckpointError, match=r"no Stage B in .* tier T0; got 1 tensors such as stage_b\."):
                read(file)


def test_the_words_of_a_described_scene_are_those_of_this_version(tmp_path, state):
    path = tmp_path / "t3.safetensors"
    assert save_checkpoint(path, state, manifest(tier="T3")).words_digest == WORDS_DIGEST
    assert read_manifest(path).words_digest == WORDS_DIGEST
    assert save_checkpoint(path, state, manifest(tier="T2")).words_digest == ""
    with pytest.raises(CheckpointError, match=r"words_digest must be .*train the scene description again.*got 'beef'"):
        manifest(tier="T3", words_digest="beef")
    body = manifest(tier="T3").to_json()
    assert "words_digest" not in body  # optional: files from before it are read
    assert CheckpointManifest.from_json(body).words_digest == ""


def test_a_verified_file_is_hashed_once_until_it_changes(saved, monkeypatch):
    path, _ = saved
    from maxsight_core.engine import manifest as module

    hashed = []
    real = module._sha256_of
    monkeypatch.setattr(module, "_sha256_of", lambda *given: (hashed.append(1), real(*given))[1])
    read_manifest(path)
    read_checkpoint(path, "a")
    read_checkpoint(path, "b")
    assert len(hashed) <= 1
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match="changed after they were saved"):
        read_checkpoint(path, "a")


class Bomb:
    def __reduce__(self):
        return (open, ("/dev/null",))


def not_checkpoints(folder, good: bytes):
    """(name, bytes, words the message must hold)."""
    torch.save({"manifest": manifest().to_json(), "state": {"a": Bomb()}}, folder / "bomb.pt")
    torch.save({"weight": torch.zeros(2)}, folder / "bare.pt")
    torch.save({"manifest": manifest().to_json(), "state": {"epoch": 3}}, folder / "epoch.pt")
    save_file({"weight": np.zeros(2, np.float32)}, folder / "bare.safetensors")
    save_file({"weight": np.zeros(2, np.float32)}, folder / "odd.safetensors", metadata={METADATA_KEY: "{nonsense"})
    flipped = bytearray(good)
    flipped[-1] ^= 1
    return [
        ("text.safetensors", b"hello, I am a text file\n", "not a checkpoint: expected a safetensors"),
        ("empty.pt", b"", "it has 0 bytes"),
        ("photo.pt", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", "not a checkpoint"),
        ("pickle.pt", pickle.dumps({"state": 1}), "not a checkpoint"),
        ("cut.safetensors", good[: len(good) // 2], "damaged or cut short"),
        ("cut.pt", (folder / "bare.pt").read_bytes()[:200], "damaged"),
        ("flipped.safetensors", bytes(flipped), "changed after they were saved: SHA-256 expected"),
        ("code.pt", (folder / "bomb.pt").read_bytes(), "objects that would have to run code"),
        ("bare.pt", (folder / "bare.pt").read_bytes(), "expected a torch file with the entries manifest and state"),
        ("epoch.pt", (folder / "epoch.pt").read_bytes(), "expected a tensor under every name of state"),
        ("nameless.safetensors", (folder / "bare.safetensors").read_bytes(), "no MaxSight manifest"),
        ("odd.safetensors", (folder / "odd.safetensors").read_bytes(), "manifest is not JSON"),
    ]


def test_what_is_no_checkpoint_is_refused_with_what_was_expected_and_what_to_do(tmp_path, saved):
    for name, data, words in not_checkpoints(tmp_path, saved[0].read_bytes()):
        path = tmp_path / f"case-{name}"
        path.write_bytes(data)
        for read in (read_checkpoint, read_manifest):
            with pytest.raises(CheckpointError) as caught:
                read(path)
            assert words in str(caught.value), name
            assert str(path) in str(caught.value), name


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="nothing is there"):
        read_manifest(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match="that is a folder"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(("field", "value"), [
    ("grid", "dense"), ("classes", (0,)), ("classes", (0, "cat")), ("trained_heads", frozenset({"telepathy"})),
    ("sha256", "beef"), ("input_size_px", 100), ("fit", "crop"), ("metrics", {"mAP": "good"}), ("tier", ""),
    ("tier", "T6"), ("tier", "T2_HYBRID_VIT"), ("words_digest", 7),
])
def test_a_manifest_that_makes_no_sense_is_refused_by_field(field, value):
    with pytest.raises(CheckpointError, match=f"manifest: {field} must be"):
        manifest(**{field: value})


@pytest.mark.parametrize("change", [{"format": 99}, {"grid": None}, {"classes": 91}, {"trained_heads": [1]}])
def test_json_of_another_form_is_refused(change):
    body = json.loads(json.dumps(manifest().to_json()))
    assert CheckpointManifest.from_json(body) == manifest()
    with pytest.raises(CheckpointError, match=next(iter(change))):
        CheckpointManifest.from_json({**body, **change})
    with pytest.raises(CheckpointError, match="expected a JSON object; got list"):
        CheckpointManifest.from_json([body])


def test_a_save_that_fails_leaves_the_old_file_and_no_litter(tmp_path, saved, state):
    path = saved[0]
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_checkpoint(path, {**state, "odd": object()}, manifest())
    with pytest.raises(CheckpointError, match="f32, f16, i8; got 'f8'"):
        save_checkpoint(path, state, manifest(), storage="f8")
    with pytest.raises(CheckpointError, match=r"ends in \.safetensors"):
        save_checkpoint(tmp_path / "t0.pt", state, manifest())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_hash_sees_names_shapes_types_and_bytes():
    base = {"a": np.arange(4, dtype=np.float32)}
    others = [
        {"b": base["a"]}, {"a": base["a"].reshape(2, 2)}, {"a": base["a"].view(np.int32)}, {"a": base["a"] + 1},
        {"a": base["a"], "b": base["a"]},
    ]
    hashes = [weights_sha256(tensors) for tensors in (base, *others)]
    assert len(set(hashes)) == len(hashes)
    assert weights_sha256({"b": base["a"], "a": base["a"]}) == hashes[-1]  # the order of a dict means nothing
