"""The command line, as a person calls it."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from support.data import REPOSITORY, shared_data

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.engine import Engine
from maxsight_core.outputs import NAMES
from maxsight_core.process import main
from maxsight_core.sources import SourceError, open_source


@pytest.fixture
def command(engine, monkeypatch):
    """``main`` on the suite's one engine, so that each call does not compile the network again."""
    monkeypatch.setattr("maxsight_core.process.Engine", lambda config: engine)
    return main


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_video(path, count=12, size=(320, 240)):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, size)
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 255, (480, 640, 3), np.uint8), (0, 0), 2)
    for i in range(count):
        writer.write(texture[i : i + size[1], i * 2 : i * 2 + size[0]])
    writer.release()
    return path


def test_a_rendered_scene_gives_one_object_a_frame_with_every_output(command, tmp_path):
    out = tmp_path / "out.jsonl"
    assert command(["scene:corridor?seed=1", "--json", str(out), "--max-frames", "5", "--quiet"]) == 0
    frames = lines(out)
    assert [frame["frame"] for frame in frames] == list(range(5))
    for frame in frames:
        assert set(frame["outputs"]) == set(NAMES)
        assert set(frame) == {"frame", "time_s", "outputs", "alerts", "stage_b", "timings_ms"}
        for output in frame["outputs"].values():
            assert output["source"] in ("learned", "measured", "unavailable")
            assert ("value" in output) != ("summary" in output)


def test_a_video_a_folder_and_a_picture_are_read_and_the_annotated_copy_plays(command, tmp_path):
    out, copy = tmp_path / "out.jsonl", tmp_path / "copy.mp4"
    assert command([str(write_video(tmp_path / "v.mp4")), "--json", str(out), "--annotate", str(copy), "--quiet"]) == 0
    assert len(lines(out)) == 12
    capture = cv2.VideoCapture(str(copy))
    assert capture.read()[0]
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(2):
        cv2.imwrite(str(folder / f"{i}.png"), np.full((120, 160, 3), 90 + i * 40, np.uint8))
    assert command([str(folder), "--json", str(out), "--quiet"]) == 0
    assert len(lines(out)) == 2
    assert command([str(folder / "0.png"), "--json", str(out), "--quiet"]) == 0
    assert len(lines(out)) == 1


@pytest.mark.parametrize(("make", "words"), [
    (lambda t: str(t / "nothing.mp4"), "no such file"),
    (str, "holds no picture"),
    (lambda t: str((t / "text.mp4").write_text("not a video") and t / "text.mp4"), "no frame can be read"),
    (lambda t: str((t / "text.jpg").write_text("not a picture") and t / "text.jpg"), "not a picture"),
    (lambda t: "scene:moon?seed=1", "moon"),
])
def test_what_cannot_be_read_is_refused_in_one_clear_line(command, tmp_path, capsys, make, words):
    assert command([make(tmp_path), "--json", str(tmp_path / "out.jsonl"), "--quiet"]) == 2
    message = capsys.readouterr().err.strip()
    assert words in message
    assert "\n" not in message
    assert "Traceback" not in message


def test_an_output_that_cannot_be_written_is_refused(command, tmp_path, capsys):
    assert command(["scene:corridor?seed=1", "--json", str(tmp_path / "no" / "out.jsonl"), "--quiet"]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert command(["scene:corridor?seed=1", "--json", str(tmp_path / "o.jsonl"), "--annotate",
                    str(tmp_path / "no" / "copy.mp4"), "--quiet"]) == 2
    assert "folder does not exist" in capsys.readouterr().err


def test_a_checkpoint_that_is_none_is_refused_in_one_clear_line(tmp_path):
    (tmp_path / "weights.pt").write_text("these are not weights")
    done = subprocess.run(
        [sys.executable, "-m", "maxsight_core.process", "scene:corridor?seed=1", "--json", str(tmp_path / "o.jsonl"),
         "--max-frames", "1", "--quiet"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "MAXSIGHT_CHECKPOINT_PATH": str(tmp_path / "weights.pt")},
    )
    assert done.returncode == 2
    assert "weights.pt" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_condition_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["scene:corridor?seed=1", "--json", "-", "--condition", "tiredness"])
    assert "glaucoma" in capsys.readouterr().err


@pytest.mark.parametrize("clip", ["pan_street_a.mp4", "bottle-detection.mp4", "one-by-one-person-detection.mp4"])
def test_real_clips_are_read_to_the_frame_they_declare_in_time_order(clip):
    source = open_source(str(shared_data("video", clip)))
    times = []
    for frame in source.frames():
        times.append(frame.time_s)
        if len(times) == 40:
            break
    assert len(times) == 40
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
    assert times[-1] == pytest.approx(39 / source.fps, rel=0.1)


def test_an_empty_video_is_refused(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(SourceError, match="at least one frame"):
        open_source(str(tmp_path / "empty.mp4"))


def test_condition_reaches_the_session(engine):
    assert isinstance(engine, Engine)
    assert engine.new_session(SessionSettings(condition="cvi")).settings.condition == "cvi"
