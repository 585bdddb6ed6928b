"""Colours get the names people give them, on charts and on real signs."""

import json

import numpy as np
import pytest
from support.data import shared_data
from support.scene_views import load_rgb, make_view, thing

from maxsight_core.perception import colours

KNOWN = {
    (255, 0, 0): "red", (120, 25, 30): "red", (0, 128, 0): "green", (80, 110, 40): "green", (0, 0, 255): "blue",
    (25, 35, 80): "blue", (135, 206, 235): "blue", (255, 220, 0): "yellow", (255, 140, 0): "orange",
    (128, 0, 128): "purple", (255, 182, 193): "pink", (110, 60, 25): "brown", (0, 0, 0): "black",
    (250, 250, 250): "white", (128, 128, 128): "grey", (64, 224, 208): "turquoise",
}


@pytest.mark.parametrize(("rgb", "name"), KNOWN.items())
def test_well_known_colours_have_their_names(rgb, name):
    assert colours.name_of(rgb) == name


def test_there_are_twelve_names_and_every_one_can_be_said():
    assert len(colours.NAMES) == 12
    assert {colours.name_of(rgb) for rgb in KNOWN} == set(colours.NAMES)


def test_the_look_up_table_agrees_with_the_exact_distance():
    rng = np.random.default_rng(0)
    triples = rng.integers(0, 256, (400, 3))
    same = [next(iter(colours.shares(triple.astype(np.uint8)[None, None]))) == colours.name_of(tuple(triple))
            for triple in triples]
    assert np.mean(same) > 0.95  # the rest lie within one step of 8 levels of a border


@pytest.mark.parametrize("wrong", [(256, 0, 0), (1, 2), (-1, 0, 0)])
def test_impossible_colours_are_refused(wrong):
    with pytest.raises(ValueError, match="three numbers 0"):
        colours.name_of(wrong)


def test_most_real_stop_signs_are_red():
    folder = shared_data("road_signs")
    data = json.loads((folder / "instances.json").read_text())
    files = {image["id"]: image["file_name"] for image in data["images"]}
    names = []
    for sign in data["annotations"]:
        if sign["category_id"] != 13:
            continue
        name = files[sign["image_id"]]
        path = folder / name if (folder / name).exists() else folder / "images" / name
        rgb = load_rgb(path)
        height, width = rgb.shape[:2]
        x, y, w, h = sign["bbox"]
        found = colours.of_box(rgb, ((x + w / 2) / width, (y + h / 2) / height, w / width, h / height))
        names.append(found[0] if found else None)
    assert len(names) == 73
    assert names.count("red") / len(names) > 0.65  # the rest: faded, in shade or lit by sodium light
    assert names.count("green") + names.count("blue") == 0


def test_the_frame_and_each_detection_get_their_colours():
    rgb = np.full((480, 640, 3), 128, np.uint8)
    rgb[100:200, 100:200] = (200, 20, 30)
    red = thing("stop sign", 13, box=(150 / 640, 150 / 480, 100 / 640, 100 / 480), track_id=7)
    value = colours.estimate(make_view(rgb, detections=(red,)))["colours"].value
    assert value["dominant"][0]["name"] == "grey"
    assert value["detections"] == [{"id": 7, "name": "red", "share": 1.0}]


def test_no_colours_in_the_dark():
    assert colours.estimate(make_view(np.full((480, 640, 3), 12, np.uint8)))["colours"].source == "unavailable"
