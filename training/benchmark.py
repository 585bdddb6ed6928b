"""How fast a network is on this machine: answering, and learning.

    python -m training.benchmark --checkpoint runs/t0/best.safetensors [--batch 1 --batch 8] [--json OUT]
    python -m training.benchmark --tier T0 --grid pyramid --input-px 320 --train [--batch 16]

Without a checkpoint the weights are random: times are the same. Every time waits for the device at both ends; a GPU
returns from a call long before its work is done. Other work on the machine shows in the 95th percentile.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from maxsight_core.bench.timing import percentiles
from maxsight_core.engine import device as devices
from maxsight_core.engine.manifest import CheckpointError
from maxsight_core.engine.runtimes import RuntimeUnavailableError, load_stage_a
from maxsight_core.models.grid import DEFAULT_INPUT_PX, GRIDS
from maxsight_core.models.tiers import tier as find_tier
from training.data.batch import collate
from training.data.sample import ClassTable, Sample
from training.loop.network import TrainedNetwork
from training.loop.precision import Precision
from training.losses.objective import Objective, default_weights

CLASSES = ("person", "car", "door", "chair", "bench", "stairs", "crosswalk", "traffic light")
WARM_UP = 3
"""Calls that are not counted: kernels are chosen, memory is taken, clocks rise."""
DEFAULT_ITERATIONS = 20
_BOX_LOSS = "giou"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 with a message when there is nothing to time."""
    options = _parser().parse_args(argv)
    try:
        report = run(options)
    except (CheckpointError, RuntimeUnavailableError, devices.DeviceError, ValueError, OSError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    text = json.dumps(report, indent=1)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds and pictures a second, per batch size."""
    batches = options.batch or [1]
    if min(batches) < 1 or options.iterations < 1:
        raise ValueError(f"--batch and --iterations: expected at least 1; got {min(batches)} and {options.iterations}")
    if options.train:
        return learning(options, batches)
    loaded = load_stage_a(options.checkpoint, grid=options.grid, input_size=options.input_px, runtime=options.runtime,
                          precision=options.precision, threads=options.threads)
    runtime = loaded.runtime
    rng = np.random.default_rng(0)
    rows = {}
    for size in batches:
        pictures = rng.integers(0, 256, (size, runtime.input_size, runtime.input_size, 3), dtype=np.uint8)
        rows[str(size)] = _row(time_calls(lambda pictures=pictures: runtime.infer(pictures), runtime.device,
                                          options.iterations), size)
    about = {"what": "Stage A, inference", "weights": loaded.source_note, "runtime": runtime.name,
             "device": runtime.device, "precision": runtime.precision, "grid": runtime.grid,
             "input_px": runtime.input_size}
    runtime.close()
    return {**about, "batch": rows}


def learning(options: argparse.Namespace, batches: Sequence[int]) -> dict[str, Any]:
    """Forward pass, losses, backward pass and step on pictures of noise with three boxes each."""
    policy = devices.select(options.device)
    device = torch.device(policy.device)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    key = find_tier(options.tier).key
    grid = options.grid or "pyramid"
    input_px = options.input_px or DEFAULT_INPUT_PX[grid]
    torch.manual_seed(0)
    classes = ClassTable.of_names(CLASSES)
    network = TrainedNetwork(key, grid, classes.count).to(device, memory_format=torch.channels_last).train()
    step = _step(network, Objective(key, grid, box_loss=_BOX_LOSS), device, options.precision)
    rows = {}
    for size in batches:
        batch = collate([_noise(input_px, classes, seed) for seed in range(size)], input_px, "stretch").to(device)
        rows[str(size)] = _row(time_calls(lambda batch=batch: step(batch), policy.device, options.iterations), size)
    return {"what": f"{key}, one step of training", "device": policy.device, "precision": options.precision,
            "grid": grid, "input_px": input_px, "batch": rows}


def time_calls(call: Callable[[], object], device: str, iterations: int, warm_up: int = WARM_UP) -> list[float]:
    """Milliseconds of each of ``iterations`` calls, the device waited for before and after every one."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(iterations):
        with devices.timed(device) as elapsed:
            call()
        times.append(elapsed.ms)
    return times


def _step(network: TrainedNetwork, objective: Objective, device: torch.device, precision: str):
    weights = default_weights(_BOX_LOSS)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-6)
    casts = Precision(precision, device)

    def step(batch) -> None:
        with casts.autocast():
            found = network(batch)
        losses = objective({name: tensor.float() for name, tensor in found.items()}, batch)
        torch.stack([loss * weights.get(name, 1.0) for name, loss in losses.items()]).sum().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def _noise(size_px: int, classes: ClassTable, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    boxes = np.concatenate((rng.uniform(0.3, 0.7, (3, 2)), rng.uniform(0.1, 0.5, (3, 2))), axis=1)
    return Sample(
        image=rng.integers(0, 256, (size_px, size_px, 3), dtype=np.uint8), boxes=boxes.astype(np.float32),
        columns=np.array([1, 2, 3]), zones=np.array([0, 1, 2]), labelled=np.ones(classes.count, bool), urgency=1,
        distances_m=np.array([1.0, 3.0, 6.0], np.float32)).check()


def _row(times_ms: list[float], size: int) -> dict[str, float]:
    return {**percentiles(times_ms), "pictures_per_s": round(1000.0 * size / float(np.median(times_ms)), 2)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="default: what the app would use")
    parser.add_argument("--grid", choices=GRIDS)
    parser.add_argument("--input-px", type=int, help="side of the square input")
    parser.add_argument("--batch", type=int, action="append", help="pictures a call; repeatable; default 1")
    parser.add_argument("--iterations", type=int, default=DEFAULT_ITERATIONS)
    parser.add_argument("--runtime", default="auto", help="auto, torch or openvino")
    parser.add_argument("--precision", default="auto", help="auto, f32, bf16, f16 or int8")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--train", action="store_true", help="time steps of training instead")
    parser.add_argument("--tier", default="T0", help="with --train")
    parser.add_argument("--device", help="with --train: cpu, cuda, mps; default: the best there is")
    parser.add_argument("--json", type=Path, help="write the report here too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
