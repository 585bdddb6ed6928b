"""Teach the backbone to name things that are cut out: ten times as many per second as a detector learns from.

    python -m training.crops --config training/configs/t0_pyramid_cpu.yaml --out runs/backbone.safetensors \\
        --steps 1500 data.root=datasets
    python -m training.train --config ... init_backbone=runs/backbone.safetensors

The things are those of the configuration's training pictures; those of its validation pictures judge. With torchrun
every process takes its share of the batch.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch
from tqdm import trange

from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA
from training.crops.cut import Crops, cut, joined
from training.crops.network import CropClassifier, loss, views
from training.data.sample import ClassTable, SampleError
from training.loop.build import training_sources, validation_sets
from training.loop.config import ConfigError, TrainConfig, load_config
from training.loop.distributed import World, join, leave
from training.loop.nan_guard import NonFiniteLossError
from training.loop.network import channels_last
from training.loop.precision import Precision
from training.ssl.start import learned_tensors, load_start, save_start

WARMUP_STEPS = 50
WEIGHT_DECAY = 0.05
CLIP_NORM = 1.0
JUDGED_AT_ONCE = 128
MOST_JUDGED = 2000


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 when the loss is not finite; 2 when it cannot begin."""
    options = _parser().parse_args(argv)
    try:
        config = load_config(options.config, options.values)
        if config.run.threads:
            torch.set_num_threads(config.run.threads)
        world = join()
        figures = run(config, options, world)
    except NonFiniteLossError as error:
        print(f"crops stopped: {error}", file=sys.stderr)
        return 1
    except (ConfigError, SampleError, ValueError, OSError) as error:
        print(f"crops cannot begin: {error}", file=sys.stderr)
        return 2
    finally:
        leave()
    if world.first:
        print(json.dumps(figures))
    return 0


def run(config: TrainConfig, options: argparse.Namespace, world: World) -> dict[str, float]:
    """Learn, judge, and write ``options.out``; share of held-out things named rightly, and how many there were."""
    if options.out.suffix != ".safetensors":
        raise ValueError(f"--out {options.out}: expected a name that ends in .safetensors")
    cv2.setNumThreads(1)
    torch.manual_seed(config.seed)
    device = torch.device(f"cuda:{world.local_rank}" if torch.cuda.is_available() else "cpu")
    classes = ClassTable.of_names(config.classes)
    stage_a = StageA(config.grid, classes.count)
    if options.init_backbone is not None:
        load_start(options.init_backbone, stage_a, None)
    network = channels_last(CropClassifier(stage_a.backbone, classes.count).to(device))
    crops = joined([cut(source.samples, config.seed) for source in training_sources(config, classes)])
    _learn(network, crops, config, options, world, device)
    figures = {"crops": float(len(crops.columns))}
    if world.first:
        held_out = [samples for sets in validation_sets(config, classes).values() for samples in sets if len(samples)]
        figures |= _judge(network, joined([cut(samples, config.seed) for samples in held_out]), options.view_px, device)
        save_start(options.out, learned_tensors(network), {"method": "crops", **figures})
    world.barrier()
    return figures


def _learn(network: CropClassifier, crops: Crops, config: TrainConfig, options: argparse.Namespace, world: World,
           device: torch.device) -> None:
    model = world.wrap(network, device)
    normalise, precision = Normalise().to(device), Precision(config.run.precision, device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=WEIGHT_DECAY)
    generator = torch.Generator().manual_seed(config.seed + 1000 * world.rank)
    chances = torch.from_numpy(crops.weights())
    network.train()
    bar = trange(options.steps, disable=not world.first, unit="step")
    for step in bar:
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * _rate(step, options.steps)
        chosen = torch.multinomial(chances, options.batch_size, generator=generator)
        seen = views(torch.from_numpy(crops.images[chosen.numpy()]), options.view_px, generator).to(device)
        columns = torch.from_numpy(crops.columns[chosen.numpy()]).to(device)
        with precision.autocast():
            logits = model(normalise(seen).contiguous(memory_format=torch.channels_last))
        value = loss(logits, columns)
        if not torch.isfinite(value):
            raise NonFiniteLossError(f"the crops' loss is {float(value)} at step {step}; lower --learning-rate")
        precision.scaled(value).backward()
        precision.scaler.unscale_(optimiser)
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
        precision.step(optimiser)
        optimiser.zero_grad(set_to_none=True)
        right = (logits[-1].argmax(dim=1) == columns).float().mean()
        bar.set_postfix_str(f"loss {float(value):.3f} right {float(right):.2f}", refresh=False)


def _rate(step: int, steps: int) -> float:
    """Warmup, then a cosine to nothing."""
    warm = min(WARMUP_STEPS, max(1, steps // 10))
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


@torch.inference_mode()
def _judge(network: CropClassifier, crops: Crops, side_px: int, device: torch.device) -> dict[str, float]:
    network.eval()
    normalise = Normalise().to(device)
    right, count = 0, min(MOST_JUDGED, len(crops.columns))
    for start in range(0, count, JUDGED_AT_ONCE):
        images = torch.from_numpy(crops.images[start:min(count, start + JUDGED_AT_ONCE)]).permute(0, 3, 1, 2)
        seen = torch.nn.functional.interpolate(images.float(), (side_px, side_px), mode="bilinear", antialias=True)
        said = network(normalise(seen.permute(0, 2, 3, 1).to(device)))[-1].argmax(dim=1).cpu().numpy()
        right += int((said == crops.columns[start:start + len(said)]).sum())
    return {"held_out": float(count), "named_rightly": right / count}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.crops", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="YAML of training.train: pictures and classes")
    parser.add_argument("--out", type=Path, required=True, help="F.safetensors, which init_backbone of train loads")
    parser.add_argument("--init-backbone", type=Path, help="backbone to begin with, such as that of training.pretrain")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=64, help="of one process")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--view-px", type=int, default=64, help="side of what the network sees of a crop")
    parser.add_argument("values", nargs="*", metavar="section.key=value", help="over the configuration's values")
    return parser


if __name__ == "__main__":
    sys.exit(main())
