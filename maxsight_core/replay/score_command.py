"""``python -m maxsight_core.replay score``: the safety figures, as text, JSON and a page of the docs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from maxsight_core.alerts.policy import AlertPolicy
from maxsight_core.replay import recording, score, tables
from maxsight_core.replay.policy_file import read_policy
from maxsight_core.replay.runs import engine_for_scoring
from maxsight_core.replay.scenarios import Scenario, scenarios
from maxsight_core.scenes.spec import PREFIX, parse_spec


def add_to(commands: argparse._SubParsersAction) -> None:
    """The sub-command and its options."""
    parser = commands.add_parser("score", help="safety figures of the alert policy and of the whole system")
    parser.add_argument("--quick", action="store_true", help="the small set of scenarios that CI scores")
    parser.add_argument("--only", nargs="+", metavar="NAME",
                        help="only these scenarios, or walks such as scene:street?seed=1")
    parser.add_argument("--recordings", nargs="+", type=Path, metavar="DIR",
                        help="score recorded walks through rendered scenes instead")
    parser.add_argument("--side", choices=(*score.SIDES, "both"), default="both",
                        help="policy: on perfect perception; system: on its own perception")
    parser.add_argument("--policy", type=Path, metavar="FILE.json", help="another alert policy")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    parser.add_argument("--docs", type=Path, metavar="FILE.md", help="write the tables between this file's marks")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score and report. ValueError when a name, the policy or a file cannot be used."""
    chosen = choose(options.only, options.quick)
    if options.list:
        for scenario in chosen:
            print(f"{scenario.name:24} {scenario.about}. {scenario.spec}")
        return 0
    for path in (options.json, options.docs):
        if path is not None and not path.resolve().parent.is_dir():
            raise ValueError(f"{path}: its folder does not exist; create it first")
    if options.docs is not None:
        tables.MARKS.around(options.docs)  # refused now, not after the scenarios were rendered
    if options.recordings:
        policy = None if options.policy is None else read_policy(options.policy)
        made = [recording.read(folder) for folder in options.recordings]
        report = {"scenarios": len(made), "system": score.report(score.recorded_runs(made, policy))}
    else:
        report = scored(chosen, read_policy(options.policy), options.side)
    print(tables.text(report))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if options.docs is not None:
        tables.MARKS.put(options.docs, tables.markdown(report))
    return 0


def choose(names: Sequence[str] | None, quick: bool) -> list[Scenario]:
    """The scenarios of these names, or the quick ones, or all; ``scene:...`` is a scenario of its own.

    Raises:
        ValueError: no scenario of a name, or no such scene.
    """
    known = {scenario.name: scenario for scenario in scenarios()}
    known |= {name: Scenario(name, "A walk", parse_spec(name)) for name in names or () if name.startswith(PREFIX)}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise ValueError(f"--only: no scenario is called {', '.join(unknown)}; expected some of {', '.join(known)}")
    if names:
        return [known[name] for name in names]
    return [scenario for scenario in known.values() if scenario.quick or not quick]


def scored(chosen: Sequence[Scenario], policy: AlertPolicy, side: str) -> dict[str, Any]:
    """The report: ``policy`` and ``system``, each with every figure; ``perception`` says what perceived."""
    report: dict[str, Any] = {"scenarios": len(chosen)}
    total = len(chosen) * (2 if side == "both" else 1)
    with tqdm(total=total, unit="run", disable=not sys.stderr.isatty()) as bar:
        def done(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        if side in ("policy", "both"):
            report["policy"] = score.report(score.policy_runs(chosen, policy, done))
        if side in ("system", "both"):
            engine = engine_for_scoring(policy=policy)
            about = engine.describe()
            report["perception"] = {key: about[key] for key in ("tier", "weights", "trained_heads", "named_classes")}
            report["system"] = score.report(score.system_runs(chosen, engine, done))
    return report
