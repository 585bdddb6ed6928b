"""Every output and every alert candidate for each frame of a picture, folder, video or rendered scene.

    python -m maxsight_core.process INPUT --json OUT.jsonl [--annotate OUT.mp4] [--condition NAME]
                                          [--tier T0|T1|T2|T3|T4|T5] [--max-frames N]

INPUT is a picture, a folder of pictures, a video, or ``scene:corridor?seed=1``. One JSON object per frame.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np
from tqdm import tqdm

from maxsight_core.contracts import CONDITIONS, FrameResult, SessionSettings, Value
from maxsight_core.engine.config import ConfigError, EngineConfig
from maxsight_core.engine.device import DeviceError
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.manifest import CheckpointError
from maxsight_core.engine.runtimes import RuntimeUnavailableError
from maxsight_core.models.stage_b_contract import TIER_KEYS
from maxsight_core.outputs import NAMES
from maxsight_core.overlay import annotate
from maxsight_core.sources import Source, SourceError, open_source


class OutputError(ValueError):
    """An output path cannot be written."""


def frame_json(result: FrameResult, values: dict[str, Value]) -> dict[str, Any]:
    """The record of one frame: every registry output and every alert candidate."""
    return {
        "frame": result.seq,
        "time_s": round(result.time_s, 4),
        "outputs": {name: values[name].to_json() for name in NAMES},
        "alerts": [alert.to_json() for alert in result.alerts],
        "stage_b": result.stage_b.to_json(),
        "timings_ms": {part: round(ms, 2) for part, ms in values["timings"].value.items()},
    }


class VideoWriter:
    """An annotated copy as MP4, opened with the first frame's size; later frames are fitted into it."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, rgb: np.ndarray) -> None:
        if self._writer is None:
            self._size = (rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2)
            self._writer = cv2.VideoWriter(str(self._path), cv2.VideoWriter.fourcc(*"mp4v"), self._fps, self._size)
            if not self._writer.isOpened():
                raise OutputError(f"{self._path}: cannot be written as a video; give a path ending in .mp4")
        if (rgb.shape[1], rgb.shape[0]) != self._size:
            rgb = cv2.resize(rgb, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()


def process(
    source: Source, engine: Engine, settings: SessionSettings, out: TextIO,
    video: VideoWriter | None = None, max_frames: int | None = None, progress: bool = True,
) -> int:
    """Run ``source`` through ``engine`` and write one JSON line per frame; returns the number of frames."""
    state = engine.new_session(settings)
    total = source.length if max_frames is None else min(max_frames, source.length or max_frames)
    count, held = 0, None  # the last record waits, because closing the ledger may still belong to it
    with tqdm(total=total, unit="frame", desc=Path(source.name).name, disable=not progress) as bar:
        for frame in source.frames():
            if max_frames is not None and count >= max_frames:
                break
            result, values = engine.process(state, frame)
            if held is not None:
                _write(out, held)
            held = frame_json(result, values)
            if video is not None:
                video.write(annotate(frame.rgb, result))
            count += 1
            bar.update()
    if held is not None:
        held["alerts"] += [alert.to_json() for alert in engine.finish(state)]
        _write(out, held)
    return count


def _write(out: TextIO, record: dict[str, Any]) -> None:
    out.write(json.dumps(record, ensure_ascii=False) + "\n")


def offline(config: EngineConfig) -> EngineConfig:
    """The same engine without the latency rule: nobody waits for a file, and answers must not depend on the machine."""
    return replace(config, thresholds=replace(config.thresholds, stage_a_ms=math.inf))


def summary(engine: Engine) -> str:
    """What perceived: tier, and of each stage's network runtime, precision and trained heads; one line each."""
    about = engine.describe()

    def line(stage: str, network: dict[str, Any]) -> str:
        heads = ", ".join(network["trained_heads"]) or "none"
        return f"{stage}: {network['runtime']} {network['precision']} on {network['device']}, trained heads: {heads}"

    stage_b = about["stage_b"]
    lines = [f"tier {about['tier_name']}", line("Stage A", about),
             "Stage B: measured only" if stage_b is None else line("Stage B", stage_b)]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.process", description=__doc__.split("\n\n")[0])
    command.add_argument("input", help="picture, folder of pictures, video, or scene:corridor?seed=1")
    command.add_argument("--json", required=True, metavar="OUT.jsonl", help="one JSON object per frame; - for stdout")
    command.add_argument("--annotate", metavar="OUT.mp4", help="also write an annotated copy")
    command.add_argument("--condition", choices=CONDITIONS, help="vision condition of the person")
    command.add_argument("--tier", choices=TIER_KEYS,
                         help="capability tier (default: MAXSIGHT_TIER, else that of the checkpoint)")
    command.add_argument("--max-frames", type=int, metavar="N", help="stop after N frames")
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    return command


def _open_for_writing(path: str, stack: ExitStack) -> TextIO:
    if path == "-":
        return sys.stdout
    try:
        return stack.enter_context(Path(path).open("w", encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give a path in a folder you may write to") \
            from None


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 done, 2 the input, an output path, a setting or the checkpoint cannot be used."""
    options = parser().parse_args(arguments)
    if options.max_frames is not None and options.max_frames < 1:
        parser().error(f"--max-frames: expected at least 1; got {options.max_frames}")
    try:
        with ExitStack() as stack:
            source = open_source(options.input)
            out = _open_for_writing(options.json, stack)
            video = None
            if options.annotate:
                if not Path(options.annotate).resolve().parent.is_dir():
                    raise OutputError(f"{options.annotate}: its folder does not exist; create it first")
                video = VideoWriter(Path(options.annotate), source.fps)
                stack.callback(video.close)
            config = offline(EngineConfig.from_environment())
            engine = Engine(replace(config, tier=options.tier) if options.tier else config)
            settings = SessionSettings(condition=options.condition)
            count = process(source, engine, settings, out, video, options.max_frames, not options.quiet)
    except (SourceError, OutputError, ConfigError, CheckpointError, DeviceError, RuntimeUnavailableError) as error:
        print(f"maxsight: {error}", file=sys.stderr)
        return 2
    if not options.quiet:
        print(f"{count} frames -> {options.json}\n{summary(engine)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
