"""Runtimes of Stage B's network: they agree, they yield between slices, and a lost call is left alone.

A small plan with convolutions, attention and boxes stands for the tiers; they themselves are in test_stage_b_tiers.
"""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from support.data import REPOSITORY
from support.small_stage_b import OUTPUTS, SLICES, Low, example_inputs, small_stage_b

from maxsight_core.engine.device import DevicePolicy
from maxsight_core.engine.runtimes import RuntimeUnavailableError, openvino_cpu, torch_device
from maxsight_core.engine.runtimes.openvino_stage_b import OpenVinoStageBRuntime
from maxsight_core.engine.runtimes.stage_b_base import runtime_inputs
from maxsight_core.engine.runtimes.torch_stage_b import TorchStageBRuntime
from maxsight_core.models.layers.normalise import IMAGENET_MEAN, IMAGENET_STD

F32_TOLERANCE = 1e-4
"""Of an output's largest value: other orders of summation over three slices."""
BF16_MEAN_TOLERANCE = 0.01
"""Eight bits of mantissa through three slices."""
BF16 = "bf16" in openvino_cpu.offered_precisions()
CPU = DevicePolicy("cpu")


def torch_runtime(**options):
    return TorchStageBRuntime(options.pop("model", None) or small_stage_b(), policy=CPU,
                              precision=options.pop("precision", "f32"), **options)


def openvino_runtime(cache_dir=None, build=small_stage_b, precision="f32", key="small"):
    return OpenVinoStageBRuntime(build, weights_key=key, tier="T1", precision=precision, threads=1,
                                 cache_dir=cache_dir)


@pytest.fixture(scope="module")
def inputs():
    return example_inputs()


@pytest.fixture(scope="module")
def expected(inputs):
    """The whole network in torch, on images that were normalised by hand."""
    images = torch.from_numpy(inputs["picture"]).permute(0, 3, 1, 2).float() / 255.0
    mean, std = (torch.tensor(x).view(1, 3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
    given = {"images": (images - mean) / std, **{name: torch.from_numpy(inputs[name]) for name in inputs
                                                 if name != "picture"}}
    with torch.inference_mode():
        return {name: tensor.numpy() for name, tensor in small_stage_b()(given).items()}


@pytest.fixture(scope="module")
def openvino():
    return openvino_runtime()


@pytest.fixture(scope="module", params=["torch", "openvino"])
def runtime(request, openvino):
    return openvino if request.param == "openvino" else torch_runtime()


def close_to(found, expected, tolerance=F32_TOLERANCE):
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == np.float32
        assert found[name].shape == array.shape
        assert float(np.abs(found[name] - array).max()) <= tolerance * max(1.0, float(np.abs(array).max())), name


# ---- numbers --------------------------------------------------------------------------------------------------------


def test_slice_after_slice_gives_the_numbers_of_the_whole_network(runtime, inputs, expected):
    close_to(runtime.run(inputs), expected)
    assert float(expected["depth_map"].std()) > 1e-2  # not a comparison of constants


@pytest.mark.skipif(not BF16, reason="this CPU does not multiply bf16 natively")
@pytest.mark.parametrize("make", [torch_runtime, openvino_runtime])
def test_bf16_stays_near_32_bits(make, inputs, expected):
    made = make(precision="bf16")
    assert made.precision == "bf16"
    found = made.run(inputs)
    for name, array in expected.items():
        error = np.abs(found[name] - array)
        assert 0.0 < float(error.mean()) < BF16_MEAN_TOLERANCE * float(np.abs(array).max()), name


def test_a_runtime_says_what_it_is(runtime):
    assert (runtime.device, runtime.precision, runtime.tier) == ("cpu", "f32", "T1")
    assert [part.name for part in runtime.slices] == list(SLICES)
    assert runtime.outputs == OUTPUTS
    assert [tensor.name for tensor in runtime.inputs] == ["picture", "boxes", "box_valid"]
    assert runtime.inputs == runtime_inputs("T1")


def test_answers_belong_to_the_caller(runtime, inputs):
    first = runtime.run(inputs)
    kept = {name: array.copy() for name, array in first.items()}
    other = runtime.run(example_inputs(seed=7))
    for name, array in first.items():
        np.testing.assert_array_equal(array, kept[name], err_msg=f"{name} was overwritten by the next call")
    assert np.abs(other["depth_map"] - first["depth_map"]).max() > 1e-3


def test_openvino_hands_tensors_from_slice_to_slice_without_a_copy(openvino, inputs):
    openvino.run(inputs)
    requests = openvino._channel._requests
    low = requests[0].get_output_tensor(0).data
    assert np.shares_memory(low, requests[1].get_input_tensor(0).data)
    scene = requests[1].get_output_tensor(1).data
    readers = [request.get_input_tensor(i).data for request in requests[2:] for i in range(4)]
    assert any(np.shares_memory(scene, reader) for reader in readers)
    pictures = [requests[0].get_input_tensor(0).data, requests[1].get_input_tensor(1).data]
    assert np.shares_memory(*pictures)  # one picture for all slices that read it


# ---- what is refused ------------------------------------------------------------------------------------------------


def changed(name, value):
    return {**example_inputs(), name: value}


BAD = [
    ("missing", {k: v for k, v in example_inputs().items() if k != "boxes"}, r"expected the input boxes .*got"),
    ("surplus", changed("audio", np.zeros((1, 128), np.float32)), "got also audio"),
    ("images", {**{k: v for k, v in example_inputs().items() if k != "picture"},
                "images": np.zeros((1, 3, 224, 224), np.float32)}, "expected the inputs picture, .*got also images"),
    ("size", changed("picture", np.zeros((1, 320, 320, 3), np.uint8)),
     r"picture as uint8 \[1, 224, 224, 3\]; got uint8 \[1, 320, 320, 3\]"),
    ("kind", changed("picture", np.zeros((1, 224, 224, 3), np.float32)), r"got float32 \[1, 224, 224, 3\]"),
    ("batch", changed("boxes", np.zeros((2, 16, 4), np.float32)), r"boxes as float32 \[1, 16, 4\]; got float32 \[2"),
    ("double", changed("boxes", np.zeros((1, 16, 4))), "got float64"),
    ("list", changed("boxes", [[0.0] * 4] * 16), "boxes as float32 .*got list"),
    ("range", changed("boxes", np.full((1, 16, 4), 300, np.float32)), r"boxes within -0.01..1.01 .*got 300..300"),
    ("nan", changed("box_valid", np.full((1, 16), np.nan, np.float32)), r"box_valid within 0..1 .*got nan"),
]


@pytest.mark.parametrize(("given", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_an_input_of_another_kind_is_refused_with_what_was_expected_and_what_arrived(runtime, given, words):
    with pytest.raises(ValueError, match=words):
        runtime.run(given)


def test_infinite_maps_are_refused_although_their_range_is_open():
    from maxsight_core.engine.runtimes.stage_b_base import check_inputs

    given = example_inputs("T2")
    check_inputs(given, "T2")
    given["stage_a_maps"][0, 0, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match=r"T2: expected stage_a_maps finite .*got .*inf"):
        check_inputs(given, "T2")


def test_what_this_machine_cannot_do_is_refused_and_a_closed_runtime_says_so(inputs, tmp_path):
    with pytest.raises(RuntimeUnavailableError, match="offers f32, bf16; got 'f16'"):
        torch_runtime(precision="f16")
    with pytest.raises(RuntimeUnavailableError, match=r"no INT8 graph is prepared.*engine\.quantize"):
        openvino_runtime(tmp_path, precision="int8")
    made = torch_runtime()
    made.close()
    with pytest.raises(RuntimeUnavailableError, match="closed"):
        made.run(inputs)


# ---- slices ---------------------------------------------------------------------------------------------------------


def test_between_is_asked_before_every_slice_and_ends_the_call(runtime, inputs):
    asked = []

    def twice() -> bool:
        asked.append(len(asked))
        return len(asked) <= 2

    timings: dict[str, float] = {}
    assert runtime.run(inputs, twice, timings) is None
    assert len(asked) == 3
    assert list(timings) == ["stage_b.low", "stage_b.mix"]
    timings.clear()
    assert runtime.run(inputs, timings=timings) is not None
    assert list(timings) == [f"stage_b.{name}" for name in SLICES]
    assert all(ms > 0.0 for ms in timings.values())


class LayoutSpy(Low):
    """Notes how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple] = []

    def forward(self, images):
        found = super().forward(images)
        self.seen.append((torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"),
                          self.deep.weight.is_contiguous(memory_format=torch.channels_last),
                          images.is_contiguous(memory_format=torch.channels_last), found["low"].dtype))
        return found


def test_half_precision_is_by_autocast_and_convolutions_run_channels_last(inputs):
    spy = LayoutSpy()
    made = torch_runtime(model=small_stage_b(spy=spy), precision="bf16")
    found = made.run(inputs)
    assert spy.seen == [(True, torch.bfloat16, True, True, torch.bfloat16)]
    assert spy.deep.weight.dtype == torch.float32  # autocast converts; the weights stay whole
    assert found["depth_map"].flags["C_CONTIGUOUS"]


def test_cuda_takes_half_precision_and_a_stable_mps_plain_32_bits():
    assert torch_device.chosen_precision(DevicePolicy("cuda"), "auto") == "f16"
    assert torch_device.layout(DevicePolicy("cuda")) == torch.channels_last
    stable = DevicePolicy("mps", mps_stable=True)
    assert torch_device.chosen_precision(stable, "auto") == "f32"
    assert torch_device.layout(stable) == torch.contiguous_format
    with pytest.raises(RuntimeUnavailableError, match="torch on mps offers f32; got 'f16'"):
        torch_device.chosen_precision(stable, "f16")


# ---- a thread that was given up -------------------------------------------------------------------------------------


class StuckRequest:
    """In the place of one slice's request: begins, and does not come back until it is let go."""

    def __init__(self, request) -> None:
        self.request, self.entered, self.let_go = request, threading.Event(), threading.Event()

    def infer(self, *_, **__):
        self.entered.set()
        assert self.let_go.wait(60)
        self.request.infer()


def test_after_renew_nothing_is_shared_with_the_thread_that_hangs_in_a_slice(inputs, expected):
    runtime = openvino_runtime()
    runtime.run(inputs)
    lost = runtime._channel
    stuck = lost._requests[1] = StuckRequest(lost._requests[1])
    models = runtime._network.models()
    answers, stale = [], threading.Event()
    thread = threading.Thread(target=lambda: answers.append(
        runtime.run(example_inputs(seed=3), lambda: not stale.is_set())), daemon=True)
    thread.start()
    assert stuck.entered.wait(60)
    stale.set()
    runtime.renew()
    close_to(runtime.run(inputs), expected)  # while the other thread still hangs
    assert runtime._channel is not lost
    for name, tensor in runtime._channel._bus.items():
        assert not np.shares_memory(tensor.data, lost._bus[name].data), name
    again = runtime._network.models()
    assert [ours is theirs for ours, theirs in zip(again, models, strict=True)] == [True, False, True]
    before = runtime.run(inputs)
    stuck.let_go.set()
    thread.join(60)
    assert answers == [None]  # it was told to stop at the next slice
    close_to(runtime.run(inputs), before, tolerance=0.0)


def test_renew_between_calls_compiles_nothing_again(inputs, expected, openvino):
    models = openvino._network.models()
    openvino.renew()
    close_to(openvino.run(inputs), expected)
    assert openvino._network.models() == models


def test_a_torch_call_that_was_given_up_keeps_its_own_tensors(inputs, expected):
    runtime = torch_runtime()
    at_slice, let_go, answers = threading.Event(), threading.Event(), []

    def slow() -> bool:
        if runtime._channel is not None and "low" in runtime._channel._bus:
            at_slice.set()
            let_go.wait(60)
        return True

    thread = threading.Thread(target=lambda: answers.append(runtime.run(example_inputs(seed=3), slow)), daemon=True)
    thread.start()
    assert at_slice.wait(60)
    runtime.renew()
    close_to(runtime.run(inputs), expected)
    let_go.set()
    thread.join(60)
    close_to(answers[0], torch_runtime().run(example_inputs(seed=3)))


# ---- kept between starts --------------------------------------------------------------------------------------------


def never_build():
    raise AssertionError("the network was built although everything is in the cache")


def test_a_second_start_makes_nothing_and_needs_no_torch(tmp_path, inputs, expected):
    close_to(openvino_runtime(tmp_path).run(inputs), expected)
    close_to(openvino_runtime(tmp_path, build=never_build).run(inputs), expected)
    np.savez(tmp_path / "inputs.npz", **inputs)
    program = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from maxsight_core.engine.runtimes.openvino_stage_b import OpenVinoStageBRuntime\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "made = OpenVinoStageBRuntime(None, weights_key='small', tier='T1', precision='f32', cache_dir=folder)\n"
        "found = made.run(dict(np.load(folder / 'inputs.npz')))\n"
        "np.savez(folder / 'found.npz', **found)\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, timeout=120)
    with np.load(tmp_path / "found.npz") as found:
        close_to(dict(found), expected)


def test_only_a_damaged_slice_is_made_again(tmp_path, inputs, expected, caplog):
    openvino_runtime(tmp_path)
    (folder,) = tmp_path.glob("stage_b-T1-*")
    written = {path: path.stat().st_mtime_ns for path in folder.glob("*/slice.xml")}
    assert {path.parent.name for path in written} == set(SLICES)
    answers = folder / "mix" / "f32" / "answers.npz"
    answers.write_bytes(answers.read_bytes()[:50])
    close_to(openvino_runtime(tmp_path).run(inputs), expected)
    assert "unusable" in caplog.text
    assert [path.parent.name for path, when in written.items() if path.stat().st_mtime_ns != when] == ["mix"]
    (folder / "plan.json").write_text("{broken")
    close_to(openvino_runtime(tmp_path).run(inputs), expected)


@pytest.mark.skipif(not BF16, reason="this CPU does not multiply bf16 natively")
def test_weights_and_precisions_do_not_mix_in_the_cache(tmp_path, inputs, expected):
    openvino_runtime(tmp_path)
    half = openvino_runtime(tmp_path, precision="bf16").run(inputs)
    other = openvino_runtime(tmp_path, key="others", build=lambda: small_stage_b(seed=5)).run(inputs)
    close_to(openvino_runtime(tmp_path, build=never_build).run(inputs), expected)
    close_to(openvino_runtime(tmp_path, build=never_build, precision="bf16").run(inputs), half, tolerance=1e-5)
    assert np.abs(half["depth_map"] - expected["depth_map"]).max() > 1e-3
    assert np.abs(other["depth_map"] - expected["depth_map"]).max() > 0.1
    sizes = sorted(sum(path.stat().st_size for path in folder.glob("*/slice.bin"))
                   for folder in tmp_path.glob("stage_b*"))
    assert sizes[0] < 0.6 * sizes[1]  # bf16 is kept in 16 bits


# ---- CUDA -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_in_half_precision_stays_near_the_cpu_and_its_slices_take_time(inputs, expected):
    made = TorchStageBRuntime(small_stage_b(), policy=DevicePolicy("cuda"))
    assert made.precision == "f16"
    made.run(inputs)
    timings: dict[str, float] = {}
    found = made.run(inputs, timings=timings)
    for name, array in expected.items():
        assert float(np.abs(found[name] - array).mean()) < BF16_MEAN_TOLERANCE * float(np.abs(array).max()), name
    made.renew()
    close_to(made.run(inputs), found, tolerance=1e-3)
    assert all(ms > 0.0 for ms in timings.values())
