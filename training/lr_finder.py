"""Find a learning rate: raise it step by step from almost nothing and see where the loss falls, and where it breaks.

    python -m training.lr_finder --config training/configs/t0_pyramid.yaml --out runs/lr.json

Smith, "Cyclical Learning Rates for Training Neural Networks", 2017 (LR range test). The suggestion is where the
smoothed loss falls fastest over the logarithm of the rate, and no more than a tenth of where it is lowest: at the
lowest it is about to break. Nothing is kept but the JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.data.batch import Batch
from training.data.sample import SampleError
from training.loop.build import build_trainer
from training.loop.config import ConfigError, TrainConfig, load_config
from training.loop.distributed import World
from training.loop.optimisers import set_rate
from training.loop.trainer import Trainer

FIRST_RATE, LAST_RATE, STEPS = 1e-7, 1.0, 100
SMOOTHING = 0.9
"""Share of the running mean that stays, a step."""
BROKEN_FACTOR = 4.0
"""The sweep ends when the smoothed loss is so many times its least (fastai's rule)."""
LEAST_SCALE = 0.1
"""Of the first loss: a least loss smaller than this is no measure of what is broken."""
BELOW_LOWEST = 0.1
LEAST_STEPS = 10
"""Fewer say nothing about a slope."""


@dataclass(frozen=True, slots=True)
class RateCurve:
    """What a sweep saw.

    Args:
        rates: of the steps taken, rising. losses: smoothed. suggestion: peak learning rate for the configuration.
        steepest: rate where the loss falls fastest. lowest: rate of the least loss. broke: whether it broke at the end.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float
    steepest: float
    lowest: float
    broke: bool


def find_rate(
    step: Callable[[float], float], first: float = FIRST_RATE, last: float = LAST_RATE, steps: int = STEPS,
) -> RateCurve:
    """Sweep ``step`` over rates, equally spaced on a logarithmic scale.

    Args:
        step: one optimiser step at a rate; gives the loss before it.

    Raises:
        ValueError: rates that do not rise, too few steps, or a loss that breaks before there is anything to see.
    """
    if not 0 < first < last or steps < LEAST_STEPS:
        raise ValueError(f"find_rate: expected 0 < first < last and at least {LEAST_STEPS} steps; got {first}, {last}, "
                         f"{steps}")
    rates, losses, mean, broke = [], [], 0.0, False
    for number, rate in enumerate(np.geomspace(first, last, steps).tolist()):
        loss = step(rate)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed = mean / (1 - SMOOTHING ** (number + 1))  # the running mean begins at 0
        broke = not math.isfinite(smoothed) or (bool(losses) and smoothed > _ceiling(losses))
        if broke:
            break
        rates.append(rate)
        losses.append(smoothed)
    if len(rates) < LEAST_STEPS:
        raise ValueError(f"find_rate: the loss broke after {len(rates)} steps, at a rate of {rate:.1e}. Begin lower")
    steepest, lowest = _steepest(rates, losses), rates[int(np.argmin(losses))]
    return RateCurve(tuple(rates), tuple(losses), min(steepest, BELOW_LOWEST * lowest), steepest, lowest, broke)


def _ceiling(losses: Sequence[float]) -> float:
    """Smoothed loss above which a sweep is broken; sums of losses may be near nothing or below it."""
    least = min(losses)
    return least + (BROKEN_FACTOR - 1.0) * max(abs(least), LEAST_SCALE * abs(losses[0]))


def _steepest(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Rate where the loss falls fastest over the rate's logarithm, before its least."""
    until = max(2, int(np.argmin(losses)) + 1)
    slope = np.gradient(np.asarray(losses[:until]), np.log(np.asarray(rates[:until])))
    return rates[int(np.argmin(slope))]


def trainer_step(trainer: Trainer) -> Callable[[float], float]:
    """One step of a trainer's network at a given rate, on its next batch; its epochs follow one another."""
    batches = _endless(trainer)
    trainer.model.train()

    def step(rate: float) -> float:
        batch = next(batches).to(trainer.device)
        set_rate(trainer.optimiser, rate)
        with trainer.precision.autocast():
            found = trainer.model(batch)
        losses = trainer.objective({name: tensor.float() for name, tensor in found.items()}, batch)
        total = float(_total(losses, trainer))
        if not math.isfinite(total):
            return total
        trainer.balancer.backward(losses, trainer.step, trainer.precision.scaled)
        trainer.precision.scaler.unscale_(trainer.optimiser)
        nn.utils.clip_grad_norm_(trainer.network.parameters(), trainer.config.optimiser.clip_norm)
        trainer.precision.step(trainer.optimiser)
        trainer.optimiser.zero_grad(set_to_none=True)
        trainer.step += 1
        return total

    return step


def find_lr(config: TrainConfig, device: torch.device, steps: int = STEPS, first: float = FIRST_RATE,
            last: float = LAST_RATE) -> RateCurve:
    """The curve of a configuration's own data, network and losses."""
    torch.manual_seed(config.seed)
    with tempfile.TemporaryDirectory(prefix="maxsight-lr-") as folder:
        step = trainer_step(build_trainer(config, Path(folder), device, World(0, 1, 0)))
        with tqdm(total=steps, unit="step", leave=False) as bar:
            return find_rate(lambda rate: (bar.update(), step(rate))[1], first, last, steps)


def _endless(trainer: Trainer) -> Iterator[Batch]:
    epoch = 0
    while True:
        yield from trainer.feed.epoch(epoch, 0)
        epoch += 1


def _total(losses: dict[str, Tensor], trainer: Trainer) -> Tensor:
    return sum(trainer.weights.get(name, 1.0) * loss.detach() for name, loss in losses.items())


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 with a message when there is nothing to sweep."""
    options = _parser().parse_args(argv)
    try:
        config = load_config(options.config, options.values)
        device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        curve = find_lr(config, device, options.steps, options.first, options.last)
    except (ConfigError, SampleError, ValueError, OSError) as error:
        print(f"lr_finder: {error}", file=sys.stderr)
        return 2
    body = {**asdict(curve), "configured": config.learning_rate, "batch_size": config.batch_size, "tier": config.tier}
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    print(f"optimiser.learning_rate={curve.suggestion:.2g}  (falls fastest at {curve.steepest:.2g}, lowest at "
          f"{curve.lowest:.2g}{'' if curve.broke else '; it did not break: sweep higher'}; configured "
          f"{config.learning_rate:.2g})")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.lr_finder", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="YAML; see training/configs")
    parser.add_argument("--out", type=Path, help="write the curve as JSON")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--first", type=float, default=FIRST_RATE, help="rate of the first step")
    parser.add_argument("--last", type=float, default=LAST_RATE, help="rate of the last step")
    parser.add_argument("--device", help="cpu, cuda; default: the best there is")
    parser.add_argument("values", nargs="*", metavar="section.key=value", help="over the configuration's values")
    return parser


if __name__ == "__main__":
    sys.exit(main())
