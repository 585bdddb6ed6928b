"""``python -m maxsight_core.replay score``: the figures that must hold, the report's form, and clear errors."""

from __future__ import annotations

import json

import pytest

from maxsight_core.replay.__main__ import main
from maxsight_core.replay.score import METRICS
from maxsight_core.replay.tables import MARKS

KEYS = {"false_reassurance", "hazard_recall", "alert_latency_p95_ms", "overload_per_min", "silence_correctness",
        "tier1_availability", "ece", "direction_correctness", "distance_zone_accuracy"}


def test_the_policy_alone_reaches_its_goals_on_the_quick_set(tmp_path, capsys):
    out = tmp_path / "score.json"
    assert main(["score", "--quick", "--side", "policy", "--json", str(out)]) == 0
    policy = json.loads(out.read_text())["policy"]
    assert set(policy) >= KEYS
    assert set(policy["hazard_recall"]) == {"value", "low", "high", "n"}
    assert policy["hazard_recall"]["n"] >= 5
    for metric in METRICS:
        value = policy[metric.key]["value"]
        if metric.goal is not None:
            sign, bound = metric.goal
            assert value < bound if sign == "<" else value >= bound, f"{metric.key}: {value}, goal {sign} {bound}"
    assert "NOT reached" not in capsys.readouterr().out


def test_a_policy_that_waits_too_long_misses_hazards(tmp_path):
    late, out = tmp_path / "late.json", tmp_path / "score.json"
    late.write_text('{"p0_time_to_contact_s": 0.2, "vehicle_p0_time_to_contact_s": 0.2, "p1_time_to_contact_s": 0.3}')
    arguments = ["score", "--only", "person_comes", "--side", "policy", "--policy", str(late), "--json", str(out)]
    assert main(arguments) == 0
    policy = json.loads(out.read_text())["policy"]
    assert policy["hazard_recall"]["value"] == 0.0
    assert policy["false_reassurance"]["value"] == 1.0
    assert policy["scenarios"]["person_comes"]["missed"]


def test_the_whole_system_is_scored_on_its_own_perception_and_put_into_the_docs(tmp_path):
    out, page = tmp_path / "score.json", tmp_path / "page.md"
    page.write_text(f"# Before\n{MARKS.begin}\nstale figures\n{MARKS.end}\nafter\n")
    arguments = ["score", "--only", "empty_corridor", "--side", "system", "--json", str(out), "--docs", str(page)]
    assert main(arguments) == 0
    report = json.loads(out.read_text())
    available = report["system"]["tier1_availability"]
    assert (available["value"], available["n"]) == (1.0, 119)
    assert report["system"]["silence_correctness"]["n"] == 12
    assert report["system"]["hazard_recall"] == {"value": None, "low": None, "high": None, "n": 0}
    assert report["perception"]["tier"] == "T0"
    assert "stale figures" not in page.read_text()
    assert "| Calm seconds without an alert | share | > 0.95 |" in page.read_text()
    assert page.read_text().startswith("# Before") and page.read_text().endswith("after\n")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--only", "nowhere"], "no scenario is called nowhere; expected some of person_comes"),
    (["--only", "scene:moon"], "expected one of corridor, street"),
    (["--policy", "{missing}"], "cannot be read (No such file or directory)"),
    (["--policy", "{unknown}"], "unknown field cooldown; expected"),
    (["--policy", "{impossible}"], "expected p0_time_to_contact_s <= p1_time_to_contact_s"),
    (["--policy", "{broken}"], "not JSON (line 1"),
    (["--json", "{missing}/x.json"], "its folder does not exist"),
])
def test_what_cannot_be_used_is_said_before_anything_is_rendered(tmp_path, capsys, arguments, message):
    files = {"unknown": '{"cooldown": 3}', "impossible": '{"p0_time_to_contact_s": 9}', "broken": "{"}
    for name, body in files.items():
        (tmp_path / name).write_text(body)
    paths = {name: str(tmp_path / name) for name in (*files, "missing")}
    assert main(["score", "--side", "policy", *(argument.format(**paths) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_a_page_without_marks_is_refused(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Nothing\n")
    assert main(["score", "--only", "scene:corridor?seed=1&seconds=1", "--side", "policy", "--docs", str(page)]) == 2
    assert "expected the lines" in capsys.readouterr().err
    assert page.read_text() == "# Nothing\n"
