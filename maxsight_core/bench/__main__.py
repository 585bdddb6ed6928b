"""Every figure of docs/performance.md on this machine, in one run: a table, and JSON with ``--json``.

    python -m maxsight_core.bench [--quick] [--json FILE] [--only PART ...] [--tiers TIER ...] [--write-docs]

Figures are medians and p95 of at least 30 iterations after warm-up (``--quick``: 10, tiers T1 and T2 only, a small
retrieval index, short loads). Runtimes are compared in alternation. ``--write-docs`` puts the table into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from maxsight_core.bench.report import flat, into_docs, table
from maxsight_core.bench.suite import PARTS, STAGE_B_TIERS, measure


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.bench", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--quick", action="store_true", help="fewer iterations, fewer tiers, shorter loads")
    command.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"some of {', '.join(PARTS)}")
    command.add_argument("--tiers", nargs="+", choices=STAGE_B_TIERS, metavar="TIER",
                         help=f"whose Stage B network to measure, some of {', '.join(STAGE_B_TIERS)}")
    command.add_argument("--json", metavar="FILE", type=Path, help="also write the figures as JSON")
    command.add_argument("--write-docs", action="store_true", help="write the table into docs/performance.md")
    options = command.parse_args(arguments)
    figures = measure(options.quick, tuple(options.only or PARTS), tuple(options.tiers or ()))
    print(table(figures))
    if options.json:
        options.json.write_text(json.dumps(flat(figures), indent=2) + "\n", encoding="utf-8")
    if options.write_docs:
        into_docs(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
