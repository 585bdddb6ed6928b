"""The word list holds whatever the grammar can say, in an order that stays, and no word nobody says."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from support.scene_views import make_view, textured, thing

from maxsight_core import taxonomy
from maxsight_core.contracts import EgoMotion, MotionResult, SceneView, SessionSettings, Value
from maxsight_core.models import words
from maxsight_core.models.reading import word_targets
from maxsight_core.models.words import WORDS, WORDS_DIGEST, spoken_words
from maxsight_core.perception import colours, description, path_guidance
from maxsight_core.perception.stage_b_estimators import STAGE_B
from maxsight_core.scenes import SceneRenderer, parse_spec

BOXES = ((0.05, 0.5, 0.05, 0.3), (0.5, 0.5, 0.2, 0.4), (0.95, 0.5, 0.05, 0.3))
SETTINGS = (
    SessionSettings(verbosity="full"), SessionSettings(units="feet"), SessionSettings(directions="clock"),
    SessionSettings(condition="strabismus"), SessionSettings(condition="amblyopia"),
)


@pytest.fixture(scope="module")
def plain_view() -> SceneView:
    return make_view(textured())


def _unknown(views: Iterator[SceneView]) -> tuple[set[str], set[str]]:
    """The words of every clause of the views, and those of them that the list does not hold."""
    said = {word for view in views for clause in description.clauses(view) for word in spoken_words(clause.text)}
    return said, said - set(WORDS)


def test_every_class_can_be_named_once_or_many_times(plain_view):
    def views():
        for entry in taxonomy.CLASSES:
            one = thing(entry.name, entry.id, BOXES[1], 1, colour="red")
            many = tuple(thing(entry.name, entry.id, BOXES[0], 2 + n, score=0.4) for n in range(3))
            yield replace(plain_view, detections=(one, *many), settings=SETTINGS[0])

    said, unknown = _unknown(views())
    assert unknown == set()
    assert len(said) > 500


def test_every_distance_direction_count_and_colour_can_be_said(plain_view):
    metres = [*np.arange(0.2, 8.0, 0.1), *range(8, 101)]

    def views():
        for settings in SETTINGS:
            for number, distance_m in enumerate(metres):
                yield replace(plain_view, settings=settings, detections=(
                    thing(box=BOXES[number % 3], distance_m=float(distance_m), distance_sd_m=0.1),))
            for zone in ("near", "medium", "far"):
                vague = thing(distance_m=4.0, distance_sd_m=3.0, zone=zone)
                yield replace(plain_view, settings=settings, detections=(vague,))
        for count in range(1, 101):
            crowd = tuple(thing(track_id=n) for n in range(count))
            yield replace(plain_view, detections=crowd)
        for colour in colours.NAMES:
            yield replace(plain_view, detections=(thing(colour=colour),), settings=SETTINGS[0])

    said, unknown = _unknown(views())
    assert unknown == set()
    assert {"100", "4.5", "330", "o'clock", "arm's", "within", "centre", "turquoise"} <= said


def test_every_other_statement_of_the_grammar_can_be_said(plain_view):
    def measured(name, value, confidence=0.9):
        return {name: Value.measured(name, value, "test", confidence=confidence)}

    residual = np.zeros((48, 64), np.float32)
    residual[10:30, 2:14] = 12.0
    moving = MotionResult(np.zeros((2, 48, 64), np.float32), residual, EgoMotion(dt_s=0.1))
    sectors = [{"bearing_deg": 0.0, "free_m": free_m, "score": 0.0} for free_m in (None, 1.0)]
    ways = {path_guidance.words(bearing, [sectors[known]]) for bearing in (None, 0.0, 30.0, -30.0) for known in (0, 1)}
    nodes = [{"id": str(entry.id), "name": entry.name} for entry in taxonomy.CLASSES]
    held = {"ride": "rides", "sit": "sits_on", "wear": "wears", "carry": "carries", "hold": "carries"}
    relations = [{"subject": "1", "relation": held[what], "object": str(entry.id)}
                 for entry in taxonomy.CLASSES for what in entry.affordances if what in held]
    people = [{"bearing_deg": bearing, "steady": True, "box": BOXES[0], "score": 0.7} for bearing in (-30, -29, 0, 30)]
    outputs = [
        measured("pedestrians", people), measured("glare_risk", [0.0, 0.1, 0.1, 0.8]),
        measured("scene_graph", {"nodes": nodes, "relations": relations}), measured("navigation_difficulty", 0.9),
        measured("ocr", [{"text": "Ω EXIT 7b", "box": BOXES[0], "confidence": 0.9}]),
        *(measured("colours", {"detections": [], "dominant": [{"name": name}, {"name": other}]})
          for name, other in zip(colours.NAMES, colours.NAMES[1:], strict=False)),
        *(measured("path_guidance", {"words": way}) for way in ways),
    ]
    photograph = textured()
    pictures = (photograph, *((photograph * share).astype(np.uint8) for share in (0.0, 0.2, 0.42)),
                np.clip(photograph * 0.2 + 205, 0, 255).astype(np.uint8), cv2.GaussianBlur(photograph, (0, 0), 14))

    def views():
        yield from (replace(plain_view, so_far=so_far) for so_far in outputs)
        yield replace(plain_view, motion=moving)
        yield replace(plain_view, motion=MotionResult(None, None, EgoMotion(), approaching=(thing("something", 0),)))
        yield from (make_view(picture, detections=(thing(),)) for picture in pictures)

    said, unknown = _unknown(views())
    assert unknown == set()
    assert {"glare", "riding", "crowded", "mostly", "floor", "moving", "nearer", "dark", "clear", "text", "people",
            "bright", "wearing"} <= said


@pytest.mark.parametrize(("scene", "light"), [("corridor", "dim"), ("corridor", "glare"), ("street", "day"),
                                              ("street", "night")])
def test_what_is_said_of_rendered_scenes_can_be_a_target(scene, light):
    renderer = SceneRenderer(parse_spec(f"scene:{scene}?seconds=10&fps=5&size=320x240&light={light}"))
    frame = renderer.frame(20)
    things = tuple(thing(item.class_name, item.class_id, item.box_cxcywh, item.id, urgency=item.urgency, zone=item.zone,
                         distance_m=item.distance_m, distance_sd_m=0.1 * item.distance_m)
                   for item in frame.truth.objects)
    view = make_view(frame.rgb, detections=things, settings=SETTINGS[0])
    for estimator in STAGE_B:
        view.so_far.update(estimator.estimate(view))
    assert len(things) >= 3
    said, unknown = _unknown(iter((view,)))
    assert unknown == set()
    assert len(said) > 5
    assert len(word_targets(view.so_far["scene_description"].value["brief"])) > 2


def test_the_words_are_plain_and_each_is_there_once():
    assert len(set(WORDS)) == len(WORDS)
    assert [word for word in WORDS if spoken_words(f"x {word}") != ["x", word] and word != words.CLAUSE_END] == []
    assert not {"(coco)", "coco", "n/a", "N/A", "", "glasseses", "childs", "mans", "stairses"} & set(WORDS)
    assert {"door", "children", "computer", "mice", "café", "e-scooters", "drop-off"} <= set(WORDS)


def test_new_classes_put_their_words_at_the_end(monkeypatch):
    monkeypatch.setattr(taxonomy, "CLASSES", taxonomy.CLASSES[:200])
    fewer = words._words()
    assert len(fewer) < len(WORDS)
    assert WORDS[: len(fewer)] == fewer


def test_the_digest_is_of_these_words_in_this_order_and_the_same_in_every_process():
    assert hashlib.sha256("\n".join(WORDS).encode()).hexdigest() == WORDS_DIGEST
    for seed in ("0", "1"):
        found = subprocess.run(
            [sys.executable, "-c", "import sys; from maxsight_core.models import reading, relations, words; "
             "print(words.WORDS_DIGEST, 'torch' in sys.modules, 'cv2' in sys.modules)"],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}, text=True,
            capture_output=True, check=True)
        assert found.stdout.split() == [WORDS_DIGEST, "False", "False"]


@pytest.mark.parametrize(("sentence", "expected"), [
    ("Bicycle, ahead, 2.5 metres. Chair, left.", "bicycle ahead 2.5 metres . chair left"),
    ("2 e-scooters, 1 o’clock, arm's length", "2 e-scooters 1 o'clock arm's length"),
    ("Text ahead: EXIT 12. Dim light.", "text ahead . dim light"),
    ("Text: 10:30", "text"), ("Nothing recognised.", "nothing recognised"), ("", ""), (" . ", ""),
])
def test_sentences_become_words_without_what_was_read(sentence, expected):
    assert spoken_words(sentence) == expected.split()


@pytest.mark.parametrize(("one", "many"), [
    ("person", "people"), ("bus", "buses"), ("lorry", "lorries"), ("key", "keys"), ("computer mouse", "computer mice"),
    ("green man", "green men"), ("toy on floor", "toys on floor"), ("escalator up", "escalators up"),
    ("stairs down", "stairs down"), ("glasses", "glasses"), ("glasses case", "glasses cases"), ("child", "children"),
    ("wine glass", "wine glasses"), ("broken glass", "broken glass"), ("lift buttons", "lift buttons"),
])
def test_plurals_are_english(one, many):
    assert description.plural(one) == many
