"""Problems of a data set are found, named with their file, and told apart from what may be meant."""

import json
import shutil

import cv2
import numpy as np
import pytest
from support.data import shared_data
from support.training_samples import painted, write_coco

from training.data.check import check_apart, check_folder
from training.validate_data import main


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    pictures = []
    for name in ("a.png", "b.png"):
        sample = painted([(1, 0.5, 0.5, 0.5, 0.5)])
        sample.image[:10] = rng.integers(0, 255, (10, 160, 3))
        pictures.append((name, sample))
    return write_coco(tmp_path / "set", pictures)


def changed(folder, change):
    body = json.loads((folder / "instances.json").read_text())
    change(body)
    (folder / "instances.json").write_text(json.dumps(body))
    return check_folder(folder)


def test_a_good_set_has_neither_errors_nor_warnings(folder):
    report = check_folder(folder)
    assert not report.errors and not report.warnings and report.pictures == 2 and report.boxes == {"person": 2}


@pytest.mark.parametrize(("change", "kind"), [
    (lambda body: body["annotations"][0].update(bbox=[200, 10, 20, 20]), "box outside its picture"),
    (lambda body: body["annotations"][0].update(bbox=[10, 10, 0, 20]), "box without a width and height"),
    (lambda body: body["annotations"][0].update(bbox=[10, None, 5, 20]), "box that is not four numbers"),
    (lambda body: body["images"][0].update(width=99), "picture of another size than listed"),
    (lambda body: body["images"][0].update(file_name="c.png"), "picture missing"),
    (lambda body: body["images"][0].update(labelled_classes=["persn"]), "labelled classes"),
    (lambda body: body.update(annotations=[]), "no boxes"),
    (lambda body: body.update(images=[]), "cannot be used"),
])
def test_what_would_stop_or_spoil_a_run_is_an_error(folder, change, kind):
    report = changed(folder, change)
    assert kind in report.errors and any(f"error: {kind}" in line for line in report.lines())


def test_a_category_that_nobody_knows_is_named(folder):
    report = changed(folder, lambda body: body["categories"].append({"id": 987654, "name": "wombat"}))
    assert any("'wombat'" in line and "not in the taxonomy" in line for line in report.lines())


def test_broken_and_empty_pictures_are_named(folder):
    (folder / "images" / "a.png").write_bytes(b"")
    (folder / "images" / "b.png").write_bytes((folder / "images" / "b.png").read_bytes()[:40])
    examples = check_folder(folder).errors["picture that cannot be read"]
    assert len(examples) == 2 and examples[0].endswith("a.png (0 bytes)")


@pytest.mark.parametrize(("change", "kind"), [
    (lambda body: body["annotations"][0].update(bbox=[120, 30, 80, 60]), "box that passes the border"),
    (lambda body: body["annotations"][0].update(bbox=[20, 30, 0.5, 60]), "box thinner than a pixel"),
])
def test_what_is_mended_on_the_way_is_a_warning(folder, change, kind):
    report = changed(folder, change)
    assert not report.errors and any(found.startswith(kind) for found in report.warnings)


def test_one_picture_in_two_sets_is_found_by_its_content(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "images" / "b.png").unlink()
    cv2.imwrite(str(tmp_path / "other" / "images" / "b.png"), np.zeros((120, 160, 3), np.uint8))
    (shared,) = check_apart([check_folder(folder), check_folder(tmp_path / "other")])
    assert "a.png is also" in shared


def test_the_command_says_what_is_wrong_and_with_which_code(folder, tmp_path, capsys):
    assert main([str(folder)]) == 0
    assert "set" in capsys.readouterr().out
    shutil.copytree(folder, tmp_path / "other")
    assert main([str(folder), str(tmp_path / "other")]) == 0
    assert "warning: pictures in two sets (2)" in capsys.readouterr().out
    assert main([str(folder), str(tmp_path / "other"), "--apart"]) == 1
    (folder / "images" / "a.png").unlink()
    assert main([str(folder)]) == 1
    told = capsys.readouterr()
    assert "picture missing" in told.out and "1 of 1 sets have errors" in told.err
    assert main([]) == 2


def test_the_shared_photographs_can_be_learned_from():
    report = check_folder(shared_data("coco_cc"), read=20)
    assert not report.errors and report.boxes["person"] > 100
