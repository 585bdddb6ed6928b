"""Proof of life: a tier learns from a few rendered frames, on any machine, in minutes.

    python -m training.smoke --tier T0_BASELINE_CNN --epochs 2 --batches 5

Renders its own data, trains what has a loss there, loads the checkpoint as the app would and asks it about a frame.
Nothing is downloaded; nothing stays but the folder of ``--out`` and the rendered frames, kept for the next time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maxsight_core.engine.detect import decode, prepare
from maxsight_core.engine.runtimes import load_stage_a
from maxsight_core.models.stage_b_contract import heads_of
from maxsight_core.models.tiers import tier as find_tier
from training import train
from training.data.rendered import RenderedFrames
from training.data.sample import ClassTable
from training.loop import state
from training.loop.config import ConfigError, TrainConfig, make_config

CLASSES = ("person", "car", "door", "chair", "bench", "stairs", "crosswalk", "traffic light")
BATCH = 4
INPUT_PX = {"fused": 224, "pyramid": 320}
SAFETY_HEADS = ("objectness", "classification", "boxes", "distance_zones", "urgency", "uncertainty")
CHECK_SEED = 4242
"""World of the frame that is asked about: none of the training's."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when every step worked; the message of the first that did not is on stderr."""
    options = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="maxsight-smoke-") as folder:
        out = options.out or Path(folder) / "run"
        try:
            config = _config(options.tier, options.grid, options.epochs, options.batches, options.input_px)
            figures = run(config, out, options.device)
        except (ConfigError, state.StateError, ValueError, ArithmeticError, RuntimeError) as error:
            print(f"smoke: {error}", file=sys.stderr)
            return 1
    print(json.dumps(figures))
    print(f"smoke: {config.tier} on the {config.grid} grid trained, and the checkpoint answers")
    return 0


def run(config: TrainConfig, out: Path, device: str | None) -> dict[str, Any]:
    """Train, and ask the checkpoint about a frame of a world it has not seen.

    Returns:
        First and last mean of the summed losses, the number of detections in a frame, and the outputs that learned.
    """
    train.run(config, out, device=device)
    rows = [json.loads(line) for line in (out / state.METRICS_FILE).read_text(encoding="utf-8").splitlines()]
    loaded = load_stage_a(checkpoint=out / state.LAST_FILE, runtime="torch", precision="f32")
    frame = RenderedFrames(("street",), 1, ClassTable.of_names(CLASSES), first_seed=CHECK_SEED)[0]
    manifest = loaded.manifest
    raw = loaded.runtime.infer(prepare(frame.image, manifest.input_size_px, manifest.fit))
    if not all(np.isfinite(tensor).all() for tensor in raw.values()):
        raise RuntimeError("the trained network answers with numbers that are not finite")
    found = decode(raw, manifest.grid, manifest.input_size_px, frame.size, fit=manifest.fit, classes=manifest.classes)
    return {"first_loss": sum(rows[0]["losses"].values()), "last_loss": sum(rows[-1]["losses"].values()),
            "epochs": float(len(rows)), "detections": float(len(found)), "trained": sorted(manifest.trained_heads)}


def _config(tier: str, grid: str, epochs: int, batches: int, input_px: int | None) -> TrainConfig:
    frames, key = batches * BATCH, find_tier(tier).key
    return make_config({
        "tier": tier, "grid": grid, "input_size_px": input_px or INPUT_PX[grid], "classes": list(CLASSES),
        "fit": "stretch" if grid == "fused" else "letterbox",
        "train_heads": [*SAFETY_HEADS, *(head.name for head in heads_of(key))],
        "data": {"rendered": [{"scenes": ["corridor", "street"], "frames": frames, "first_seed": 7000,
                               "maps": key != "T0"}],
                 "validation_share": 0.0, "workers": 0},
        "augment": {"mosaic": 0.0, "mixup": 0.0, "copy_paste": 0.0},
        "batch": {"size": BATCH}, "schedule": {"epochs": epochs, "warmup_epochs": min(1.0, epochs / 2)},
        "optimiser": {"learning_rate": 2e-4},
        "run": {"tensorboard": False, "validate_every_epochs": epochs},
    }, "smoke")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.smoke", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", default="T0_BASELINE_CNN", help="T0 to T5, or a long name")
    parser.add_argument("--grid", default="fused", choices=sorted(INPUT_PX))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batches", type=int, default=5, help="of four pictures, an epoch")
    parser.add_argument("--input-px", type=int, help="side of the square input; smaller is faster")
    parser.add_argument("--device", help="cpu, cuda; default: the best there is")
    parser.add_argument("--out", type=Path, help="keep the run's folder here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
