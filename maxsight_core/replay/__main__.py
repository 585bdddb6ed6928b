"""Runs recorded, decided again, and scored against the truth.

    python -m maxsight_core.replay record SOURCE --out DIR [--consent WHO] [--pictures]
    python -m maxsight_core.replay play DIR [--policy FILE.json] [--audience patient|clinician|dev] [--json OUT.jsonl]
    python -m maxsight_core.replay score [--quick] [--policy FILE.json] [--only NAME ...] [--json OUT] [--docs FILE.md]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from maxsight_core.engine.config import ConfigError
from maxsight_core.engine.device import DeviceError
from maxsight_core.engine.manifest import CheckpointError
from maxsight_core.engine.runtimes import RuntimeUnavailableError
from maxsight_core.replay import play_command, record_command, score_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 2 a file, a name, a policy or the checkpoint cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m maxsight_core.replay", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (record_command, play_command, score_command):
        command.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ConfigError, CheckpointError, DeviceError, RuntimeUnavailableError, ValueError, OSError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
