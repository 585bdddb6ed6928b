"""Which device is used, and clocks that wait for it."""

import time

import pytest

from maxsight_core.engine import device


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


@pytest.mark.skipif(device.select().device != "cuda", reason="needs a CUDA device")
def test_a_synchronised_clock_sees_more_than_an_unsynchronised_one():
    import torch

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
