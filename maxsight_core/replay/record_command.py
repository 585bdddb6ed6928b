"""``python -m maxsight_core.replay record``: a source through the engine, kept so that it can be decided again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from maxsight_core.contracts import CONDITIONS, SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine
from maxsight_core.process import offline
from maxsight_core.replay.policy_file import read_policy
from maxsight_core.replay.recording import Recorder, RecordingError
from maxsight_core.scenes.spec import PREFIX
from maxsight_core.sources import open_source


def add_to(commands: argparse._SubParsersAction) -> None:
    """The sub-command and its options."""
    parser = commands.add_parser("record", help="run a source through the engine and keep what was decided on")
    parser.add_argument("source", help="picture, folder of pictures, video, or scene:corridor?seed=1")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--consent", metavar="WHO", help="who agreed to it, and when; needed for real pictures")
    parser.add_argument("--pictures", action="store_true", help="keep the pictures too, lossless (0.4 MB a frame)")
    parser.add_argument("--condition", choices=CONDITIONS, help="vision condition of the person")
    parser.add_argument("--policy", type=Path, metavar="FILE.json", help="another alert policy")
    parser.add_argument("--max-frames", type=int, metavar="N", help="stop after N frames")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Record. RecordingError or SourceError when it cannot be done."""
    if not options.source.startswith(PREFIX) and not (options.consent or "").strip():
        raise RecordingError("--consent: a recording of real pictures says who agreed to it and when, for example "
                             '--consent "A. Patient, 2026-11-27"')
    source, settings = open_source(options.source), SessionSettings(condition=options.condition)
    engine = Engine(offline(EngineConfig.from_environment()), read_policy(options.policy))
    recorder = Recorder(options.out, source=options.source, consent=options.consent, settings=settings,
                        policy=engine.policy, perception=engine.describe(), pictures=options.pictures)
    session, count = engine.new_session(settings), 0
    try:
        with tqdm(total=source.length, unit="frame", disable=not sys.stderr.isatty()) as bar:
            for frame in source.frames():
                if options.max_frames is not None and count >= options.max_frames:
                    break
                result, _ = engine.process(session, frame)
                recorder.add(session.last_inputs, result.alerts, frame)
                count += 1
                bar.update()
        recorder.finish(engine.finish(session))
    except BaseException:
        recorder.abandon()
        raise
    print(f"{count} frames -> {options.out}")
    return 0
