"""Rendered frames as samples: the same by number everywhere, honest about what is painted without a box."""

import numpy as np
import pytest

from maxsight_core import taxonomy
from maxsight_core.scenes import PAINTED_UNNAMED, SCENE_NAMES, SceneRenderer
from training.data import rendered
from training.data.rendered import FRAMES_PER_WORLD, NAMED_AS, NEITHER, RenderedFrames
from training.data.sample import ClassTable
from training.data.stored import StoredSamples

TABLE = ClassTable.of_names(["person", "car", "door", "door handle", "traffic light", "bicycle", "chair"])
COLUMN = {name: number for number, name in enumerate(TABLE.names)}
SMALL = (96, 72)


def frames(*scenes, count=FRAMES_PER_WORLD, seed=5, **options):
    return RenderedFrames(scenes, count, TABLE, first_seed=seed, size_px=SMALL, **options)


def test_a_frame_is_the_same_whatever_was_rendered_before():
    first, second = frames("street", "room", count=60), frames("street", "room", count=60)
    second[40], second[3]
    for number in (0, 30):
        np.testing.assert_array_equal(first[number].image, second[number].image)
        np.testing.assert_array_equal(first[number].boxes, second[number].boxes)
    assert not np.array_equal(first[0].image, first[1].image) and first.source(0) != first.source(1)


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_what_is_painted_without_a_box_counts_as_unlabelled(scene):
    known = {name for name, number in COLUMN.items() if frames(scene).labelled_in(scene)[number]}
    unnamed = {NAMED_AS.get(name, name) for name in PAINTED_UNNAMED[scene]}
    assert known == set(TABLE.names) - unnamed


def test_every_name_is_in_the_taxonomy():
    for name in (*NAMED_AS, *NAMED_AS.values(), *NEITHER):
        taxonomy.by_name(name)


@pytest.mark.parametrize(("drawn", "trained"),
                         [("child", "person"), ("taxi", "car"), ("pedestrian signal", "traffic light")])
def test_kinds_that_photographs_do_not_tell_apart_are_one_class(drawn, trained):
    data = frames("crossing", count=4 * FRAMES_PER_WORLD, seed=1)
    for index in range(0, len(data), 3):
        sample, truth = data[index], truth_of(data, index)
        found = [thing for thing in truth if thing.class_name == drawn and taken(thing)]
        if found:
            same = np.abs(sample.boxes - np.array(found[0].box_cxcywh, np.float32)).max(axis=1) < 1e-6
            assert sample.columns[same].tolist() == [COLUMN[trained]]
            return
    pytest.fail(f"no {drawn} in {len(data)} frames")


def test_riders_are_ignored_and_neither_person_nor_bicycle():
    data = frames("crossing", count=4 * FRAMES_PER_WORLD, seed=1)
    for index in range(0, len(data), 2):
        riders = [thing for thing in truth_of(data, index) if thing.class_name in NEITHER]
        if riders:
            sample = data[index]
            box = np.array(riders[0].box_cxcywh, np.float32)
            assert (np.abs(sample.ignored - box).max(axis=1) < 1e-6).any()
            assert not (len(sample.boxes) and (np.abs(sample.boxes - box).max(axis=1) < 1e-6).any())
            return
    pytest.fail("nobody rides in these frames")


def test_a_missing_frame_brings_its_whole_world_with_it(tmp_path, monkeypatch):
    built = []
    monkeypatch.setattr(rendered, "SceneRenderer", lambda spec: built.append(spec) or SceneRenderer(spec))
    kept = StoredSamples(frames("corridor", count=2 * FRAMES_PER_WORLD), tmp_path)
    kept[7]
    assert len(list(kept.folder.glob("*.npz"))) == FRAMES_PER_WORLD and len(built) == 1
    kept[3], kept[20]
    assert len(built) == 1  # read, not rendered
    np.testing.assert_array_equal(kept[3].boxes, frames("corridor", count=2 * FRAMES_PER_WORLD)[3].boxes)


def test_a_frame_outside_the_set_is_an_error():
    with pytest.raises(IndexError, match="rendered frame 25: the set has 25"):
        frames("street")[25]


def truth_of(data, index):
    spec, number = data._place(index)
    renderer = SceneRenderer(spec)
    return renderer.frame(min(number, len(renderer) - 1)).truth.objects


def taken(thing):
    return thing.visible_share >= rendered.LEAST_VISIBLE_SHARE and min(thing.box_cxcywh[2:]) >= rendered.LEAST_SIDE
