"""The report's own bookkeeping, and the motion path on real photographs and videos."""

from __future__ import annotations

import pytest
from support.data import shared_data
from support.motion_clips import approach, camera_only

from maxsight_core.perception import motion_report as report
from maxsight_core.perception import motion_scenarios as scenarios
from maxsight_core.perception.motion_report import Figures


def test_an_approach_counts_as_reported_and_a_still_view_as_silent():
    figures = Figures()
    report.run_sequence(approach(3.6, 350.0).frames(), figures)
    report.run_sequence(camera_only().frames(), figures)
    row = figures.row()
    assert (row["sequences"], row["recall"], row["recall_before_stop"]) == (2, 1.0, 1.0)
    assert row["ttc_median_rel_error"] < 0.1
    assert row["false_reports_per_min"] == 0.0


def test_a_report_on_the_wrong_place_counts_as_false():
    figures = Figures()
    played = [(truth, found) for truth, found in report.run_sequence(approach(3.0, 400.0).frames(), Figures())]
    elsewhere = [(report.Truth((0.0, 0.0, 0.1, 0.1), truth.time_to_contact_s), found) for truth, found in played]
    report._judge(elsewhere, figures)
    assert figures.false_reports == 1 and figures.false_stops == 1
    assert figures.row()["recall"] == 0.0


def test_an_unreadable_video_says_what_is_wrong(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    with pytest.raises(OSError, match="cannot read the video"):
        next(report.video_frames(broken, 1))


@pytest.mark.parametrize("fps", [5.0, 10.0])
def test_real_things_over_real_streets_are_reported_in_time(fps):
    backdrops, sprites = scenarios.load_coco_material(shared_data("coco_cc"), 100)
    figures = Figures()
    for scenario in report.approaches(backdrops, sprites, fps, 6, seed=11):
        report.run_sequence(scenario.frames(), figures)
    row = figures.row()
    assert row["recall"] >= 0.8
    assert row["ttc_median_rel_error"] < 0.1
    assert row["on_course_share"] > 0.9
    assert figures.false_stops == 0


@pytest.mark.parametrize(("file", "step", "allowed"), [
    ("one-by-one-person-detection.mp4", 2, 1), ("bottle-detection.mp4", 6, 1), ("pan_street_a.mp4", 3, 0),
    ("pan_street_b.mp4", 3, 0),
])
def test_real_videos_in_which_nothing_comes_nearer_stay_silent(file, step, allowed):
    figures = Figures()
    report.run_sequence(report.video_frames(shared_data("video", file), step), figures)
    assert figures.false_reports <= allowed
