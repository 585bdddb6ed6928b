"""The taxonomy: fixed ids, sensible size priors, helpful errors."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from support.data import shared_data

from maxsight_core import taxonomy
from maxsight_core.taxonomy import CLASSES, ClassInfo, by_id, by_name, coco_names

FIXED_BY_DATA = {
    1001: "door", 1002: "door handle", 1003: "stairs", 1004: "crosswalk", 1005: "pedestrian crossing sign",
    1006: "speed limit sign", 1007: "handrail", 1008: "tactile paving", 1009: "cabinet door",
}
TALLEST_M, SMALLEST_M = 15.0, 0.03


def test_it_holds_91_coco_ids_and_at_least_200_accessibility_classes():
    assert [info.id for info in CLASSES if info.is_coco] == list(range(1, 92))
    assert sum(info.annotated_in_coco for info in CLASSES) == 80
    assert sum(info.id >= taxonomy.FIRST_ACCESS_ID for info in CLASSES) >= 200
    assert by_id(0).name == "something"


def test_ids_that_the_data_fixes_keep_their_names():
    assert {i: by_id(i).name for i in FIXED_BY_DATA} == FIXED_BY_DATA


def test_coco_names_index_like_torchvision():
    """Spot checks of the list that torchvision publishes with its COCO weights."""
    names = coco_names()
    assert len(names) == 91 and names.count("N/A") == 10
    assert [i for i, name in enumerate(names) if name == "N/A"] == [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
    expected = {0: "__background__", 1: "person", 2: "bicycle", 3: "car", 10: "traffic light", 13: "stop sign",
                62: "chair", 67: "dining table", 77: "cell phone", 84: "book", 89: "hair drier", 90: "toothbrush"}
    assert {i: names[i] for i in expected} == expected


def test_labels_of_the_shared_data_agree_with_the_taxonomy():
    for folder in ("coco_cc", "road_signs", "doors_stairs"):
        labels = json.loads(shared_data(folder, "instances.json").read_text())
        for category in labels["categories"]:
            assert by_id(category["id"]).name == category["name"]


@pytest.mark.parametrize("info", CLASSES, ids=lambda info: info.name)
def test_every_class_is_complete(info: ClassInfo):
    assert by_id(info.id) is info and by_name(info.name) is info
    assert info.name == info.name.strip().lower() and info.spoken
    assert info.group in taxonomy.SIZE_SOURCES and len(taxonomy.SIZE_SOURCES[info.group]) > 20
    if info.height_m is not None:
        mean, sd = info.height_m
        assert SMALLEST_M <= mean <= TALLEST_M
        assert sd <= mean, "a spread wider than the mean says nothing about the size"


@pytest.mark.parametrize(("taller", "shorter"), [
    ("bus", "car"), ("car", "bicycle"), ("person", "child"), ("door", "person"), ("lamp post", "bollard"),
    ("chair", "low table"), ("door", "door handle"), ("traffic light", "door handle"), ("giraffe", "elephant"),
])
def test_size_priors_keep_the_order_of_the_real_world(taller, shorter):
    assert by_name(taller).height_m[0] > by_name(shorter).height_m[0]


@pytest.mark.parametrize("flat", ["crosswalk", "tactile paving", "stairs", "open manhole", "platform edge"])
def test_flat_things_have_no_height_to_range_by(flat):
    assert by_name(flat).height_m is None


@pytest.mark.parametrize("dangerous", ["open manhole", "platform edge", "stairs down", "train"])
def test_what_kills_is_dangerous_by_default(dangerous):
    assert by_name(dangerous).default_urgency == 3


@pytest.mark.parametrize(("wrong", "expected"), [
    ("dor", "door"), ("cross walk", "crosswalk"), ("escalater", "escalator"), ("gide dog", "guide dog"),
])
def test_an_unknown_name_is_answered_with_near_names(wrong, expected):
    with pytest.raises(KeyError, match=f"did you mean.*{expected}"):
        by_name(wrong)


def test_an_unknown_name_that_resembles_nothing_says_where_to_look():
    with pytest.raises(KeyError, match="see CLASSES"):
        by_name("qqqqzzzz")


def test_aliases_lead_to_classes():
    for alias, name in taxonomy.ALIASES.items():
        assert by_name(alias).name == name
        assert alias not in {info.name for info in CLASSES}, "an alias must not hide a class"


@pytest.mark.parametrize("bad", [92, 999, -1, None, "door", 5000])
def test_an_unknown_id_names_the_valid_ranges(bad):
    with pytest.raises(KeyError, match=r"1\.\.91.*1001\.\."):
        by_id(bad)


@pytest.mark.parametrize("change", [
    {"default_urgency": 4}, {"height_m": (0.0, 0.1)}, {"height_m": (1.0, 0.0)}, {"affordances": ("teleport",)},
])
def test_a_nonsensical_class_is_refused(change):
    fields = {"id": 9999, "name": "x", "group": "unknown", "height_m": None, "default_urgency": 0,
              "moving": False, "affordances": (), "spoken": "x"}
    with pytest.raises(ValueError, match="class 'x'"):
        ClassInfo(**{**fields, **change})


def test_an_unknown_group_names_the_groups():
    assert {info.name for info in taxonomy.in_group("level_change")} >= {"stairs", "kerb", "ramp"}
    with pytest.raises(KeyError, match="level_change"):
        taxonomy.in_group("nope")


def test_it_imports_the_standard_library_only():
    folder = Path(taxonomy.__file__).parent
    for name in ("taxonomy.py", "taxonomy_coco.py", "taxonomy_access.py"):
        for node in ast.walk(ast.parse((folder / name).read_text())):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else \
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                assert module.split(".")[0] in {"__future__", "dataclasses", "difflib", "maxsight_core"}, module
