"""A loss that is no finite number stops the run at once, by name, before the weights are spoiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


class NonFiniteLossError(FloatingPointError):
    """A loss or a gradient is infinite or NaN. The checkpoints on disk are from before and still good."""


def check_losses(losses: Mapping[str, Tensor], step: int, sources: Sequence[str]) -> None:
    """NonFiniteLossError naming every loss that is not finite, the step, and the pictures of the batch."""
    finite = torch.stack([loss.detach().isfinite().all() for loss in losses.values()])
    if bool(finite.all()):
        return
    told = zip(losses.items(), finite.tolist(), strict=True)
    bad = [f"{name} = {float(loss.detach().sum())}" for (name, loss), ok in told if not ok]
    raise NonFiniteLossError(
        f"step {step}: {', '.join(bad)}. Pictures of this batch: {', '.join(sources)}. The last checkpoint is from "
        "before this step. Lower optimiser.learning_rate, or look at these pictures with "
        "python -m training.validate_data")


def check_gradient(norm: Tensor, step: int) -> None:
    """NonFiniteLossError when the gradient's norm is not finite (only half precision has a scaler that skips it)."""
    if not bool(torch.isfinite(norm)):
        raise NonFiniteLossError(
            f"step {step}: the gradient's norm is {float(norm)} although every loss is finite. The last checkpoint "
            "is from before this step. Lower optimiser.learning_rate or train with run.precision=f32")
