"""What every runtime of Stage B's network offers: slices that yield, checked inputs, times that wait for the device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from maxsight_core.engine.device import timed
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError
from maxsight_core.models.stage_b_contract import INPUT_SIDE_PX, TensorSpec, inputs_of, shape_of

IMAGES, PICTURE = "images", "picture"
"""What the plan reads, and the bytes it is made of inside the graphs."""
PICTURE_SPEC = TensorSpec(PICTURE, (INPUT_SIDE_PX, INPUT_SIDE_PX, 3), "sRGB bytes", 0, 255)


@dataclass(frozen=True, slots=True)
class SlicePlan:
    """One slice as a runtime sees it: its name, and the tensors it reads and gives, in order."""

    name: str
    needs: tuple[str, ...]
    gives: tuple[str, ...]


def runtime_inputs(tier: str) -> tuple[TensorSpec, ...]:
    """What a tier's runtime reads: the contract's inputs, with the raw picture in place of normalised images."""
    return tuple(PICTURE_SPEC if tensor.name == IMAGES else tensor for tensor in inputs_of(tier))


def check_inputs(inputs: Mapping[str, np.ndarray], tier: str) -> None:
    """ValueError unless exactly the tier's inputs are there, one entry each, with their type, shape and range."""
    wanted = runtime_inputs(tier)
    unknown = sorted(set(inputs) - {tensor.name for tensor in wanted})
    if unknown:
        raise ValueError(f"Stage B {tier}: expected the inputs {', '.join(tensor.name for tensor in wanted)}; got also "
                         f"{', '.join(unknown)}")
    for tensor in wanted:
        found = inputs.get(tensor.name)
        if found is None:
            raise ValueError(f"Stage B {tier}: expected the input {tensor.name} ({tensor.unit}); got "
                             f"{', '.join(sorted(inputs)) or 'nothing'}")
        kind = np.uint8 if tensor.name == PICTURE else np.float32
        shape = (1, *shape_of(tensor, tier))
        if not isinstance(found, np.ndarray) or found.dtype != kind or found.shape != shape:
            raise ValueError(f"Stage B {tier}: expected {tensor.name} as {np.dtype(kind)} {list(shape)}; got "
                             f"{getattr(found, 'dtype', type(found).__name__)} {list(getattr(found, 'shape', ()))}")
        if kind is np.float32:
            _check_range(found, tensor, tier)


def _check_range(found: np.ndarray, tensor: TensorSpec, tier: str) -> None:
    low, high = float(found.min()), float(found.max())  # NaN passes through both
    inside = ((tensor.low is None or low >= tensor.low) and (tensor.high is None or high <= tensor.high))
    if not (np.isfinite(low) and np.isfinite(high) and inside):
        bounds = "finite" if tensor.low is None else f"within {tensor.low:g}..{tensor.high:g}"
        raise ValueError(f"Stage B {tier}: expected {tensor.name} {bounds} ({tensor.unit}); got {low:g}..{high:g}")


class Channel(ABC):
    """Everything one call writes to: a thread that was given up keeps its own, and the next one gets another."""

    busy: int | None = None
    """Slice that is being run, or None between slices."""

    @abstractmethod
    def begin(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Take checked inputs."""

    @abstractmethod
    def run(self, index: int) -> None:
        """Run one slice; on a GPU it may return before the slice is done."""

    @abstractmethod
    def outputs(self) -> dict[str, np.ndarray]:
        """The network's outputs, float32, not shared with the channel."""


class StageBRuntime(ABC):
    """Stage B's network of one tier, ready to answer slice by slice.

    Attributes:
        name: ``openvino`` | ``torch``. device: ``cpu`` | ``cuda`` | ``mps``. precision: ``f32`` | ``bf16`` | ``f16`` |
            ``int8``. tier: ``T1``..``T5``. inputs: what ``run`` takes. slices: in the order they run.
        outputs: names of what ``run`` returns.

    Not thread-safe: ``run`` is called from one thread at a time (lane B). When such a thread was given up in the middle
    of a call, ``renew`` comes before the next call.
    """

    name: str = ""

    def __init__(
        self, *, device: str, precision: str, tier: str, slices: tuple[SlicePlan, ...], outputs: tuple[str, ...],
    ) -> None:
        self.device, self.precision, self.tier = device, precision, tier
        self.slices, self.outputs = slices, outputs
        self.inputs: tuple[TensorSpec, ...] = runtime_inputs(tier)
        self._channel: Channel | None = None
        self._closed = False

    def run(
        self, inputs: Mapping[str, np.ndarray], between: Callable[[], bool] = lambda: True,
        timings: dict[str, float] | None = None,
    ) -> dict[str, np.ndarray] | None:
        """Run the network.

        Args:
            inputs: the tensors of ``inputs``, one entry each: ``picture`` [1, 224, 224, 3] uint8 RGB, the rest float32.
            between: asked before every slice; the call ends when it says False.
            timings: gets ``stage_b.<slice>`` in ms for every slice that ran, the device waited for at both ends.

        Returns:
            The tensors of ``outputs``, float32 and owned by the caller, or None when ``between`` said False. Whether a
            head is trained is not known here: ask the manifest.

        Raises:
            ValueError: an input of another name, type, shape or range. RuntimeUnavailableError: it was closed.
        """
        check_inputs(inputs, self.tier)
        if self._closed:
            raise RuntimeUnavailableError("this runtime was closed; load Stage B again")
        channel = self._channel  # kept for the whole call: renew() gives only later calls another
        if channel is None:
            channel = self._channel = self._open()
        channel.begin(inputs)
        for index, part in enumerate(self.slices):
            if not between():
                return None
            channel.busy = index
            try:
                with timed(self.device) as elapsed:
                    channel.run(index)
            finally:
                channel.busy = None
            if timings is not None:
                timings[f"stage_b.{part.name}"] = elapsed.ms
        return channel.outputs()

    def renew(self) -> None:
        """Leave everything that a thread given up in the middle of a call still holds to that thread.

        Returns at once, from any thread; what the next call needs is made in the thread that makes it.
        """
        abandoned, self._channel = self._channel, None
        if abandoned is not None and abandoned.busy is not None:
            self._give_up(abandoned.busy)

    @abstractmethod
    def _open(self) -> Channel:
        """A channel that shares nothing writable with any other."""

    @abstractmethod
    def _give_up(self, index: int) -> None:
        """Told which slice a lost thread is in, so that no later channel waits for it."""

    def close(self) -> None:
        """Free the network. The runtime cannot be used afterwards."""
        self._channel, self._closed = None, True
