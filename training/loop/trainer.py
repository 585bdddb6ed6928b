"""The supervised loop: forward, named losses, guard, backward, clip, step, average; validate and keep."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.balance.balancer import Balancer
from training.balance.unlock import weights_at
from training.data.batch import Batch
from training.loop import state as kept
from training.loop.config import TrainConfig
from training.loop.distributed import World
from training.loop.ema import AverageOfWeights
from training.loop.journal import Journal
from training.loop.nan_guard import check_gradient, check_losses
from training.loop.network import TrainedNetwork, channels_last
from training.loop.optimisers import make_optimiser, set_rate
from training.loop.precision import Precision
from training.loop.schedule import WarmupCosine

BYTES_PER_PARAMETER = 16
"""Weights, their average, and AdamW's two moments, in 32 bits."""
BEST_BY = "map50"
"""The validation figure that decides which epoch is the best."""


SaveCheckpoint = Callable[[nn.Module, Path, dict[str, float], frozenset[str]], None]
"""(averaged network, file, figures, names of the losses that were ever more than nothing)."""


class Feed(Protocol):
    """Batches in an order that depends on the seed and the epoch alone."""

    batches_per_epoch: int

    def epoch(self, epoch: int, first_batch: int) -> Iterator[Batch]:
        """The batches of ``epoch`` from number ``first_batch`` on."""


class StoppedError(RuntimeError):
    """The run was told to stop; its state is saved."""


class WorkerLostError(RuntimeError):
    """A loading process was killed; the last state on disk is good."""


class Trainer:
    """One run.

    Args:
        config: of the run. network: both stages. objective: from named tensors and a batch to named losses.
        balancer: from losses to gradients. feed: training batches.
        validate: from the averaged network to figures; None: no validation. save: writes a usable checkpoint of the
            averaged network to a path, with these figures. folder: of the run. device: to compute on.
    """

    def __init__(
        self, config: TrainConfig, network: TrainedNetwork,
        objective: Callable[[Mapping[str, Tensor], Batch], dict[str, Tensor]],
        balancer: Balancer, feed: Feed, folder: Path, device: torch.device, world: World,
        validate: Callable[[nn.Module], dict[str, float]] | None,
        save: SaveCheckpoint,
    ) -> None:
        self.config, self.objective, self.balancer, self.feed = config, objective, balancer, feed
        self.weights = dict(balancer.weights)
        self.folder, self.device, self.world = folder, device, world
        self.validate, self.save = validate, save
        self.network = channels_last(network.to(device))
        parameters = sum(parameter.numel() for parameter in network.parameters())
        if world.first:
            kept.require_space(folder, parameters * BYTES_PER_PARAMETER)
        self.model = world.wrap(self.network, device)
        self.precision = Precision(config.run.precision, device)
        self.optimiser = make_optimiser(self.network, config)
        self.average = AverageOfWeights(self.network, config.run.ema_decay, config.run.ema_warmup_steps)
        self.steps_per_epoch = max(1, feed.batches_per_epoch // config.batch.accumulate)
        self.rate = WarmupCosine(
            config.learning_rate, config.schedule.min_learning_rate,
            round(config.warmup_epochs * self.steps_per_epoch), config.schedule.epochs * self.steps_per_epoch)
        self.epoch = self.batch = self.step = 0
        self.best = float("-inf")
        self.learned: frozenset[str] = frozenset()
        self._stop = False

    # ---- going on ----------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Go on from the folder's state; StateError when it belongs to another run."""
        state = kept.load_state(self.folder / kept.STATE_FILE)
        kept.require_same_run(state["config"], self.config.to_json())
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.balancer.load_state_dict(state["balancer"])
        self.precision.scaler.load_state_dict(state["scaler"])
        self.epoch, self.batch, self.step = state["epoch"], state["batch"], state["step"]
        self.best, self.learned = state["best"], frozenset(state["learned"])
        torch.set_rng_state(state["rng"])
        if self.device.type == "cuda" and state["rng_cuda"]:
            torch.cuda.set_rng_state(state["rng_cuda"][0], self.device)

    def _keep(self) -> None:
        if not self.world.first:
            return
        kept.save_state(self.folder / kept.STATE_FILE, {
            "config": self.config.to_json(), "network": self.network.state_dict(), "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(), "balancer": self.balancer.state_dict(),
            "scaler": self.precision.scaler.state_dict(),
            "epoch": self.epoch, "batch": self.batch, "step": self.step, "best": self.best,
            "learned": sorted(self.learned),
            "rng": torch.get_rng_state(),
            "rng_cuda": [torch.cuda.get_rng_state(self.device)] if self.device.type == "cuda" else [],
        })

    # ---- the run -----------------------------------------------------------------------------------------------

    def fit(self) -> dict[str, float]:
        """Train to the last epoch; the figures of the last validation.

        Raises:
            NonFiniteLossError: a loss or gradient is not finite. StoppedError: a signal; the state is saved.
            WorkerLostError: a loading process was killed.
        """
        figures: dict[str, float] = {}
        journal = Journal(self.folder, self.config, enabled=self.world.first)
        before = {number: signal.signal(number, self._told_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while self.epoch < self.config.schedule.epochs:
                losses = self._one_epoch(journal)
                self.epoch, self.batch = self.epoch + 1, 0
                figures = self._end_of_epoch(journal, losses) or figures
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise WorkerLostError(
                f"a process that loads pictures died in epoch {self.epoch + 1} ({error}). Usually the memory "
                f"was full: lower data.workers or batch.size. Go on with --resume from the last state in {self.folder}"
            ) from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            journal.close()
        return figures

    def _told_to_stop(self, *_: object) -> None:
        self._stop = True

    def _one_epoch(self, journal: Journal) -> dict[str, float]:
        self.model.train()
        if self.config.schedule.unlock:
            self.balancer.set_weights(weights_at(self.epoch, self.weights))
        totals: dict[str, Tensor] = {}
        counted = 0
        kept_at = time.monotonic()
        bar = tqdm(total=self.feed.batches_per_epoch, initial=self.batch, unit="batch", leave=False,
                   disable=not self.world.first, desc=f"epoch {self.epoch + 1}/{self.config.schedule.epochs}")
        for batch in self.feed.epoch(self.epoch, self.batch):
            losses = self._learn_from(batch.to(self.device))
            self.batch += 1
            counted += 1
            for name, loss in losses.items():
                totals[name] = totals.get(name, 0.0) + loss.detach()
            journal.batch(self.step, losses, self.optimiser.param_groups[-1]["lr"], len(batch.images))
            bar.update()
            bar.set_postfix_str(journal.words(), refresh=False)
            stop = self.world.any(self._stop)
            if stop or time.monotonic() - kept_at > self.config.run.checkpoint_minutes * 60.0:
                self._keep()
                kept_at = time.monotonic()
            if stop:
                bar.close()
                raise StoppedError(f"stopped in epoch {self.epoch + 1} after batch {self.batch}; the state is in "
                              f"{self.folder / kept.STATE_FILE}. Go on with --resume")
        bar.close()
        means = {name: float(total) / max(1, counted) for name, total in totals.items()}
        self.learned |= {name for name, mean in means.items() if mean != 0.0}
        return means

    def _learn_from(self, batch: Batch) -> dict[str, Tensor]:
        accumulate = self.config.batch.accumulate
        if self.batch % accumulate == 0:
            set_rate(self.optimiser, self.rate(self.step))
            self.network.cool(self.step / self.rate.total_steps)
        with self.precision.autocast():
            found = self.model(batch)
        found = {name: tensor.float() for name, tensor in found.items()}
        losses = self.objective(found, batch)
        check_losses(losses, self.step, batch.sources)
        self.balancer.backward(losses, self.step, lambda loss: self.precision.scaled(loss / accumulate))
        if (self.batch + 1) % accumulate == 0:
            self._take_step()
        return losses

    def _take_step(self) -> None:
        self.precision.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optimiser.clip_norm)
        if not self.precision.scaler.is_enabled():
            check_gradient(norm, self.step)
        self.precision.step(self.optimiser)
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update(self.network)
        self.step += 1

    def _end_of_epoch(self, journal: Journal, losses: dict[str, float]) -> dict[str, float]:
        figures: dict[str, float] = {}
        last = self.epoch == self.config.schedule.epochs
        due = last or self.epoch % self.config.run.validate_every_epochs == 0
        if due and self.validate is not None and self.world.first:
            figures = self.validate(self.average.module)
        if self.world.first:
            journal.epoch(self.epoch, self.step, losses, figures)
            self.save(self.average.module, self.folder / kept.LAST_FILE, figures, self.learned)
            if figures.get(BEST_BY, float("-inf")) > self.best:
                self.best = figures[BEST_BY]
                self.save(self.average.module, self.folder / kept.BEST_FILE, figures, self.learned)
        self._keep()
        self.world.barrier()
        return figures
