"""What a run says of itself: a line on the terminal, ``metrics.jsonl``, and TensorBoard's events where installed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from training.loop import state as kept
from training.loop.config import TrainConfig

EVERY_STEPS = 20
"""Between two readings of the losses: reading one waits for the GPU."""


class Journal:
    """Of one run; ``enabled`` in one process only."""

    def __init__(self, folder: Path, config: TrainConfig, enabled: bool = True) -> None:
        self.folder, self.enabled = folder, enabled
        self._board: Any = _board(folder) if enabled and config.run.tensorboard else None
        self._words = ""
        self._pictures, self._since = 0, time.monotonic()

    def batch(self, step: int, losses: Mapping[str, Tensor], rate: float, pictures: int) -> None:
        """Once a batch; losses are read every 20 steps."""
        self._pictures += pictures
        if not self.enabled or step % EVERY_STEPS:
            return
        values = {name: float(loss.detach()) for name, loss in losses.items()}
        seconds = max(1e-6, time.monotonic() - self._since)
        self._words = " ".join([f"{self._pictures / seconds:.1f} pictures/s", f"lr {rate:.1e}",
                                *(f"{name} {value:.3f}" for name, value in values.items())])
        self._pictures, self._since = 0, time.monotonic()
        self._write({f"loss/{name}": value for name, value in values.items()} | {"rate": rate}, step)

    def words(self) -> str:
        """The last reading, for the progress bar."""
        return self._words

    def epoch(self, epoch: int, step: int, losses: Mapping[str, float], figures: Mapping[str, float]) -> None:
        """Once an epoch."""
        if not self.enabled:
            return
        kept.append_metrics(self.folder, {"epoch": epoch, "step": step, "time": time.time(), "losses": dict(losses),
                                          "validation": dict(figures)})
        self._write({f"validation/{name}": value for name, value in figures.items()}, step)

    def close(self) -> None:
        if self._board is not None:
            self._board.close()

    def _write(self, values: Mapping[str, float], step: int) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print("TensorBoard is not installed: the run's figures are in metrics.jsonl only (pip install tensorboard)")
        return None
    return SummaryWriter(str(folder / "events"))
