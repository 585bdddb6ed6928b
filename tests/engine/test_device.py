"""Which device is used, and clocks that wait for it."""

import threading
import time

import numpy as np
import pytest
import torch
from support.small_stage_b import example_inputs

from maxsight_core.engine import device
from maxsight_core.engine.runtimes.stage_b_base import Channel, SlicePlan, StageBRuntime

WORK_S = 0.2


@pytest.fixture
def machine(monkeypatch):
    def having(*devices):
        monkeypatch.setattr(device, "_present", lambda: devices)

    return having


def test_auto_takes_the_first_device_there_is(machine):
    machine("cuda", "cpu")
    assert device.select(environ={}) == device.DevicePolicy("cuda")
    machine("cpu")
    assert device.select(environ={}) == device.DevicePolicy("cpu")


def test_mps_is_stable_unless_told_otherwise_and_nothing_else_ever_is(machine):
    machine("mps", "cpu")
    assert device.select(environ={}).mps_stable
    assert not device.select(environ={device.MPS_STABLE_VARIABLE: "0"}).mps_stable
    assert not device.select("cpu", environ={device.MPS_STABLE_VARIABLE: "1"}).mps_stable


def test_the_variable_is_read_and_an_argument_comes_before_it(machine):
    machine("cuda", "cpu")
    assert device.select(environ={device.DEVICE_VARIABLE: "cpu"}).device == "cpu"
    assert device.select("cuda", environ={device.DEVICE_VARIABLE: "cpu"}).device == "cuda"


def test_a_device_that_is_unknown_or_absent_is_refused_with_what_there_is(machine):
    machine("cpu")
    with pytest.raises(device.DeviceError, match="expected one of auto, cpu, cuda, mps; got 'tpu'"):
        device.select("tpu")
    with pytest.raises(device.DeviceError, match="cuda was asked for, but this machine has cpu"):
        device.select("cuda")


def test_clocks_wait_for_the_device_at_both_ends(monkeypatch):
    waited = []
    monkeypatch.setattr(device, "synchronize", lambda name: (waited.append(name), time.sleep(0.02)))
    with device.timed("cuda") as elapsed:
        assert waited == ["cuda"]
    assert waited == ["cuda", "cuda"]
    assert elapsed.ms >= 20.0  # the wait after the work belongs to the work


def test_a_cpu_has_nothing_to_wait_for_and_an_unknown_device_is_refused():
    device.synchronize("cpu")
    with device.timed("cpu") as elapsed:
        time.sleep(0.01)
    assert 10.0 <= elapsed.ms < 1000.0
    with pytest.raises(device.DeviceError, match="got 'tpu'"):
        device.synchronize("tpu")


class AsynchronousDevice:
    """Works behind the program's back, as a GPU does: what is launched is done later, in order."""

    def __init__(self) -> None:
        self._last: threading.Thread | None = None

    def launch(self, seconds: float) -> None:
        before = self._last

        def work() -> None:
            if before is not None:
                before.join()
            time.sleep(seconds)

        self._last = threading.Thread(target=work, daemon=True)
        self._last.start()

    def synchronize(self, *_) -> None:
        if self._last is not None:
            self._last.join()


@pytest.fixture
def gpu(monkeypatch):
    made = AsynchronousDevice()
    monkeypatch.setattr(torch.cuda, "synchronize", made.synchronize)
    return made


def test_a_clock_that_waits_sees_the_work_of_an_asynchronous_device(gpu):
    started = time.perf_counter()
    gpu.launch(5 * WORK_S)
    assert time.perf_counter() - started < WORK_S  # what a clock would read that does not wait
    with device.timed("cuda") as elapsed:
        gpu.launch(WORK_S)
    assert WORK_S * 1000 <= elapsed.ms < 5 * WORK_S * 1000  # what was launched before is not this block's work


class LaunchingRuntime(StageBRuntime):
    """The real run, timings and slices; the arithmetic is an asynchronous device's."""

    def __init__(self, gpu: AsynchronousDevice) -> None:
        self.gpu = gpu
        plans = tuple(SlicePlan(name, (), ()) for name in ("one", "two", "three"))
        super().__init__(device="cuda", precision="f16", tier="T1", slices=plans, outputs=())

    def _open(self) -> Channel:
        gpu = self.gpu

        class Launching(Channel):
            def begin(self, inputs): ...

            def run(self, index: int) -> None:
                gpu.launch(WORK_S * (index + 1))

            def outputs(self) -> dict[str, np.ndarray]:
                return {}

        return Launching()

    def _give_up(self, index: int) -> None: ...


def test_every_slice_of_stage_b_is_timed_to_its_end_and_done_before_the_next_question(gpu, monkeypatch):
    runtime, timings, asked = LaunchingRuntime(gpu), {}, []

    def between() -> bool:
        asked.append(gpu._last is None or not gpu._last.is_alive())
        return True

    assert runtime.run(example_inputs(), between, timings) == {}
    assert list(timings) == ["stage_b.one", "stage_b.two", "stage_b.three"]
    for place, ms in enumerate(timings.values(), start=1):
        assert ms >= place * WORK_S * 1000
    assert asked == [True, True, True]  # nothing is left in the queue when a safety frame may go first
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: None)
    runtime.run(example_inputs(), timings=timings)
    assert sum(timings.values()) < WORK_S * 1000  # without waiting the same clock would read next to nothing


def test_small_models_are_trained_on_the_cpu_and_larger_ones_on_cuda_unless_forced(machine):
    machine("cuda", "cpu")
    assert device.training_device(9_999) == device.DevicePolicy("cpu")
    assert device.training_device(10_000) == device.DevicePolicy("cuda")
    assert device.training_device(210_000_000, force_cpu=True) == device.DevicePolicy("cpu")
    machine("mps", "cpu")
    assert device.training_device(0) == device.DevicePolicy("cpu")
    with pytest.raises(device.DeviceError, match=r"28,600,000 parameters .*this machine has mps, cpu; .*--force-cpu"):
        device.training_device(28_600_000)
    with pytest.raises(device.DeviceError, match="got -1"):
        device.training_device(-1)


@pytest.mark.skipif(device.select().device != "cuda", reason="needs a CUDA device")
def test_a_synchronised_clock_sees_more_than_an_unsynchronised_one():
    x = torch.randn(8192, 8192, device="cuda")
    with device.timed("cuda"):
        x @ x
    started = time.perf_counter()
    for _ in range(20):
        x @ x
    launch_only_ms = (time.perf_counter() - started) * 1000.0
    with device.timed("cuda") as elapsed:
        for _ in range(20):
            x @ x
    assert elapsed.ms > 2 * launch_only_ms
