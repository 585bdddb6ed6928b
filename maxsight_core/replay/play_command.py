"""``python -m maxsight_core.replay play``: a recording decided again, and what would be told differently."""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from maxsight_core.alerts import clinician, patient
from maxsight_core.alerts.codec import encode
from maxsight_core.contracts import AlertDecision
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine
from maxsight_core.process import offline
from maxsight_core.replay import recording
from maxsight_core.replay.player import delivered, perceive_again, play
from maxsight_core.replay.policy_file import read_policy

AUDIENCES: dict[str, Callable[[Iterable[AlertDecision]], Iterable[dict[str, Any]]]] = {
    "patient": patient.view, "clinician": clinician.view, "dev": lambda rows: [encode(row) for row in rows],
}


def add_to(commands: argparse._SubParsersAction) -> None:
    """The sub-command and its options."""
    parser = commands.add_parser("play", help="decide a recording again, through any policy")
    parser.add_argument("recording", type=Path, metavar="DIR")
    parser.add_argument("--policy", type=Path, metavar="FILE.json", help="another policy (else the recording's own)")
    parser.add_argument("--checkpoint", metavar="PATH", help="see the pictures anew with these weights, or with none")
    parser.add_argument("--json", type=Path, metavar="OUT.jsonl", help="write what the audience gets, one line a frame")
    parser.add_argument("--audience", choices=tuple(AUDIENCES), default="clinician", help="for --json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play and compare. Exit code 0; 1 when the recording's own policy decided otherwise than recorded."""
    made = recording.read(options.recording)
    policy = made.policy if options.policy is None else read_policy(options.policy)
    if options.checkpoint is None:
        played = list(play(made, policy))
    else:
        config = replace(EngineConfig.from_environment(), checkpoint=Path(options.checkpoint))
        played = list(perceive_again(made, Engine(offline(config), policy)))
    if options.json is not None:
        lines = (json.dumps({"seq": frame.seq, "time_s": frame.time_s,
                             "alerts": list(AUDIENCES[options.audience](frame.decisions))}) for frame in played)
        options.json.write_text("\n".join(lines) + "\n", encoding="utf-8")
    differing = [frame for frame in played if not frame.same]
    print(f"{len(made.frames)} frames of {made.source}: {len(differing)} decided otherwise than recorded")
    old, new = delivered(played, policy)
    changes = [line for line in difflib.ndiff(old, new) if line[0] in "+-"]
    print("\n".join(changes) if changes else f"told the same: {len(new)} alerts")
    return 1 if differing and options.policy is None and options.checkpoint is None else 0
