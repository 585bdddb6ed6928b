"""Reading scene specifications: every mistake is refused with a message that helps."""

from __future__ import annotations

import pytest

from maxsight_core.scenes import SCENE_NAMES, SceneError, SceneSpec, parse_spec


def test_every_parameter_is_read():
    spec = parse_spec("scene:street?seed=7&fps=25&seconds=3&size=320x240&light=night&noise=0.02&fog=0.1&blur=0.5"
                      "&shake=2&hfov=70")
    assert spec == SceneSpec("street", 7, 25.0, 3.0, 320, 240, "night", 0.02, 0.1, 0.5, 2.0, 70.0)
    assert spec.frames == 75


def test_defaults_are_the_documented_ones():
    spec = parse_spec("scene:corridor")
    assert (spec.seed, spec.fps, spec.seconds, spec.width, spec.height) == (1, 10.0, 60.0, 640, 480)
    assert (spec.light, spec.noise, spec.fog, spec.blur, spec.shake, spec.hfov) == ("day", 0, 0, 0, 1.0, 66.0)


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_the_text_of_a_spec_reads_back_as_the_same_spec(scene):
    spec = SceneSpec(scene, seed=3, fps=12.5, seconds=7, width=224, height=224, light="dim", fog=0.25, shake=0)
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(("text", "hint"), [
    ("corridor", "scene:corridor"),
    ("", "scene:corridor"),
    (None, "scene:corridor"),
    ("scene:moon", "corridor"),
    ("scene:", "corridor"),
    ("scene:corridor?sed=1", "seed"),
    ("scene:corridor?seed", "key=value"),
    ("scene:corridor?seed=", "whole number"),
    ("scene:corridor?seed=1.5", "whole number"),
    ("scene:corridor?seed=-1", "from 0"),
    ("scene:corridor?seed=1&seed=2", "twice"),
    ("scene:corridor?size=640", "WIDTHxHEIGHT"),
    ("scene:corridor?size=20x20", "64"),
    ("scene:corridor?size=9000x480", "1920|WIDTHxHEIGHT"),
    ("scene:corridor?size=640x480&size=64x64", "twice"),
    ("scene:corridor?fps=0", "from 1"),
    ("scene:corridor?fps=nan", "number"),
    ("scene:corridor?seconds=inf", "number"),
    ("scene:corridor?light=disco", "day"),
    ("scene:corridor?noise=2", "0.3"),
    ("scene:corridor?hfov=200", "110"),
])
def test_a_mistake_is_refused_and_the_message_says_what_is_expected(text, hint):
    with pytest.raises(SceneError, match=hint):
        parse_spec(text)
