"""Every picture and clip of a folder through the whole engine: what was said, what was measured, what failed.

    python -m maxsight_core.bench.corpus --data DIR [--every N] [--json FILE]

Pictures are read each on its own (no motion), clips on their own clock. Nothing here has ground truth for alerts:
the table shows what a person would have heard, per folder or clip, so that a change of the engine can be seen.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine
from maxsight_core.outputs import NAMES
from maxsight_core.process import offline
from maxsight_core.sources import PICTURE_SUFFIXES, SourceError, open_source

CLIP_SUFFIXES = (".mp4", ".webm", ".avi", ".mov", ".mjpeg")


def inputs(folder: Path) -> list[Path]:
    """Folders that hold pictures, and clips, below ``folder``, in order."""
    found = {path.parent for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES}
    clips = [path for path in folder.rglob("*") if path.suffix.lower() in CLIP_SUFFIXES]
    return [*sorted(found), *sorted(clips)]


def run(engine: Engine, path: Path, every: int) -> dict[str, Any]:
    """One folder or clip: frames, alerts by stage and fate, share of measured outputs, failures."""
    state = engine.new_session(SessionSettings())
    figures: dict[str, Any] = {"frames": 0, "failed": []}
    alerts: dict[str, tuple[str, str]] = {}
    outputs: Counter[str] = Counter()
    skipped, first_s, last_s, started = 0, None, 0.0, time.perf_counter()
    try:
        source = open_source(str(path))
        frames = islice(source.frames(), 0, None, every)
        for frame in tqdm(frames, desc=path.name, unit="frame", leave=False):
            result, values = engine.process(state, frame)
            figures["frames"] += 1
            first_s, last_s = frame.time_s if first_s is None else first_s, frame.time_s
            skipped += not result.stage_b.run
            outputs.update(name for name in NAMES if values[name].source == "measured")
            alerts.update({a.alert_id: (a.stage, a.fate) for a in result.alerts})
    except SourceError as error:
        figures["failed"].append(str(error))
    alerts.update({a.alert_id: (a.stage, a.fate) for a in engine.finish(state)})
    frames_done = max(1, figures["frames"])
    figures.update(
        minutes=round((last_s - (first_s or 0.0)) / 60.0, 3), stage_b_skipped=skipped,
        alerts=dict(Counter(f"{stage} {fate}" for stage, fate in alerts.values())),
        measured_share={name: round(outputs[name] / frames_done, 3) for name in NAMES if outputs[name]},
        ms_per_frame=round((time.perf_counter() - started) * 1000.0 / frames_done, 1),
    )
    return figures


def row(name: str, figures: dict[str, Any]) -> str:
    said = {stage: sum(n for key, n in figures["alerts"].items() if key in (f"{stage} spoken", f"{stage} haptic_only"))
            for stage in ("P0", "P1", "P2")}
    return (f"| {name} | {figures['frames']} | {figures['minutes']:.2f} | {said['P0']} | {said['P1']} | {said['P2']} | "
            f"{figures['stage_b_skipped']} | {figures['ms_per_frame']:.0f} |")


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.bench.corpus", description=__doc__.split("\n\n")[0])
    command.add_argument("--data", required=True, type=Path, help="folder with pictures and clips")
    command.add_argument("--every", type=int, default=1, metavar="N", help="every Nth picture or frame only")
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    options = command.parse_args(arguments)
    if options.every < 1:
        command.error(f"--every: expected at least 1; got {options.every}")
    found = inputs(options.data) if options.data.is_dir() else []
    if not found:
        print(f"maxsight: {options.data}: no pictures or clips below it", file=sys.stderr)
        return 2
    engine = Engine(offline(EngineConfig.from_environment()))
    table: dict[str, Any] = {}
    print("| input | frames | minutes | P0 said | P1 said | P2 said | Stage B skipped | ms a frame |")
    print("|---|---|---|---|---|---|---|---|")
    for path in found:
        name = str(path.relative_to(options.data))
        table[name] = run(engine, path, options.every)
        print(row(name, table[name]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    failed = [line for figures in table.values() for line in figures["failed"]]
    for line in failed:
        print(f"maxsight: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
