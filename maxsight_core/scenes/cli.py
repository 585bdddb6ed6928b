"""Writes a scene to a folder of pictures or to a video, with its truth.

    python -m maxsight_core.scenes 'scene:street?seed=1&seconds=20' --out street.mp4 --truth street.jsonl
    python -m maxsight_core.scenes 'scene:corridor?seed=2' --out frames/ --frames 50 --depth
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from maxsight_core.scenes.renderer import SceneRenderer
from maxsight_core.scenes.spec import SceneError, parse_spec

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv")
DEPTH_UNIT_M = 0.001
"""Depth pictures are 16-bit millimetres, as RGB-D data sets use; 0 where there is none or beyond 65.5 m."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with a message when the request makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m maxsight_core.scenes", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", help="scene:NAME?seed=1&fps=10&seconds=60&size=640x480&light=day&...")
    parser.add_argument("--out", required=True, type=Path, help="a folder for PNG frames, or a .mp4/.avi/.mkv file")
    parser.add_argument("--frames", type=int, help="write only the first N frames")
    parser.add_argument("--truth", type=Path, help="write the truth, one JSON object a line")
    parser.add_argument("--depth", action="store_true", help="folders only: also 16-bit depth PNGs in millimetres")
    options = parser.parse_args(argv)
    try:
        return _write(options)
    except (SceneError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _write(options: argparse.Namespace) -> int:
    spec = parse_spec(options.spec)
    if options.frames is not None and options.frames < 1:
        raise ValueError(f"--frames: expected at least 1; got {options.frames}")
    video = options.out.suffix.lower() in VIDEO_SUFFIXES
    if video and options.depth:
        raise ValueError("--depth: depth goes into a folder; give --out a folder instead of a video")
    renderer = SceneRenderer(spec)
    count = min(options.frames or len(renderer), len(renderer))
    write, close = _video_writer(options.out, spec) if video else _folder_writer(options.out)
    truth = options.truth.open("w", encoding="utf-8") if options.truth else None
    started = time.perf_counter()
    try:
        for index in range(count):
            frame = renderer.frame(index, depth=options.depth)
            write(index, frame.rgb)
            if options.depth:
                _write_depth(options.out / f"depth_{index:06d}.png", frame.depth)
            if truth is not None:
                truth.write(json.dumps(frame.truth.to_json()) + "\n")
    finally:
        close()
        if truth is not None:
            truth.close()
    took_s = time.perf_counter() - started
    print(f"{count} frames of {spec} -> {options.out} ({count / took_s:.1f} frames/s with writing)")
    return 0


def _folder_writer(folder: Path) -> tuple[Callable[[int, np.ndarray], None], Callable[[], None]]:
    folder.mkdir(parents=True, exist_ok=True)

    def write(index: int, rgb: np.ndarray) -> None:
        _imwrite(folder / f"frame_{index:06d}.png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))

    return write, lambda: None


def _write_depth(path: Path, depth_m: np.ndarray) -> None:
    millimetres = np.round(np.where(np.isfinite(depth_m), depth_m, 0) / DEPTH_UNIT_M)
    _imwrite(path, np.where(millimetres > np.iinfo(np.uint16).max, 0, millimetres).astype(np.uint16))


def _imwrite(path: Path, picture: np.ndarray) -> None:
    if not cv2.imwrite(str(path), picture):
        raise OSError(f"{path}: could not be written; check the folder and the disk")


def _video_writer(path: Path, spec) -> tuple[Callable[[int, np.ndarray], None], Callable[[], None]]:
    """H.264 through ffmpeg when it is installed, else OpenCV's MPEG-4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.which("ffmpeg"):
        process = subprocess.Popen(
            ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
             f"{spec.width}x{spec.height}", "-r", f"{spec.fps:g}", "-i", "-", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2",
             "-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", str(path)], stdin=subprocess.PIPE)

        def close() -> None:
            process.stdin.close()
            if process.wait() != 0:
                raise OSError(f"{path}: ffmpeg failed with exit code {process.returncode}; see its message above")

        return lambda _index, rgb: process.stdin.write(rgb.tobytes()) and None, close
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), spec.fps, (spec.width, spec.height))
    if not writer.isOpened():
        raise OSError(f"{path}: no encoder opened; install ffmpeg or give a folder")
    return lambda _index, rgb: writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)), writer.release
