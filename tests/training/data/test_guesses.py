"""Guessed objects never count as labelled; weights and outlines are what their definitions say."""

import json

import cv2
import numpy as np
import pytest
from support.training_samples import CLASSES, painted, write_coco

from maxsight_core import taxonomy
from training.data.class_weights import class_weights, count_objects
from training.data.coco_folder import CocoFolder
from training.data.outlines import mask_of
from training.data.sample import ClassTable, SampleError
from training.data.synthetic import Guess, annotate, missing_objects

DOOR = taxonomy.by_name("door").id
EXIT = taxonomy.by_name("exit sign").id


def test_nothing_is_guessed_of_what_people_labelled_or_twice():
    image = np.zeros((10, 10, 3), np.uint8)
    boxes = ((0.5, 0.5, 0.4, 0.4), (0.51, 0.5, 0.4, 0.4), (0.1, 0.1, 0.1, 0.1))

    def detector(_):
        return [Guess(DOOR, box, 0.9 - 0.1 * n) for n, box in enumerate(boxes)] + [Guess(EXIT, boxes[0], 0.95)]

    found = missing_objects(image, [], [EXIT], [detector])
    assert [(one.class_id, one.box) for one in found] == [(DOOR, boxes[0]), (DOOR, boxes[2])]
    known = [(DOOR, (0.5, 0.5, 0.4, 0.4))]
    assert [one.box for one in missing_objects(image, known, [], [detector]) if one.class_id == DOOR] == [boxes[2]]


def test_a_guess_is_an_example_but_its_class_was_not_labelled(tmp_path):
    folder = write_coco(tmp_path / "set", [("a.png", painted([(1, 0.5, 0.5, 0.5, 0.5)]))])
    out = folder / "guessed.json"
    assert annotate(folder, out, [lambda image: [Guess(EXIT, (0.2, 0.2, 0.2, 0.2), 0.9)]]) == 1
    table = ClassTable.of_names(["person", "exit sign"])
    sample = CocoFolder(out, table)[0]
    assert sorted(sample.columns.tolist()) == [1, 2] and sample.labelled.tolist()[1:] == [True, False]
    with pytest.raises(SampleError, match="is the original annotation file"):
        annotate(folder, folder / "instances.json")


def test_signs_are_read_off_their_words(tmp_path):
    from training.data.synthetic import signs_by_text

    image = np.full((240, 480, 3), (20, 120, 40), np.uint8)
    cv2.putText(image, "EXIT", (110, 150), cv2.FONT_HERSHEY_SIMPLEX, 3.5, (255, 255, 255), 12)
    try:
        found = signs_by_text(image)
    except RuntimeError as error:
        pytest.skip(str(error))
    assert [one.class_id for one in found] == [EXIT]
    cx, cy, w, h = found[0].box
    assert abs(cx - 0.48) < 0.15 and abs(cy - 0.5) < 0.15 and w > 0.4 and h > 0.3


def test_rare_classes_weigh_more_and_none_more_than_one():
    counts = count_objects([CountedSet([1, 1, 1, 1, 2])], 4)
    assert counts.tolist() == [0, 4, 1, 0]
    # N / (K n) = 5 / (2 * 4), 5 / (2 * 1); divided by the largest
    np.testing.assert_allclose(class_weights(counts), [1.0, 0.25, 1.0, 1.0])
    with pytest.raises(ValueError, match="expected objects per class"):
        class_weights(np.zeros(3))


class CountedSet:
    def __init__(self, columns):
        self.columns = columns

    def __len__(self):
        return 1

    def columns_of(self, index):
        return np.array(self.columns)


def test_cocos_compressed_outline_is_the_same_as_its_numbers():
    # encoded with pycocotools' rule: five bits a character from '0', differences from the last but one after the third
    numbers = [6, 2, 3, 2, 3, 2, 6]  # of 4 x 6
    plain = mask_of({"counts": numbers}, 4, 6)
    assert plain.sum() == 6
    np.testing.assert_array_equal(plain,
                                  mask_of({"counts": encoded(numbers)}, 4, 6))
    assert mask_of({"counts": encoded(numbers)[:-1]}, 4, 6) is None  # cut short: fits no picture


def encoded(numbers):
    text = ""
    for place, number in enumerate(numbers):
        left = number - (numbers[place - 2] if place > 2 else 0)
        while True:
            code, left = left & 0x1F, left >> 5
            more = left != (-1 if code & 0x10 else 0)
            text += chr((code | (0x20 if more else 0)) + 48)
            if not more:
                break
    return text


def test_the_file_of_guesses_names_what_was_labelled(tmp_path):
    folder = write_coco(tmp_path / "set", [("a.png", painted([(1, 0.5, 0.5, 0.5, 0.5)]))])
    annotate(folder, folder / "guessed.json", [lambda image: []])
    body = json.loads((folder / "guessed.json").read_text())
    assert set(body["info"]["exhaustive_classes"]) == set(CLASSES.names[1:])
