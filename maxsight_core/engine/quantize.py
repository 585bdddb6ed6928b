"""Prepare the networks in INT8 for the weights and the tier that this machine uses.

    python -m maxsight_core.engine.quantize [--images DIR] [--samples 64] [--if-needed]

Calibrates on pictures, judges the result on other pictures, and keeps graphs and verdicts in the cache folder, where
the server finds them at its next start. ``--images`` names a folder of pictures like those of the camera; without it,
frames of the rendered corridor and street are used. Stage B is prepared too when ``MAXSIGHT_TIER`` or the checkpoint
has one.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import numpy as np
from tqdm import tqdm

from maxsight_core.engine import calibration, weights
from maxsight_core.engine.config import ConfigError, EngineConfig
from maxsight_core.engine.manifest import CheckpointError
from maxsight_core.models.stage_b_contract import MAP_HISTORY
from maxsight_core.models.tiers import TIERS
from maxsight_core.sources import SourceError

DEFAULT_SAMPLES = 64
STAGE_B_SHARE = 2
"""Stage B takes every second sample: its tensors between slices are large, and its slices are many."""


def prepare(config: EngineConfig, images: str | None, samples: int, *, if_needed: bool) -> list[str]:
    """Prepare what is missing; returns one line per stage that says what was done."""
    import openvino as ov

    from maxsight_core.engine.runtimes import int8_stage_b

    source = weights.find(config.checkpoint, config.grid, tier=config.tier)
    if "INT8" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return ["INT8: this CPU gains nothing from it; full precision stays in use"]
    lines = [_stage_a(config, source, images, samples, if_needed)]
    tier = source.manifest.tier
    if TIERS[tier].trunk:
        folder = int8_stage_b.folder_of(config.cache_dir, tier, source.stage_b_key)
        kept = int8_stage_b.quality_of(folder) if if_needed else None
        lines.append(f"INT8, Stage B {tier}: prepared already ({kept.reason})" if kept is not None else
                     _stage_b(config, source, images, samples // STAGE_B_SHARE, folder))
    return lines


def _stage_a(
    config: EngineConfig, source: weights.WeightsSource, images: str | None, samples: int, if_needed: bool,
) -> str:
    from maxsight_core.engine.runtimes import int8, openvino
    from maxsight_core.engine.runtimes.base import graph_outputs
    from maxsight_core.engine.runtimes.load import build_network

    manifest = source.manifest
    size, with_map = manifest.input_size_px, MAP_HISTORY[manifest.tier] > 0
    folder = int8.folder_of(config.cache_dir, manifest.grid, size, source.key, with_map)
    if if_needed and (kept := int8.quality_of(folder)) is not None:
        return f"INT8: prepared already ({kept.reason})"
    shown = calibration.pictures(images, samples, size, manifest.fit)
    calibrating, held_out = shown[::2], shown[1::2]
    full = openvino.convert(build_network(source), size, with_map)
    quantized = int8.quantize(full, calibrating)
    names = graph_outputs(manifest.grid, with_map)
    quality = int8.judge(*(_answers(model, held_out, names) for model in (full, quantized)), manifest, size)
    int8.keep(quantized, quality, folder)
    return f"INT8: {'in use from the next start' if quality.usable else 'not used'} ({quality.reason})"


def _answers(model, inputs: list[np.ndarray], names: tuple[str, ...]) -> list[dict[str, np.ndarray]]:
    import openvino as ov

    request = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    found = []
    for picture in inputs:
        request.infer([picture])
        found.append({name: np.array(request.get_output_tensor(i).data, np.float32) for i, name in enumerate(names)})
    return found


def _stage_b(config: EngineConfig, source: weights.WeightsSource, images: str | None, samples: int, folder) -> str:
    from maxsight_core.engine.runtimes import int8_stage_b
    from maxsight_core.engine.runtimes.load import load_stage_a, stage_b_builder
    from maxsight_core.engine.runtimes.stage_b_graphs import Converter

    tier = source.manifest.tier
    stage_a = load_stage_a(config.checkpoint, config.grid, runtime="openvino", threads=config.threads,
                           cache_dir=config.cache_dir, tier=config.tier, with_map=None)
    shown = calibration.stage_b_samples(tier, stage_a, images, max(samples, 2 * calibration.MIN_SAMPLES))
    stage_a.runtime.close()
    quality = int8_stage_b.prepare(
        Converter(stage_b_builder(source)), shown[::2], shown[1::2], source.manifest.trained_heads, TIERS[tier].heads,
        folder, partial(tqdm, desc=f"Stage B {tier}", unit="slice", leave=False),
    )
    return (f"INT8, Stage B {tier}: {'in use from the next start' if quality.usable else 'not used'}, "
            f"{len(quality.quantized)} slices quantized ({quality.reason})")


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.engine.quantize",
                                      description=__doc__.split("\n\n")[0])
    command.add_argument("--images", metavar="DIR", help="pictures to calibrate and judge with")
    command.add_argument("--samples", type=int, default=DEFAULT_SAMPLES, help="how many pictures (half for each)")
    command.add_argument("--if-needed", action="store_true", help="do nothing when it was prepared before")
    options = command.parse_args(arguments)
    if options.samples < 2 * calibration.MIN_SAMPLES:
        command.error(f"--samples: expected at least {2 * calibration.MIN_SAMPLES}; got {options.samples}")
    try:
        for line in prepare(EngineConfig.from_environment(), options.images, options.samples,
                            if_needed=options.if_needed):
            print(line)
    except (ConfigError, CheckpointError, SourceError) as error:
        print(f"maxsight: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
