"""Prepare Stage A in INT8 for the weights that this machine uses.

    python -m maxsight_core.engine.quantize [--images DIR] [--samples 64] [--if-needed]

Calibrates on pictures, judges the result on other pictures, and keeps graph and verdict in the cache folder, where the
server finds them at its next start. ``--images`` names a folder of pictures like those of the camera; without it,
frames of the rendered corridor and street are used.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from tqdm import tqdm

from maxsight_core.engine import detect, weights
from maxsight_core.engine.config import ConfigError, EngineConfig
from maxsight_core.engine.manifest import CheckpointError
from maxsight_core.sources import SourceError, open_source

SCENES = ("scene:corridor?seed=3&fps=1&seconds=60", "scene:street?seed=3&fps=1&seconds=60")
DEFAULT_SAMPLES = 64
MIN_SAMPLES = 8


def pictures(folder: str | None, samples: int, input_size: int, fit: str) -> list[np.ndarray]:
    """``samples`` pictures [1, S, S, 3] uint8, evenly spread over the sources.

    Raises:
        SourceError: a folder without pictures, or with fewer than needed.
    """
    specs = (folder,) if folder is not None else SCENES
    found = []
    for spec in specs:
        source = open_source(spec)
        wanted = -(-samples // len(specs))
        step = max(1, (source.length or wanted) // wanted)
        chosen = [detect.prepare(frame.rgb, input_size, fit)
                  for index, frame in enumerate(tqdm(source.frames(), desc=spec, total=source.length, leave=False))
                  if index % step == 0]
        found += chosen[:wanted]
    if len(found) < MIN_SAMPLES:
        raise SourceError(f"{folder}: {len(found)} pictures; at least {MIN_SAMPLES} are needed to calibrate")
    return found


def prepare(config: EngineConfig, images: str | None, samples: int, *, if_needed: bool) -> str:
    """Prepare the INT8 graph; returns one line that says what was done."""
    import openvino as ov

    from maxsight_core.engine.runtimes import int8, openvino
    from maxsight_core.engine.runtimes.load import build_network

    source = weights.find(config.checkpoint, config.grid)
    size = source.manifest.input_size_px
    folder = int8.folder_of(config.cache_dir, source.manifest.grid, size, source.key)
    if if_needed and (kept := int8.quality_of(folder)) is not None:
        return f"INT8: prepared already ({kept.reason})"
    core = ov.Core()
    if "INT8" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return "INT8: this CPU gains nothing from it; full precision stays in use"
    shown = pictures(images, samples, size, source.manifest.fit)
    calibration, held_out = shown[::2], shown[1::2]
    full = openvino.convert(build_network(source), size)
    quantized = int8.quantize(full, calibration)
    answers = [_answers(core, model, held_out, source.manifest.grid) for model in (full, quantized)]
    quality = int8.judge(*answers, source.manifest, size)
    int8.keep(quantized, quality, folder)
    return f"INT8: {'in use from the next start' if quality.usable else 'not used'} ({quality.reason})"


def _answers(core, model, inputs: list[np.ndarray], grid: str) -> list[dict[str, np.ndarray]]:
    from maxsight_core.models.contract import GRAPH_OUTPUTS

    request = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    found = []
    for picture in inputs:
        request.infer([picture])
        found.append({name: np.array(request.get_output_tensor(i).data, np.float32)
                      for i, name in enumerate(GRAPH_OUTPUTS[grid])})
    return found


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.engine.quantize",
                                      description=__doc__.split("\n\n")[0])
    command.add_argument("--images", metavar="DIR", help="pictures to calibrate and judge with")
    command.add_argument("--samples", type=int, default=DEFAULT_SAMPLES, help="how many pictures (half for each)")
    command.add_argument("--if-needed", action="store_true", help="do nothing when it was prepared before")
    options = command.parse_args(arguments)
    if options.samples < 2 * MIN_SAMPLES:
        command.error(f"--samples: expected at least {2 * MIN_SAMPLES}; got {options.samples}")
    try:
        print(prepare(EngineConfig.from_environment(), options.images, options.samples, if_needed=options.if_needed))
    except (ConfigError, CheckpointError, SourceError) as error:
        print(f"maxsight: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
