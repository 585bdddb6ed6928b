"""What the network is given of one frame: order, padding, masks, and errors that say what was expected."""

from dataclasses import replace

import numpy as np
import pytest
from support.scene_views import textured, thing

from maxsight_core.contracts import CONDITIONS, VERBOSITIES, SessionSettings
from maxsight_core.engine import detect
from maxsight_core.engine.profile_vector import FIELD_PARTS, POSITIONS, vector
from maxsight_core.engine.runtimes.stage_b_base import check_inputs
from maxsight_core.engine.stage_b_inputs import looked_at
from maxsight_core.engine.stage_b_values import inputs
from maxsight_core.models.stage_b_contract import BOXES, MAP_HISTORY, PROFILE_SIZE

PICTURE = textured(224, 224)


def a_map(number: float) -> np.ndarray:
    return np.full((768, 14, 14), number, np.float32)


def things(count: int):
    return tuple(thing(track_id=number, box=(0.1 + 0.01 * number, 0.5, 0.2, 0.3)) for number in range(count))


@pytest.mark.parametrize("tier", ["T1", "T2", "T3", "T4", "T5"])
@pytest.mark.parametrize("full", [False, True])
def test_the_runtime_takes_what_is_made_for_it(tier, full):
    maps = [a_map(number) for number in range(10)] if full else []
    given = inputs(tier, textured(), things(20 if full else 0), maps, SessionSettings(),
                   np.ones(128) if full else None)
    check_inputs(given, tier)
    names = {"T1": {"picture", "boxes", "box_valid"}, "T2": {"stage_a_maps", "map_valid"},
             "T4": {"audio", "audio_valid", "profile"}}
    expected = set().union(*(more for first, more in names.items() if first <= tier))
    assert set(given) == expected


def test_a_frame_is_stretched_so_that_boxes_stay_what_they_are():
    frame = textured(300, 500)
    given = inputs("T1", frame, things(2), [], SessionSettings(), None)
    np.testing.assert_array_equal(given["picture"], detect.prepare(frame, 224, "stretch"))
    np.testing.assert_allclose(given["boxes"][0, 1], (0.11, 0.5, 0.2, 0.3), rtol=1e-6)


def test_a_picture_of_the_right_size_is_taken_as_it_is_and_not_shared():
    picture = PICTURE.copy()
    given = inputs("T1", picture, (), [], SessionSettings(), None)["picture"]
    np.testing.assert_array_equal(given[0], picture)
    assert not np.shares_memory(given, picture)


@pytest.mark.parametrize(("count", "valid"), [(0, 0), (3, 3), (16, 16), (21, 16)])
def test_boxes_come_in_order_and_are_filled_up_with_nothing(count, valid):
    given = inputs("T1", PICTURE, things(count), [], SessionSettings(), None)
    np.testing.assert_array_equal(given["box_valid"][0], [1.0] * valid + [0.0] * (BOXES - valid))
    columns = [0.1 + 0.01 * number for number in range(valid)]
    np.testing.assert_allclose(given["boxes"][0, :valid, 0], columns, rtol=1e-6)
    assert not given["boxes"][0, valid:].any()


def test_of_more_than_16_things_the_most_urgent_are_looked_at_in_the_order_given():
    """Broken by cutting off what comes last: the danger that Stage A listed seventeenth was never looked at."""
    many = list(things(20))
    many[19] = replace(many[19], urgency=3)
    many[17] = replace(many[17], time_to_contact_s=1.5)
    many[16] = replace(many[16], score=0.99)
    chosen = [one.track_id for one in looked_at(many)]
    assert chosen == [*range(13), 16, 17, 19]
    given = inputs("T1", PICTURE, many, [], SessionSettings(), None)
    np.testing.assert_allclose(given["boxes"][0, :, 0], [0.1 + 0.01 * number for number in chosen], rtol=1e-6)


@pytest.mark.parametrize("tier", ["T2", "T5"])
@pytest.mark.parametrize("count", [0, 1, 2, 8, 11])
def test_maps_are_newest_last_and_filled_up_in_front(tier, count):
    history = MAP_HISTORY[tier]
    given = inputs(tier, PICTURE, (), [a_map(number + 1) for number in range(count)], SessionSettings(), None)
    newest = [number + 1 for number in range(count)][-history:]
    expected = [0.0] * (history - len(newest)) + newest
    np.testing.assert_array_equal(given["stage_a_maps"][0, :, 5, 5, 5], expected)
    np.testing.assert_array_equal(given["map_valid"][0], np.array(expected) > 0)


def test_missing_sound_is_marked_and_sound_is_taken_as_it_is():
    silent = inputs("T4", PICTURE, (), [], SessionSettings(), None)
    assert not silent["audio"].any()
    assert silent["audio_valid"].tolist() == [[0.0]]
    heard = inputs("T4", PICTURE, (), [], SessionSettings(), np.linspace(-9, 9, 128))
    assert heard["audio_valid"].tolist() == [[1.0]]
    assert heard["audio"].dtype == np.float32
    np.testing.assert_allclose(heard["audio"][0], np.linspace(-9, 9, 128), rtol=1e-6)


@pytest.mark.parametrize(("change", "message"), [
    ({"audio": np.zeros(64)}, r"expected audio of 128 numbers.*got shape \[64\]"),
    ({"audio": np.zeros((1, 128))}, r"expected audio of 128 numbers.*got shape \[1, 128\]"),
    ({"audio": np.full(128, np.nan)}, "expected finite audio; got 128"),
    ({"stage_a_maps": [a_map(0), np.zeros((256, 14, 14))]},
     r"shape \[768, 14, 14\] each; map 1 of 2 has \[256, 14, 14\]"),
    ({"picture_rgb": np.zeros((224, 224), np.uint8)}, r"expected a uint8 frame of shape \[H, W, 3\]"),
    ({"picture_rgb": np.zeros((224, 224, 3), np.float32)}, "expected a uint8 frame.*float32"),
    ({"tier": "T0"}, "T1 to T5; got T0"),
    ({"tier": "T9"}, "expected one of T0, T1.*got 'T9'"),
])
def test_what_does_not_fit_is_refused_with_what_was_expected(change, message):
    given = {"tier": "T5", "picture_rgb": PICTURE, "detections": (), "stage_a_maps": [a_map(0)],
             "settings": SessionSettings(), "audio": None}
    with pytest.raises(ValueError, match=message):
        inputs(**{**given, **change})


def at(settings: SessionSettings, position: str) -> float:
    return float(vector(settings)[POSITIONS.index(position)])


def test_every_number_of_the_profile_has_its_name():
    assert len(POSITIONS) == len(set(POSITIONS)) == PROFILE_SIZE
    plain = vector(SessionSettings())
    assert plain.dtype == np.float32
    assert np.flatnonzero(plain).tolist() == [POSITIONS.index("verbosity: normal")]


@pytest.mark.parametrize(("settings", "expected"), [
    *(({"condition": name}, {f"condition: {name}": 1.0}) for name in CONDITIONS),
    *(({"verbosity": name}, {f"verbosity: {name}": 1.0}) for name in VERBOSITIES),
    ({"units": "feet"}, {"feet instead of metres": 1.0}),
    ({"directions": "clock"}, {"clock directions": 1.0}),
    ({"speech_wpm": 450}, {"speech rate": 1.0}),
    ({"speech_wpm": 80}, {"speech rate": -0.3704}),
    ({"camera_height_m": 3.0}, {"camera height": 1.0}),
    ({"camera_height_m": 0.3}, {"camera height": -0.6875}),
    ({"hfov_deg": 170.0}, {"field of view": 1.0}),
    ({"hfov_deg": 10.0}, {"field of view": -0.5385}),
    ({"patient_profile": {"logmar": 1.5}}, {"logMAR": 0.5, "logMAR is known": 1.0}),
    ({"patient_profile": {"logmar": 0}}, {"logMAR": 0.0, "logMAR is known": 1.0}),
    ({"patient_profile": {"log_cs": 1.25}}, {"log contrast sensitivity": 0.5, "contrast is known": 1.0}),
    ({"patient_profile": {"field_radius_deg": 9}}, {"radius of the remaining field": 0.1}),
])
def test_a_choice_is_written_where_the_table_says_and_nowhere_else(settings, expected):
    chosen = SessionSettings(**settings)
    for name, number in expected.items():
        assert at(chosen, name) == pytest.approx(number, abs=1e-4)
    differs = {POSITIONS[place] for place in np.flatnonzero(vector(chosen) != vector(SessionSettings()))}
    verbosities = {f"verbosity: {name}" for name in VERBOSITIES}
    assert differs - verbosities <= set(expected)
    assert float(np.abs(vector(chosen)).max()) <= 1.0


def test_silence_and_masking_are_no_part_of_a_person():
    np.testing.assert_array_equal(vector(SessionSettings(silenced=True, masked=True)), vector(SessionSettings()))


@pytest.mark.parametrize(("point", "part"), [
    ((3.0, 3.0), "centre"), ((-21.0, 3.0), "left"), ((21.0, -3.0), "right"), ((3.0, 21.0), "up"),
    ((-3.0, -21.0), "down"),
])
def test_a_loss_of_field_is_told_by_its_side(point, part):
    field = {"visual_field": [[*point, -10.0], [*point, -30.0]]}
    settings = SessionSettings(patient_profile=field)
    assert at(settings, f"field loss: {part}") == pytest.approx((0.9 + 0.999) / 2)
    assert at(settings, "field is known") == 1.0
    assert all(at(settings, f"field loss: {other}") == 0.0 for other in FIELD_PARTS if other != part)


@pytest.mark.parametrize("broken", [
    {"logmar": "good"}, {"logmar": float("nan")}, {"log_cs": 9.0}, {"visual_field": [[1, 2]]}, {"visual_field": "all"},
    {"field_radius_deg": True},
])
def test_a_broken_figure_counts_as_not_known(broken):
    np.testing.assert_array_equal(vector(SessionSettings(patient_profile=broken)), vector(SessionSettings()))
