"""Runtimes of Stage A's network: they agree, they start fast, and they never call noise learned."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from support.data import REPOSITORY, shared_data
from support.networks import calibrate_norms, spread

from maxsight_core.engine import weights
from maxsight_core.engine.detect import prepare
from maxsight_core.engine.device import DevicePolicy
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest, coco_classes, save_checkpoint
from maxsight_core.engine.runtimes import RuntimeUnavailableError, graph_cache, load_stage_a
from maxsight_core.engine.runtimes import openvino as ov_runtime
from maxsight_core.engine.runtimes.torch import TorchRuntime
from maxsight_core.models.contract import CONTRACT, SHARED_MAP
from maxsight_core.models.grid import location_count
from maxsight_core.models.layers.normalise import IMAGENET_MEAN, IMAGENET_STD
from maxsight_core.models.stage_a import StageA

SIDES = {"fused": 128, "pyramid": 96}
"""Small pictures: the network is the same, the tests are quicker."""
F32_TOLERANCE = 1e-3
"""Other orders of summation over up to 4608 products; outputs are probabilities or logits of size 1..10."""
BF16_MEAN_TOLERANCE, BF16_WORST_TOLERANCE = 0.02, 0.15
"""Eight bits of mantissa through 53 layers: a few per cent in the worst place, well under one on the whole."""
BF16 = "bf16" in ov_runtime.offered_precisions()


@pytest.fixture(scope="module", autouse=True)
def no_weights_of_this_machine(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(weights.FOLDER_VARIABLE, str(tmp_path_factory.mktemp("weights")))
        patch.delenv(weights.CHECKPOINT_VARIABLE, raising=False)
        patch.setattr(weights, "SHIPPED_FOLDER", tmp_path_factory.mktemp("shipped"))
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=["fused", "pyramid"])
def checkpoint(request, tmp_path_factory):
    """A real checkpoint of a lively network, with some of its heads declared as trained."""
    torch.manual_seed(0)
    model = StageA(request.param)
    calibrate_norms(model.backbone)
    if request.param == "fused":
        for layer in (model.detection.classification, model.detection.objectness, model.detection.boxes):
            spread(layer, 0.1)
    else:
        spread(model.head.classification_head.cls_logits, 0.05, bias=-2.0)
        spread(model.head.regression_head.bbox_reg, 0.05, bias=1.5)
    manifest = CheckpointManifest(
        tier="T0", grid=request.param, classes=coco_classes(), trained_heads=frozenset({"objectness", "boxes"}),
        data="a test", input_size_px=SIDES[request.param],
    )
    path = tmp_path_factory.mktemp("checkpoints") / f"{request.param}.safetensors"
    save_checkpoint(path, model.state_dict(), manifest)
    return path


@pytest.fixture(scope="module")
def batch(checkpoint):
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)  # blotches of random colour
    return prepare(photo, SIDES[checkpoint.stem], "stretch")


@pytest.fixture(scope="module")
def reference(checkpoint, batch):
    loaded = load_stage_a(checkpoint, runtime="torch", precision="f32")
    return loaded, loaded.runtime.infer(batch)


def test_openvino_in_32_bits_gives_the_numbers_of_torch(checkpoint, batch, reference, cache):
    found = load_stage_a(checkpoint, runtime="openvino", precision="f32", cache_dir=cache).runtime.infer(batch)
    assert set(found) == set(reference[1]) >= set(CONTRACT)
    for name, expected in reference[1].items():
        assert found[name].dtype == np.float32
        assert found[name].shape == expected.shape
        scale = max(1.0, float(np.abs(expected).max()))
        assert float(np.abs(found[name] - expected).max()) / scale < F32_TOLERANCE, name
    assert float(reference[1]["objectness"].std()) > 1e-3  # not a comparison of constants


@pytest.mark.skipif(not BF16, reason="this CPU does not multiply bf16 natively")
@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_bf16_stays_near_32_bits(checkpoint, batch, reference, cache, runtime):
    loaded = load_stage_a(checkpoint, runtime=runtime, precision="bf16", cache_dir=cache)
    assert loaded.runtime.precision == "bf16"
    found = loaded.runtime.infer(batch)
    for name, expected in reference[1].items():
        scale = max(1.0, float(np.abs(expected).max()))
        error = np.abs(found[name] - expected) / scale
        assert float(error.mean()) < BF16_MEAN_TOLERANCE, name
        assert float(error.max()) < BF16_WORST_TOLERANCE, name


def test_the_manifest_and_the_note_travel_with_the_runtime(checkpoint, reference):
    loaded = reference[0]
    assert loaded.manifest.trained_heads == {"objectness", "boxes"}
    assert checkpoint.name in loaded.source_note
    runtime = loaded.runtime
    assert (runtime.name, runtime.device, runtime.precision) == ("torch", "cpu", "f32")
    assert (runtime.grid, runtime.input_size) == (checkpoint.stem, SIDES[checkpoint.stem])


def test_normalisation_is_inside_the_graph(checkpoint, batch, reference):
    graph = reference[0].runtime._graph
    images = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255.0
    mean, std = (torch.tensor(x).view(1, 3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.inference_mode():
        expected = graph.model((images - mean) / std)
    np.testing.assert_allclose(reference[1]["objectness"], expected["objectness"].numpy(), atol=1e-4)
    np.testing.assert_allclose(reference[1]["boxes"], expected["boxes"].numpy(), atol=1e-4)


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_a_batch_is_answered_in_order_and_answers_do_not_share_memory(checkpoint, batch, cache, runtime):
    made = load_stage_a(checkpoint, runtime=runtime, precision="f32", cache_dir=cache).runtime
    first = made.infer(batch)
    kept = {name: array.copy() for name, array in first.items()}
    both = made.infer(np.concatenate((255 - batch, batch)))
    for name, array in first.items():
        np.testing.assert_array_equal(array, kept[name], err_msg=f"{name} was overwritten by the next call")
        assert both[name].shape == (2, *array.shape[1:])
        np.testing.assert_allclose(both[name][1], array[0], atol=1e-4, err_msg=name)
    assert np.abs(both["scene_embedding"][0] - both["scene_embedding"][1]).max() > 1e-3


def test_another_input_than_the_square_of_bytes_is_refused(reference):
    runtime = reference[0].runtime
    size = runtime.input_size
    for wrong in (np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, size, size, 3), np.float32),
                  np.zeros((size, size, 3), np.uint8), np.zeros((0, size, size, 3), np.uint8)):
        with pytest.raises(ValueError, match=rf"expected uint8 of shape \[B, {size}, {size}, 3\]; got"):
            runtime.infer(wrong)


def test_a_second_start_from_the_cache_gives_the_same_numbers_without_torch(checkpoint, batch, cache):
    """In a process of its own: the warm start must not even import torch."""
    first = load_stage_a(checkpoint, runtime="openvino", precision="f32", cache_dir=cache).runtime.infer(batch)
    np.save(cache / "batch.npy", batch)
    program = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from maxsight_core.engine.runtimes import load_stage_a\n"
        f"made = load_stage_a(Path({str(checkpoint)!r}), runtime='openvino', precision='f32', "
        f"cache_dir=Path({str(cache)!r}))\n"
        f"found = made.runtime.infer(np.load({str(cache / 'batch.npy')!r}))\n"
        f"np.savez({str(cache / 'found.npz')!r}, **found)\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, timeout=120)
    with np.load(cache / "found.npz") as found:
        for name, expected in first.items():
            np.testing.assert_allclose(found[name], expected, atol=1e-5, err_msg=name)


@pytest.mark.skipif(not BF16, reason="this CPU does not multiply bf16 natively")
def test_precisions_do_not_mix_in_the_cache(checkpoint, batch, cache):
    """OpenVINO hands out the other precision's compiled model when both share a folder, and it answers nonsense."""
    answers = {}
    for precision in ("f32", "bf16", "f32", "bf16"):
        made = load_stage_a(checkpoint, runtime="openvino", precision=precision, cache_dir=cache).runtime
        found = made.infer(batch)
        first = answers.setdefault(precision, found)
        for name, expected in first.items():
            np.testing.assert_allclose(found[name], expected, atol=1e-5, err_msg=f"{precision} {name}")
    assert np.abs(answers["f32"]["scene_embedding"] - answers["bf16"]["scene_embedding"]).max() > 1e-5


def test_the_cache_key_changes_with_weights_size_and_outputs():
    keys = {graph_cache.graph_key("fused", 224, "a"), graph_cache.graph_key("fused", 224, "b"),
            graph_cache.graph_key("fused", 256, "a"), graph_cache.graph_key("pyramid", 224, "a"),
            graph_cache.graph_key("fused", 224, "a", with_map=True)}
    assert len(keys) == 5


# ---- the map for Stage B --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def street():
    return prepare(np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8), 224, "stretch")


@pytest.fixture(scope="module")
def mapped(street):
    """Torch in 32 bits, with the map: the reference."""
    made = load_stage_a(grid="fused", runtime="torch", precision="f32", with_map=True).runtime
    return made, made.infer(street)


@pytest.mark.parametrize("precision", ["f32", pytest.param("bf16", marks=pytest.mark.skipif(
    not BF16, reason="this CPU does not multiply bf16 natively"))])
def test_the_shared_map_leaves_every_runtime_alike_when_it_is_asked_for(street, mapped, cache, precision):
    reference, expected = mapped
    made = load_stage_a(grid="fused", precision=precision, runtime="openvino", cache_dir=cache, with_map=True).runtime
    found = made.infer(street)
    assert made.with_map
    assert found[SHARED_MAP].shape == expected[SHARED_MAP].shape == (1, 768, 14, 14)
    assert found[SHARED_MAP].flags["C_CONTIGUOUS"]
    assert set(found) == set(expected)
    np.testing.assert_array_equal(
        expected[SHARED_MAP], reference._graph.model(reference._graph.normalise(torch.from_numpy(street)))[
            SHARED_MAP].detach().numpy())
    for name, array in expected.items():
        error = np.abs(found[name] - array) / max(1.0, float(np.abs(array).max()))
        assert float(error.max()) < (F32_TOLERANCE if precision == "f32" else BF16_WORST_TOLERANCE), name


def test_without_asking_there_is_no_map_and_nothing_else_changes(street, mapped):
    plain = load_stage_a(grid="fused", runtime="torch", precision="f32").runtime
    found = plain.infer(street)
    assert SHARED_MAP not in found
    assert set(mapped[1]) == {*found, SHARED_MAP}
    for name, array in found.items():
        np.testing.assert_array_equal(array, mapped[1][name], err_msg=name)


def test_the_tier_decides_when_it_is_left_to_it():
    quick = {"grid": "fused", "runtime": "torch", "precision": "f32", "input_size": 64, "with_map": None}
    assert not load_stage_a(tier="T1", **quick).runtime.with_map  # nothing in it moves
    assert load_stage_a(tier="T2", **quick).runtime.with_map


def test_a_batch_is_one_call_of_the_network_in_half_precision_and_channels_last(monkeypatch):
    made = load_stage_a(grid="fused", runtime="torch", precision="bf16", input_size=64).runtime
    calls, real = [], made._graph.model.forward

    def spy(images):
        weight = made._graph.model.backbone.body["conv1"].weight
        calls.append((images.shape[0], torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"),
                      images.is_contiguous(memory_format=torch.channels_last),
                      weight.is_contiguous(memory_format=torch.channels_last)))
        return real(images)

    monkeypatch.setattr(made._graph.model, "forward", spy)
    found = made.infer(np.zeros((3, 64, 64, 3), np.uint8))
    assert calls == [(3, True, torch.bfloat16, True, True)]
    assert all(array.shape[0] == 3 for array in found.values())


def test_after_renew_nothing_is_shared_with_a_thread_that_hangs_in_the_network(street, cache, monkeypatch):
    made = load_stage_a(grid="fused", precision="f32", runtime="openvino", cache_dir=cache, with_map=True).runtime
    expected = made.infer(street)
    lost, compiled = made._channel, made._compiled
    entered, let_go, answers = threading.Event(), threading.Event(), []
    request = lost._request

    class Stuck:
        def infer(self, *given, **options):
            entered.set()
            assert let_go.wait(120)
            return request.infer(*given, **options)

        def get_output_tensor(self, index):
            return request.get_output_tensor(index)

    lost._request = Stuck()
    thread = threading.Thread(target=lambda: answers.append(made.infer(255 - street)), daemon=True)
    thread.start()
    assert entered.wait(60)
    made.renew()
    assert made._channel is None  # made in the thread that calls next, not in the one that renews
    found = made.infer(street)
    assert made._channel is not lost
    assert made._compiled is not compiled  # the lost request keeps the old model's only stream to itself
    let_go.set()
    thread.join(60)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(made.infer(street)[name], array, atol=1e-5)
    assert np.abs(answers[0]["scene_embedding"] - expected["scene_embedding"]).max() > 1e-4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_answers_a_batch_in_half_precision_near_the_cpu(street, mapped):
    made = load_stage_a(grid="fused", runtime="torch", with_map=True).runtime
    assert (made.device, made.precision) == ("cuda", "f16")
    both = made.infer(np.concatenate((255 - street, street)))
    for name, expected in mapped[1].items():
        error = np.abs(both[name][1:] - expected) / max(1.0, float(np.abs(expected).max()))
        assert float(error.mean()) < BF16_MEAN_TOLERANCE, name


def test_a_closed_runtime_says_so(checkpoint, batch):
    made = load_stage_a(checkpoint, runtime="torch", precision="f32").runtime
    made.close()
    with pytest.raises(RuntimeUnavailableError, match="closed"):
        made.infer(batch)


# ---- without weights, and with wrong ones ---------------------------------------------------------------------------


def test_without_weights_nothing_counts_as_trained_and_the_network_is_the_same_every_time():
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    one = load_stage_a(runtime="torch", precision="f32", input_size=64)
    assert torch.equal(torch.random.get_rng_state(), before)  # the caller's random numbers are its own
    two = load_stage_a(runtime="torch", precision="f32", input_size=64)
    assert one.manifest.trained_heads == frozenset()
    assert "withheld" in one.source_note
    assert one.runtime.grid == "fused"
    batch = np.full((1, 64, 64, 3), 100, np.uint8)
    np.testing.assert_array_equal(one.runtime.infer(batch)["objectness"], two.runtime.infer(batch)["objectness"])
    assert one.runtime.infer(batch)["objectness"].shape == (1, location_count("fused", 64))


def test_the_untrained_pyramid_is_there_when_asked_for():
    made = load_stage_a(grid="pyramid", input_size=64, runtime="torch", precision="f32")
    assert made.manifest.trained_heads == frozenset()
    assert made.runtime.infer(np.zeros((1, 64, 64, 3), np.uint8))["cls_logits"].shape[2] == 91


def test_tensors_that_do_not_fit_the_network_are_a_checkpoint_error_with_the_file(tmp_path):
    manifest = CheckpointManifest(tier="T0", grid="fused", classes=coco_classes(),
                                  trained_heads=frozenset({"urgency"}), data="a test")
    path = tmp_path / "wrong.safetensors"
    save_checkpoint(path, {"weight": torch.zeros(3)}, manifest)
    with pytest.raises(CheckpointError, match=r"wrong\.safetensors: .* does not have: weight"):
        load_stage_a(path, runtime="torch")
    save_checkpoint(path, {"urgency.levels.bias": torch.zeros(5)}, manifest)
    with pytest.raises(CheckpointError, match=r"urgency\.levels\.bias expected \[4\], got \[5\]"):
        load_stage_a(path, runtime="torch")
    save_checkpoint(path, {"urgency.levels.bias": torch.zeros(4)}, manifest)
    with pytest.raises(CheckpointError, match="urgency was trained, but its parameters are missing"):
        load_stage_a(path, runtime="torch")


def test_what_this_machine_cannot_do_is_refused_with_what_it_can():
    with pytest.raises(RuntimeUnavailableError, match="expected one of auto, openvino, torch; got 'tensorrt'"):
        load_stage_a(runtime="tensorrt")
    with pytest.raises(RuntimeUnavailableError, match="got 'int4'"):
        load_stage_a(precision="int4")
    with pytest.raises(RuntimeUnavailableError, match="offers f32, bf16; got 'f16'"), torch.device("meta"):
        TorchRuntime(StageA("fused"), policy=DevicePolicy("cpu"), input_size=64, precision="f16")
    with pytest.raises(ValueError, match="multiple of 32"):
        load_stage_a(input_size=100, runtime="torch")


def test_published_style_weights_give_torchvisions_detections_through_the_whole_chain(tmp_path, monkeypatch):
    """A file named, shaped and hashed like torchvision's own, in the weights folder: found, loaded, decoded."""
    import cv2
    from torchvision.models.detection import fcos_resnet50_fpn

    from maxsight_core.engine import detect, download

    picture = cv2.cvtColor(cv2.imread(str(shared_data("coco_cc", "images", "000000000785.jpg"))), cv2.COLOR_BGR2RGB)
    square = cv2.resize(picture, (320, 320), interpolation=cv2.INTER_AREA)
    torch.manual_seed(5)
    theirs = fcos_resnet50_fpn(weights=None, weights_backbone=None, min_size=320, max_size=320)
    calibrate_norms(theirs.backbone)
    spread(theirs.head.classification_head.cls_logits, 0.05, bias=-5.0)
    spread(theirs.head.regression_head.bbox_reg, 0.03, bias=2.0)
    torch.save({k: v for k, v in theirs.state_dict().items() if "num_batches" not in k}, tmp_path / "w")
    name = f"fcos_resnet50_fpn_coco-{download.file_sha256(tmp_path / 'w')[:8]}.pth"
    (tmp_path / "w").rename(tmp_path / name)
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    loaded = load_stage_a(runtime="torch", precision="f32")
    assert (loaded.manifest.grid, loaded.runtime.input_size) == ("pyramid", 320)
    assert not loaded.manifest.is_learned("urgency")
    raw = loaded.runtime.infer(detect.prepare(square, 320, loaded.manifest.fit))
    found = detect.decode(raw, "pyramid", 320, (320, 320), classes=loaded.manifest.classes)
    with torch.inference_mode():
        expected = theirs.eval()([torch.from_numpy(square).permute(2, 0, 1) / 255.0])[0]
    foreground = expected["labels"] != detect.BACKGROUND_COLUMN
    assert len(found) > 10
    count = min(len(found), int(foreground.sum()))
    scores = expected["scores"][foreground].numpy()
    np.testing.assert_allclose([d.score for d in found][:count], scores[:count], atol=1e-4)
