"""Annotated photographs: what is read, what counts as labelled, and errors that name the file in time."""

import json

import numpy as np
import pytest
from support.data import shared_data
from support.training_samples import CLASSES, painted, write_coco

from training.data.coco_folder import CocoFolder
from training.data.sample import ClassTable, SampleError


@pytest.fixture
def folder(tmp_path):
    return write_coco(tmp_path / "set", [
        ("a.png", painted([(1, 0.5, 0.5, 0.5, 0.5), (3, 0.1, 0.5, 0.1, 0.5)])), ("b.png", painted([]))])


def edited(folder, change):
    body = json.loads((folder / "instances.json").read_text())
    change(body)
    (folder / "instances.json").write_text(json.dumps(body))
    return folder


def test_boxes_columns_and_pictures_come_as_they_are(folder):
    data = CocoFolder(folder, CLASSES)
    one = data[0]
    assert len(data) == 2 and one.source == "set/a.png"
    np.testing.assert_allclose(one.boxes, [[0.5, 0.5, 0.5, 0.5], [0.1, 0.5, 0.1, 0.5]], atol=1e-6)
    assert one.columns.tolist() == [1, 3] and one.image.shape == (120, 160, 3)
    assert one.image[60, 80].tolist() == [230, 20, 20]  # red is red: channels are not swapped
    assert one.zones.tolist() == [0, 1] and len(data[1].boxes) == 0


def test_without_rules_zones_and_urgency_are_unknown(folder):
    one = CocoFolder(folder, CLASSES, heuristic_labels=False)[0]
    assert one.zones.tolist() == [-1, -1] and one.urgency == -1


@pytest.mark.parametrize(("named", "expected"), [
    (None, [True, True, True]),            # nothing said: every category that the file lists
    (["person"], [True, False, True]),     # named, and a door that is annotated all the same
    ("all COCO classes", [True, True, True]),
    ([], [True, False, True]),
])
def test_only_what_was_labelled_is_known(folder, named, expected):
    edited(folder, lambda body: body["images"][0].update(labelled_classes=named) if named is not None else None)
    assert CocoFolder(folder, CLASSES)[0].labelled[1:].tolist() == expected


def test_a_file_may_say_what_is_labelled_in_all_its_pictures(folder):
    edited(folder, lambda body: body.update(info={"exhaustive_classes": ["door"]}))
    assert CocoFolder(folder, CLASSES)[1].labelled[1:].tolist() == [False, False, True]


def test_crowds_are_ignored_and_classes_not_trained_are_background(folder):
    edited(folder, lambda body: body["annotations"][0].update(iscrowd=1))
    one = CocoFolder(folder, ClassTable.of_names(["person"]))[0]
    assert len(one.boxes) == 0 and len(one.ignored) == 1


def test_a_box_is_cut_at_the_border_and_one_outside_is_counted_and_left_out(folder):
    edited(folder, lambda body: [body["annotations"][0].update(bbox=[120, 0, 80, 60]),
                                 body["annotations"][1].update(bbox=[500, 0, 10, 10])])
    data = CocoFolder(folder, CLASSES)
    np.testing.assert_allclose(data[0].boxes, [[0.875, 0.25, 0.25, 0.5]])
    assert data.dropped_boxes == 1


def test_outlines_become_masks(folder):
    polygon = [40, 30, 120, 30, 120, 90, 40, 90]
    edited(folder, lambda body: body["annotations"][0].update(segmentation=[polygon]))
    one, other = CocoFolder(folder, CLASSES)[0].masks
    assert other is None and one.shape == (120, 160)
    assert one[60, 80] and not one[10, 10] and abs(int(one.sum()) - 81 * 61) < 10


def test_run_lengths_go_down_the_columns(folder):
    runs = {"size": [120, 160], "counts": [120 * 2 + 10, 5, 120 * 160 - 255]}
    edited(folder, lambda body: body["annotations"][0].update(segmentation=runs))
    mask = CocoFolder(folder, CLASSES)[0].masks[0]
    assert np.argwhere(mask).tolist() == [[row, 2] for row in range(10, 15)]


def test_licences_can_be_left_out(folder):
    edited(folder, lambda body: [body.update(licenses=[{"id": 1, "name": "CC BY-NC 2.0"}]),
                                 body["images"][0].update(license=1)])
    assert [CocoFolder(folder, CLASSES, leave_out=["NC"]).source(0)] == ["set/b.png"]


@pytest.mark.parametrize(("change", "words"), [
    (lambda body: body.update(images=[]), "images"),
    (lambda body: body.pop("annotations"), "missing: annotations"),
    (lambda body: body["categories"][0].update(name="unicorn", id=5000), "'unicorn'.*not in the taxonomy"),
    (lambda body: body["annotations"][0].update(category_id=77), r"does not list: \[77\]"),
    (lambda body: body["annotations"][0].update(bbox=[1, 2, 3]), "four numbers"),
    (lambda body: body["annotations"][0].update(bbox=[1, 2, float("nan"), 4]), "four numbers"),
    (lambda body: body["images"][0].update(labelled_classes=["persn"]), "a.png.*did you mean person"),
])
def test_what_is_wrong_with_the_annotations_is_said_with_the_file(folder, change, words):
    edited(folder, change)
    with pytest.raises(SampleError, match=words) as caught:
        CocoFolder(folder, CLASSES)
    assert "instances.json" in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_an_annotation_file_that_is_missing_empty_or_broken(tmp_path, content):
    if content is not None:
        (tmp_path / "instances.json").write_bytes(content)
    with pytest.raises(SampleError, match=r"instances\.json"):
        CocoFolder(tmp_path, CLASSES)


@pytest.mark.parametrize(("content", "words"), [(None, "a.png: the picture is missing"),
                                                (b"\x89PNG broken", "a.png: no readable picture"),
                                                (b"", "a.png: no readable picture")])
def test_a_picture_that_is_missing_or_damaged_is_named(folder, content, words):
    file = folder / "images" / "a.png"
    file.unlink() if content is None else file.write_bytes(content)
    data = CocoFolder(folder, CLASSES)
    with pytest.raises(SampleError, match=words):
        data[0]


def test_a_picture_of_another_size_than_annotated_is_refused(folder):
    edited(folder, lambda body: body["images"][0].update(width=320))
    with pytest.raises(SampleError, match=r"is 160x120, but .* says 320x120"):
        CocoFolder(folder, CLASSES)[0]


@pytest.mark.parametrize("name", ["coco_cc", "road_signs", "doors_stairs", "train/coco_nc", "train/homes_a"])
def test_the_real_folders_can_be_read_to_the_last_picture(name):
    names = ["person", "car", "door", "stairs", "stop sign", "traffic light"]
    data = CocoFolder(shared_data(*name.split("/")), ClassTable.of_names(names))
    boxes = sum(len(data[index].boxes) for index in range(0, len(data), max(1, len(data) // 12)))
    assert boxes > 0 and sum(len(data.columns_of(index)) for index in range(len(data))) >= 20
