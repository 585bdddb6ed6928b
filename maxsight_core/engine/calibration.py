"""What quantization is calibrated and judged with: pictures of a camera, and what Stage B reads of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine import detect, stage_b_inputs
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.runtimes import LoadedStageA
from maxsight_core.models.contract import SHARED_MAP
from maxsight_core.models.stage_b_contract import BOXES, MAP_HISTORY
from maxsight_core.sources import Source, SourceError, open_source

SCENES = ("scene:corridor?seed=3&fps=1&seconds=60", "scene:street?seed=3&fps=1&seconds=60")
"""For Stage A, which sees every picture on its own."""
MOVING_SCENES = ("scene:corridor?seed=3&fps=5&seconds=12", "scene:street?seed=3&fps=5&seconds=12")
"""For Stage B, which compares successive pictures as a camera takes them."""
MIN_SAMPLES = 8
_GRID = 4
_SIZES = (0.12, 0.25, 0.5, 0.8)


@dataclass(frozen=True, slots=True)
class Box:
    """Where to look: cxcywh, fractions of the picture."""

    box_cxcywh: tuple[float, float, float, float]


def spread_boxes() -> tuple[Box, ...]:
    """Sixteen boxes of four sizes all over the picture: what a detector that has learned nothing cannot give."""
    places = [((column + 0.5) / _GRID, (row + 0.5) / _GRID) for row in range(_GRID) for column in range(_GRID)]
    found = []
    for index, (x, y) in enumerate(places[:BOXES]):
        size = min(_SIZES[index % len(_SIZES)], 2 * min(x, y, 1 - x, 1 - y))  # inside the picture
        found.append(Box((x, y, size, size)))
    return tuple(found)


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
        chosen = _chosen(source, wanted)
        found += [detect.prepare(frame.rgb, input_size, fit)
                  for index, frame in enumerate(_shown(source, spec)) if index in chosen]
    _require_enough(found, folder)
    return found


def stage_b_samples(tier: str, stage_a: LoadedStageA, folder: str | None, samples: int) -> list[dict[str, np.ndarray]]:
    """``samples`` inputs of a tier's Stage B as the engine makes them: pictures with Stage A's boxes and maps.

    There is no sound among them, and the person is one without a profile.

    Args:
        stage_a: answers ``fused_map`` when the tier reads it.

    Raises:
        SourceError: a folder without pictures, or with fewer than needed.
    """
    specs = (folder,) if folder is not None else MOVING_SCENES
    found = []
    for spec in specs:
        found += _of_source(open_source(spec), spec, tier, stage_a, -(-samples // len(specs)))
    _require_enough(found, folder)
    return found


def _of_source(source: Source, spec: str, tier: str, stage_a: LoadedStageA, wanted: int) -> list[dict[str, np.ndarray]]:
    history, runtime, manifest = MAP_HISTORY[tier], stage_a.runtime, stage_a.manifest
    chosen = _chosen(source, wanted)
    needed = {index - back for index in chosen for back in range(max(history, 1))}
    maps: deque[np.ndarray] = deque(maxlen=max(history, 1))
    last_s, gap_s = None, EngineConfig().gap_reset_s
    found = []
    for index, frame in enumerate(_shown(source, spec)):
        if last_s is not None and frame.time_s - last_s > gap_s:
            maps.clear()  # unrelated pictures, as after a gap in a session
        last_s = frame.time_s
        if index not in needed:
            continue
        raw = runtime.infer(detect.prepare(frame.rgb, runtime.input_size, manifest.fit))
        if history:
            maps.append(raw[SHARED_MAP][0])
        if index in chosen:
            boxes: Sequence = spread_boxes()
            if detect.can_detect(manifest.trained_heads):
                boxes = detect.decode(raw, runtime.grid, runtime.input_size, frame.rgb.shape[:2], fit=manifest.fit,
                                      classes=manifest.classes) or boxes
            found.append(stage_b_inputs.inputs(tier, frame.rgb, boxes, tuple(maps) if history else (),
                                               SessionSettings(), None))
    return found


def _chosen(source: Source, wanted: int) -> set[int]:
    """Places of the frames to take: evenly spread, the first when the source does not say how long it is."""
    step = max(1, (source.length or wanted) // wanted)
    return {step * (number + 1) - 1 for number in range(wanted)}


def _shown(source: Source, spec: str) -> Iterator:
    return iter(tqdm(source.frames(), desc=spec, total=source.length, leave=False))


def _require_enough(found: list, folder: str | None) -> None:
    if len(found) < MIN_SAMPLES:
        raise SourceError(f"{folder}: {len(found)} pictures; at least {MIN_SAMPLES} are needed to calibrate")
