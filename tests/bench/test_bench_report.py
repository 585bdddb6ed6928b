"""What the bench makes of its figures: keys, goals, and the table in the docs."""

from __future__ import annotations

import pytest

from maxsight_core.bench.report import DOCS, GOALS, MARKS, Goal, flat, into_docs, lookup, table
from maxsight_core.bench.suite import PARTS, measure

MS = {"p50_ms": 16.0, "p95_ms": 20.0, "against_torch_eager": 6.5}


def figures(**parts) -> dict:
    base = {
        "machine": {"processor": "a CPU", "platform": "Linux", "python": "3.11", "openvino": "2026", "weights": "none"},
        "quick": True, "iterations": 10,
        "networks": {
            "fused": {"input_size_px": 224, "missing": {}, "variants": {
                "torch_f32": {"p50_ms": 104.0, "p95_ms": 110.0, "against_torch_eager": 1.0}, "openvino_int8": MS}},
            "pyramid": {"input_size_px": 320, "missing": {}, "variants": {"torch_f32": MS}},
            "macs": 5_000_000_000, "peak_int8_macs_per_s": 625_000_000_000, "threads": {"cores": 2, "torch": 2},
            "took_s": 1.0,
        },
        "lanes": {"T0": {"ratio_p95": 1.6}, "took_s": 1.0},
        "served": {"fused_1x5": {"rtt_ms": {"p50": 30.0, "p95": 39.0}, "frames_without_reply": 0, "frames_sent": 5,
                                 "results": 5, "dropped": {}}, "took_s": 1.0},
        "process": {"start_s": 3.2, "rss_mb": 800.0, "int8_file_mb": 28.1, "took_s": 1.0},
    }
    return {**base, **parts}


def test_json_has_the_keys_of_the_performance_table():
    found = flat(figures())
    assert lookup(found, "stage_a.openvino_int8.p50_ms") == 16.0
    assert lookup(found, "stage_a.openvino.p95_ms") == 20.0
    assert lookup(found, "ratio.stage_a_vs_torch_eager") == 6.5
    assert lookup(found, "ratio.stage_a_vs_peak") == 2.0  # 5 G at 625 G/s are 8 ms
    assert lookup(found, "ratio.stage_a_p95_with_b_vs_idle") == 1.6
    assert lookup(found, "start_s") == 3.2
    assert lookup(found, "served.fused_1x5.p95_ms") == 39.0


def test_goals_are_judged_against_what_was_measured():
    shown = table(figures())
    assert "| Stage A (fused, 224) against torch eager | >= 5x faster | 6.5 x | reached |" in shown
    assert "| <= 1.5x | 1.6 x | **missed** |" in shown
    assert "| Stage B's network, T2, p95 | <= 500 ms, aim 150 ms | - | not measured |" in shown


@pytest.mark.parametrize(("goal", "figure", "verdict"), [
    (Goal("k", "t", "g", at_most=40), 40.0, "reached"), (Goal("k", "t", "g", at_most=40), 40.1, "**missed**"),
    (Goal("k", "t", "g", at_least=5), 4.9, "**missed**"), (Goal("k", "t", "g"), 1.0, "reported"),
    (Goal("k", "t", "g", at_most=1), None, "not measured"),
])
def test_a_goal_says_reached_missed_reported_or_not_measured(goal, figure, verdict):
    assert goal.verdict(figure) == verdict


def test_a_part_that_failed_is_named_with_its_reason_and_the_rest_is_shown():
    shown = table(figures(retrieval={"failed": "ImportError: no faiss", "took_s": 0.1}))
    assert "Not measured: retrieval: ImportError: no faiss" in shown
    assert "openvino_int8" in shown


def test_the_table_goes_between_the_marks_of_the_docs_and_nowhere_else(tmp_path):
    docs = tmp_path / "performance.md"
    docs.write_text(f"before\n{MARKS.begin}\nold\n{MARKS.end}\nafter\n", encoding="utf-8")
    into_docs(figures(), docs)
    text = docs.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "6.5 x" in text
    docs.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="bench: begin"):
        into_docs(figures(), docs)


def test_the_docs_hold_a_table_with_every_goal():
    text = DOCS.read_text(encoding="utf-8")
    for goal in GOALS:
        assert f"| {goal.title} |" in text, goal.title


def test_measured_parts_of_a_real_run_reach_the_table():
    found = measure(quick=True, parts=("frame_path",))
    assert "failed" not in found["frame_path"]
    assert found["frame_path"]["total_ms"]["p95"] > 0
    assert "| network |" in table(found)
    assert set(PARTS) >= {"networks", "lanes", "served"}
