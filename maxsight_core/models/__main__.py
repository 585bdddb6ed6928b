"""What each capability tier consists of: ``python -m maxsight_core.models [--json] [--tier T2]``."""

from __future__ import annotations

import argparse
import json
import sys

from maxsight_core.models.assemble import describe, describe_all


def table(rows: list[dict]) -> str:
    """A table of the tiers for people, and under it the parts and heads of each."""
    lines = [f"{'tier':20}{'parameters':>12}{'described':>12}{'Stage A':>11}{'Stage B':>11}"]
    lines += [f"{row['name']:20}{_millions(row['parameters']):>12}{_millions(row['wanted_parameters']):>12}"
              f"{_millions(row['stage_a_parameters']):>11}{_millions(row['stage_b_parameters']):>11}" for row in rows]
    for row in rows:
        lines += ["", row["name"]]
        lines += [f"  {name:36}{_millions(count):>10}" for name, count in row["modules"].items()]
        lines += [f"  head {name:31}{_millions(count):>10}" for name, count in row["heads"].items()]
    return "\n".join(lines)


def _millions(count: int) -> str:
    return f"{count / 1e6:.2f} M"


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.models", description=__doc__)
    command.add_argument("--tier", help="only this tier, such as T2 or T2_HYBRID_VIT")
    command.add_argument("--json", action="store_true", help="as JSON")
    options = command.parse_args(arguments)
    try:
        rows = [describe(options.tier)] if options.tier else describe_all()
    except ValueError as error:
        command.error(str(error))
    print(json.dumps(rows, indent=2) if options.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
