"""The words: hazard, direction, distance, in the person's own units, directions and condition."""

from __future__ import annotations

import pytest

from maxsight_core.alerts.catalogue import CATALOGUE, missing_keys, placeholders, say
from maxsight_core.alerts.inputs import LOST_REASONS, Candidate
from maxsight_core.alerts.wording import direction_words, distance_words, side, speech_s, words
from maxsight_core.contracts import CONDITIONS, SessionSettings
from maxsight_core.taxonomy import by_name


def thing(name="bicycle", bearing=-20.0, distance=3.0, kind="approach", **changes) -> Candidate:
    class_id = 0 if name == "something" else by_name(name).id
    return Candidate(**{"key": "track:1", "stage": "P1", "kind": kind, "seq": 1, "time_s": 0.0, "class_id": class_id,
                        "class_name": name, "bearing_deg": bearing, "distance_m": distance, **changes})


@pytest.mark.parametrize(("candidate", "stage", "settings", "uncertain", "expected"), [
    (thing(), "P1", {}, False, "Bicycle, left, 3 metres."),
    (thing(bearing=0.0), "P0", {}, False, "Stop. Bicycle, ahead, 3 metres."),
    (thing(), "P0", {}, False, "Bicycle, left, 3 metres."),
    (thing(distance=None), "P1", {}, False, "Bicycle, left."),
    (thing(), "P1", {"verbosity": "brief"}, False, "Bicycle, left."),
    (thing(colour="red"), "P1", {"verbosity": "full"}, False, "Red bicycle approaching, left, 3 metres."),
    (thing(colour="red"), "P1", {}, False, "Bicycle, left, 3 metres."),
    (thing("something", distance=None), "P1", {}, False, "Something approaching, left."),
    (thing("something", bearing=0.0, distance=None), "P0", {}, False, "Stop. Something ahead."),
    (thing(bearing=5.0), "P1", {}, True, "Something ahead."),
    (thing(bearing=5.0), "P0", {}, True, "Stop. Something ahead."),
    (thing(bearing=30.0), "P1", {}, True, "Something, right."),
    (thing("door", bearing=-30.0, distance=2.0, kind="object"), "P2", {}, False, "Door, left, 2 metres."),
    (thing("traffic light", colour="red", bearing=0.0, distance=None, kind="object"), "P2",
     {"condition": "colour_blindness"}, False, "Red traffic light, ahead."),
    (thing(), "P1", {"condition": "cvi"}, False, "Bicycle. Left."),
    (thing(bearing=0.0), "P0", {"condition": "cvi"}, False, "Stop. Bicycle. Ahead."),
    (thing("something"), "P1", {"condition": "cvi"}, False, "Something. Left."),
    (thing(bearing=0.0), "P1", {"condition": "strabismus"}, False, "Bicycle, centre, middle distance."),
    (thing(distance=0.3), "P1", {"condition": "amblyopia"}, False, "Bicycle, left, within reach."),
    (thing(bearing=None, kind="pedestrian", class_name=None), "P2", {}, False, "Perhaps a person."),
    (thing(kind="pedestrian", class_name=None, distance=None), "P2", {}, False, "Perhaps a person, left."),
    (thing(kind="text", class_name=None, label="EXIT\nPlatform 2", bearing=3.0), "P2", {}, False,
     "Text, ahead: EXIT Platform 2."),
    (thing(kind="lighting", class_name=None, label="dark", bearing=None), "P2", {}, False, "It is dark here."),
    (thing(kind="glare", class_name=None, bearing=None), "P2", {}, False, "Strong glare."),
    (thing(kind="sound", class_name=None, label="siren", distance=None), "P2", {}, False, "Siren, left."),
])
def test_the_sentence_is_hazard_then_direction_then_distance(candidate, stage, settings, uncertain, expected):
    assert words(candidate, stage, SessionSettings(**settings), uncertain=uncertain) == expected


@pytest.mark.parametrize(("bearing", "expected"), [
    (0.0, "ahead"), (15.0, "ahead"), (-15.0, "ahead"), (15.1, "right"), (-15.1, "left"), (None, "nowhere"),
])
def test_ahead_ends_at_fifteen_degrees(bearing, expected):
    assert side(bearing) == expected


@pytest.mark.parametrize(("bearing", "hfov", "expected"), [
    (0.0, None, "12 o'clock"), (-30.0, None, "11 o'clock"), (28.0, None, "1 o'clock"),
    (40.0, None, "right"), (-40.0, None, "left"), (58.0, 120.0, "2 o'clock"),
])
def test_clock_directions_only_within_the_view_of_the_camera(bearing, hfov, expected):
    assert direction_words(bearing, SessionSettings(directions="clock", hfov_deg=hfov)) == expected


@pytest.mark.parametrize(("distance", "expected"), [
    (0.0, "arm's length"), (0.99, "arm's length"), (1.0, "1 metre"), (1.2, "1 metre"), (1.3, "1.5 metres"),
    (2.25, "2 metres"), (2.26, "2.5 metres"), (4.9, "5 metres"), (5.0, "5 metres"), (5.4, "5 metres"),
    (5.6, "6 metres"), (12.4, "12 metres"), (None, None), (float("nan"), None),
])
def test_metres_are_rounded_to_half_a_metre_up_to_five_then_to_whole_ones(distance, expected):
    assert distance_words(distance, SessionSettings()) == expected


@pytest.mark.parametrize(("distance", "expected"), [
    (0.9, "arm's length"), (1.0, "4 feet"), (3.0, "10 feet"), (4.9, "16 feet"), (6.0, "20 feet"), (20.0, "65 feet"),
])
def test_feet_are_an_option(distance, expected):
    assert distance_words(distance, SessionSettings(units="feet")) == expected


@pytest.mark.parametrize(("distance", "zone"), [(0.4, 1), (0.5, 2), (0.99, 2), (1.0, 3), (3.0, 4), (5.0, 5), (40.0, 5)])
@pytest.mark.parametrize("condition", ["amblyopia", "strabismus"])
def test_five_distance_zones_for_people_without_stereo_vision(condition, distance, zone):
    assert distance_words(distance, SessionSettings(condition=condition)) == say(f"distance.zone{zone}")


def test_a_vague_distance_is_not_spoken_as_a_number():
    settings = SessionSettings()
    assert distance_words(4.0, settings, distance_sd_m=2.5, zone="medium") is None
    assert distance_words(4.0, settings, distance_sd_m=2.5, zone="near") == "near"
    assert distance_words(4.0, settings, distance_sd_m=1.9) == "4 metres"
    assert distance_words(0.7, settings, distance_sd_m=0.6) == "arm's length"


def test_speaking_time_follows_the_rate_of_the_person():
    slow, fast = (speech_s("Bicycle, left, 3 metres.", SessionSettings(speech_wpm=rate)) for rate in (80, 450))
    assert slow == pytest.approx(0.2 + 4 * 60 / 80)
    assert fast == pytest.approx(0.2 + 4 * 60 / 450)
    assert speech_s("2.5 metres.", SessionSettings()) > speech_s("2 metres.", SessionSettings())


@pytest.mark.parametrize("condition", [None, *CONDITIONS])
@pytest.mark.parametrize("stage", ["P0", "P1", "P2"])
@pytest.mark.parametrize("bearing", [None, 0.0, -40.0])
@pytest.mark.parametrize("verbosity", ["brief", "normal", "full"])
def test_every_condition_has_words_for_everything(condition, stage, bearing, verbosity):
    settings = SessionSettings(condition=condition, verbosity=verbosity)
    for uncertain in (False, True):
        text = words(thing(bearing=bearing), stage, settings, uncertain=uncertain)
        assert text[0].isupper() and text.endswith(".") and "{" not in text
        assert text.startswith("Stop.") == (stage == "P0" and bearing == 0.0)


def test_english_is_complete_and_another_language_is_checked_against_it():
    assert missing_keys("en") == []
    assert all(f"perception.{reason}" in CATALOGUE["en"] for reason in LOST_REASONS)
    CATALOGUE["xx"] = {**CATALOGUE["en"], "distance.metres": "{count} Meter"}
    try:
        del CATALOGUE["xx"]["stop"]
        assert missing_keys("xx") == ["distance.metres", "stop"]
    finally:
        del CATALOGUE["xx"]
    assert placeholders("{a} and {b}") == {"a", "b"}


def test_an_unknown_text_is_an_error_that_names_it():
    with pytest.raises(KeyError, match=r"no\.such"):
        say("no.such")
