"""Recordings: kept exactly, decided again to the last bit, refused when they are not whole."""

from __future__ import annotations

import json
import shutil

import cv2
import pytest

from maxsight_core.alerts.inputs import AlertInputs
from maxsight_core.alerts.policy import AlertPolicy
from maxsight_core.contracts import SessionSettings
from maxsight_core.replay import recording
from maxsight_core.replay.__main__ import main
from maxsight_core.replay.player import play
from maxsight_core.replay.recording import Recorder, RecordingError

SOURCE = "scene:corridor?seed=2&seconds=8"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "run"
    assert main(["record", SOURCE, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def test_its_own_policy_decides_the_same_to_the_last_bit(made, capsys):
    read = recording.read(made)
    assert len(read.frames) == 80
    assert any(frame.inputs.detections for frame in read.frames)
    assert any(frame.decisions for frame in read.frames)
    assert all(played.same for played in play(read))
    assert main(["play", str(made)]) == 0
    assert "0 decided otherwise than recorded" in capsys.readouterr().out


def test_the_pictures_seen_anew_give_the_same_too(made, capsys):
    assert main(["play", str(made), "--checkpoint", "none"]) == 0
    assert "0 decided otherwise than recorded" in capsys.readouterr().out


def test_another_policy_tells_other_things_and_the_audience_gets_its_own_view(made, tmp_path, capsys):
    policy, out = tmp_path / "deaf.json", tmp_path / "out.jsonl"
    policy.write_text('{"p0_time_to_contact_s": 0.1, "vehicle_p0_time_to_contact_s": 0.1, "p1_time_to_contact_s": 0.2}')
    assert main(["play", str(made), "--policy", str(policy), "--json", str(out), "--audience", "patient"]) == 0
    assert "- " in capsys.readouterr().out  # something told before is not told now
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 81  # every frame, and the end of the session
    assert all("reason" not in alert for line in lines for alert in line["alerts"])


def test_a_recorded_walk_through_a_scene_is_scored(made, tmp_path):
    out = tmp_path / "score.json"
    assert main(["score", "--recordings", str(made), "--json", str(out)]) == 0
    system = json.loads(out.read_text())["system"]
    assert system["hazard_recall"]["n"] >= 1
    assert system["tier1_availability"]["value"] is None  # not part of a recording


def test_real_pictures_need_consent_and_can_be_kept(tmp_path, capsys):
    picture, folder = tmp_path / "picture.png", tmp_path / "run"
    cv2.imwrite(str(picture), cv2.randu(cv2.UMat(48, 64, cv2.CV_8UC3), 0, 255).get())
    assert main(["record", str(picture), "--out", str(folder)]) == 2
    assert "says who agreed to it and when" in capsys.readouterr().err
    kept = ["--out", str(folder), "--consent", "A. Patient, 2026-11-27", "--pictures"]
    assert main(["record", str(picture), *kept]) == 0
    read = recording.read(folder)
    assert read.about["consent"] == "A. Patient, 2026-11-27"
    assert (cv2.imread(str(read.picture(0))) == cv2.imread(str(picture))).all()
    assert main(["play", str(folder), "--checkpoint", "none"]) == 0
    read.picture(0).unlink()
    assert main(["play", str(folder), "--checkpoint", "none"]) == 2
    assert "picture 0 is missing or damaged" in capsys.readouterr().err


def test_a_folder_with_something_in_it_is_not_overwritten(copy, capsys):
    before = (copy / recording.ABOUT_FILE).read_bytes()
    assert main(["record", SOURCE, "--out", str(copy)]) == 2
    assert "is not empty; give a new folder" in capsys.readouterr().err
    assert (copy / recording.ABOUT_FILE).read_bytes() == before


def test_a_recording_that_was_cut_off_is_not_taken_for_a_whole_one(tmp_path):
    recorder = Recorder(tmp_path / "run", source=SOURCE, consent=None, settings=SessionSettings(),
                        policy=AlertPolicy(), perception={})
    recorder.add(AlertInputs(seq=0, time_s=0.0), ())
    recorder.abandon()
    with pytest.raises(RecordingError, match="was cut off before its end"):
        recording.read(tmp_path / "run")


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda folder: (folder / recording.FRAMES_FILE).open("a").write("{}\n"), "is damaged: its SHA-256"),
    (lambda folder: (folder / recording.FRAMES_FILE).unlink(), "is damaged: its SHA-256"),
    (lambda folder: (folder / recording.ABOUT_FILE).write_text("{"), "not JSON"),
    (lambda folder: (folder / recording.ABOUT_FILE).write_text('{"format": 9}'), "expected format 1; got 9"),
    (shutil.rmtree, "no recording here"),
])
def test_what_cannot_be_read_says_what_is_wrong(copy, capsys, spoil, message):
    spoil(copy)
    assert main(["play", str(copy)]) == 2
    assert message in capsys.readouterr().err


def test_a_line_of_another_version_is_named(copy):
    path, about = copy / recording.FRAMES_FILE, copy / recording.ABOUT_FILE
    lines = path.read_text().splitlines()
    lines[3] = '{"inputs": {"seq": 3, "time_s": 0.3, "colour": "red"}, "decisions": []}'
    path.write_text("\n".join(lines) + "\n")
    body = json.loads(about.read_text())
    body["frames_sha256"] = recording._sha256(path)
    about.write_text(json.dumps(body))
    with pytest.raises(RecordingError, match=r"line 4: not a frame of this version \(AlertInputs: unknown field col"):
        recording.read(copy)


def test_a_recording_of_something_without_truth_cannot_be_scored(tmp_path, capsys):
    recorder = Recorder(tmp_path / "run", source="walk.mp4", consent="A", settings=SessionSettings(),
                        policy=AlertPolicy(), perception={})
    recorder.add(AlertInputs(seq=0, time_s=0.0), ())
    recorder.finish()
    assert main(["score", "--recordings", str(tmp_path / "run")]) == 2
    assert "walk.mp4 has no ground truth" in capsys.readouterr().err


def test_a_deaf_policy_is_not_excused_from_what_it_does_not_look_for(made, tmp_path):
    """Hazards are those of the default policy, whatever policy is scored."""
    policy, out = tmp_path / "deaf.json", tmp_path / "score.json"
    policy.write_text('{"p0_time_to_contact_s": 0.1, "vehicle_p0_time_to_contact_s": 0.1, "p1_time_to_contact_s": 0.2}')
    assert main(["score", "--recordings", str(made), "--policy", str(policy), "--json", str(out)]) == 0
    deaf = json.loads(out.read_text())["system"]["hazard_recall"]
    assert main(["score", "--recordings", str(made), "--json", str(out)]) == 0
    heard = json.loads(out.read_text())["system"]["hazard_recall"]
    assert deaf["n"] == heard["n"] >= 1
    assert deaf["value"] < heard["value"]
