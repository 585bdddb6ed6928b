"""The report measures what is there and names what is absent."""

import pytest
from support.data import shared_data

from maxsight_core.perception import report


def test_absent_data_sets_are_named_not_skipped_silently(tmp_path):
    rows = report.report(tmp_path)
    assert len(rows) == len(report.PARTS)
    assert all(row.figure == "data set absent" for row in rows)


def test_readings_are_compared_without_case_accents_and_spaces():
    assert report.plain("Musée du LOUVRE") == report.plain("musee duLouvre")
    assert report.plain("STOP") != report.plain("ST0P")


def test_depth_rows_measure_real_depth():
    rows = report.depth_rows(shared_data("depth_rgbd").parent, every=5)
    assert [row.estimator for row in rows] == ["depth", "depth"]
    assert all("median relative error" in row.figure for row in rows)


def test_the_table_has_a_line_per_row():
    table = report.as_markdown([report.Row("glare", "2 photographs", "none 100%")])
    assert table.splitlines()[-1] == "| glare | 2 photographs | none 100% |"


def test_a_wrong_data_folder_is_refused(tmp_path):
    with pytest.raises(SystemExit):
        report.main(["--data", str(tmp_path / "nowhere")])
