"""The pretraining loop: views, loss, guard, backward, clip, step; kept so that a killed run goes on with the same bits.

Beside ``F.safetensors``, what training starts from, lie ``F.pt``, the state to go on from, and ``F.jsonl``, the figures
of every epoch.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from maxsight_core.models.layers.normalise import Normalise
from training.loop import state as kept
from training.loop.nan_guard import NonFiniteLossError
from training.loop.precision import Precision
from training.loop.schedule import WarmupCosine
from training.loop.trainer import BYTES_PER_PARAMETER, StoppedError, WorkerLostError
from training.ssl.config import PretrainConfig
from training.ssl.pictures import PictureFeed
from training.ssl.start import learned_tensors, make_model, save_start

LOSSES = frozenset({"contrast", "pixels"})
"""What is minimised; the other figures only tell."""
BETAS = (0.9, 0.95)
"""Of AdamW (He et al. 2022, table 8)."""
MASKS_STREAM = 1_000_003
"""Keeps the seed of a step's masks apart from other steps' and other runs'."""
STATE_SUFFIX, FIGURES_SUFFIX = ".pt", ".jsonl"


class Pretrainer:
    """One run.

    Args:
        config: of the run. feed: its pictures. out: the file to write, ``.safetensors``. device: to compute on.
        checkpoint_minutes: the state is also written that often within an epoch.

    Raises:
        StateError: the disk is full.
    """

    def __init__(
        self, config: PretrainConfig, feed: PictureFeed, out: Path, device: torch.device,
        checkpoint_minutes: float = 10.0,
    ) -> None:
        self.config, self.feed, self.out, self.device = config, feed, out, device
        self.checkpoint_minutes = checkpoint_minutes
        torch.manual_seed(config.seed)
        self.model = make_model(config).to(device, memory_format=torch.channels_last)
        self.normalise = Normalise().to(device)
        kept.require_space(out.parent, sum(one.numel() for one in self.model.parameters()) * BYTES_PER_PARAMETER)
        self.precision = Precision(config.precision, device)
        self.optimiser = _optimiser(self.model, config)
        self.rate = WarmupCosine(config.peak, min(config.peak, config.min_learning_rate),
                                 round(config.warmup_epochs * feed.batches_per_epoch),
                                 config.epochs * feed.batches_per_epoch)
        self.epoch = self.batch = self.step = 0
        self._stop = False

    @property
    def state_file(self) -> Path:
        """Where the state to go on from is kept."""
        return self.out.with_suffix(STATE_SUFFIX)

    def resume(self) -> None:
        """Go on from the state beside ``out``; StateError when it belongs to another run."""
        state = kept.load_state(self.state_file)
        kept.require_same_run(state["config"], self.config.to_json())
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.precision.scaler.load_state_dict(state["scaler"])
        self.epoch, self.batch, self.step = state["epoch"], state["batch"], state["step"]

    def _keep(self) -> None:
        kept.save_state(self.state_file, {
            "config": self.config.to_json(), "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(),
            "scaler": self.precision.scaler.state_dict(), "epoch": self.epoch, "batch": self.batch, "step": self.step})

    def fit(self) -> dict[str, float]:
        """Learn to the last epoch; the mean figures of that epoch.

        Raises:
            NonFiniteLossError: a loss or gradient is not finite. StoppedError: a signal; the state is saved.
            WorkerLostError: a loading process was killed.
        """
        figures: dict[str, float] = {}
        before = {number: signal.signal(number, self._told_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while self.epoch < self.config.epochs:
                figures = self._one_epoch()
                self.epoch, self.batch = self.epoch + 1, 0
                self._end_of_epoch(figures)
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise WorkerLostError(f"a process that loads pictures died in epoch {self.epoch + 1} ({error}). Lower "
                                  "--workers, and go on with --resume") from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return figures

    def _told_to_stop(self, *_: object) -> None:
        self._stop = True

    def _one_epoch(self) -> dict[str, float]:
        self.model.train()
        totals: dict[str, Tensor] = {}
        counted, kept_at = 0, time.monotonic()
        bar = tqdm(self.feed.epoch(self.epoch, self.batch), total=self.feed.batches_per_epoch, initial=self.batch,
                   unit="batch", leave=False, desc=f"epoch {self.epoch + 1}/{self.config.epochs}")
        for views, names in bar:
            found = self.learn_from(views.to(self.device, non_blocking=True), names)
            self.batch, counted = self.batch + 1, counted + 1
            totals = {name: totals.get(name, 0.0) + value.detach() for name, value in found.items()}
            due = time.monotonic() - kept_at > self.checkpoint_minutes * 60.0
            if due or self._stop:
                self._keep()
                kept_at = time.monotonic()
            if self._stop:
                raise StoppedError(f"stopped in epoch {self.epoch + 1} after batch {self.batch}; the state is in "
                                   f"{self.state_file}. Go on with --resume")
        return {name: float(total) / max(1, counted) for name, total in totals.items()}

    def learn_from(self, views: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        """One step; its figures.

        Args:
            views: [V, B, S, S, 3] uint8 on the device.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(self.step)
        count, batch = views.shape[:2]
        images = self.normalise(views.flatten(0, 1)).unflatten(0, (count, batch))  # [V, B, 3, S, S]
        generator = torch.Generator().manual_seed(self.config.seed * MASKS_STREAM + self.step)
        with self.precision.autocast():
            found = self.model(images, generator)
        losses = {name: value for name, value in found.items() if name in LOSSES}
        self._require_finite(losses, names)
        self.precision.scaled(sum(losses.values())).backward()
        self.precision.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        if not self.precision.scaler.is_enabled():
            self._require_finite({"gradient": norm}, names)
        self.precision.step(self.optimiser)
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return found

    def _require_finite(self, values: Mapping[str, Tensor], names: tuple[str, ...]) -> None:
        bad = [f"{name} = {float(value.detach())}" for name, value in values.items() if not bool(value.isfinite())]
        if bad:
            raise NonFiniteLossError(
                f"step {self.step}: {', '.join(bad)}. Pictures of this batch: {', '.join(names)}. The state on disk is "
                "from before this step. Lower --learning-rate, or use --precision f32")

    def _end_of_epoch(self, figures: dict[str, float]) -> None:
        about = {"method": self.config.method, "part": self.config.part, "grid": self.config.grid, "epoch": self.epoch,
                 "input_size_px": self.config.input_size_px, "pictures": [str(folder) for folder in self.config.images],
                 "scenes": list(self.config.scenes), "frames": self.config.frames, "figures": figures}
        save_start(self.out, learned_tensors(self.model), about)
        with self.out.with_suffix(FIGURES_SUFFIX).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": self.epoch, "step": self.step, "time": time.time(), **figures}) + "\n")
        self._keep()


def _optimiser(model: nn.Module, config: PretrainConfig) -> torch.optim.AdamW:
    """Biases, norms' scales and single vectors do not decay."""
    decays = [one for one in model.parameters() if one.squeeze().ndim > 1]
    rest = [one for one in model.parameters() if one.squeeze().ndim <= 1]
    return torch.optim.AdamW([{"params": decays, "weight_decay": config.weight_decay},
                              {"params": rest, "weight_decay": 0.0}], lr=config.peak, betas=BETAS)
