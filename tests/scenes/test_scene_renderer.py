"""Frames are deterministic, random-access, different for other seeds, and really show something."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest

from maxsight_core import taxonomy
from maxsight_core.scenes import LIGHTS, SCENE_NAMES, SceneRenderer, light_jpeg, parse_spec

SMALL = "size=240x180&seconds=30"


def _spec(scene: str, more: str = "") -> str:
    return f"scene:{scene}?{SMALL}{more}"


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_a_second_renderer_gives_the_same_bytes_in_any_order(scene, renderer):
    """Determinism and random access: no frame depends on the frames asked for before it."""
    text = f"scene:{scene}?size=240x180&seconds=16&noise=0.02"
    first, again = renderer(text), SceneRenderer(parse_spec(text))
    ahead = {index: first.frame(index) for index in (0, 40, 87, 150)}
    for index in (150, 0, 87):
        frame = again.frame(index)
        assert frame.rgb.tobytes() == ahead[index].rgb.tobytes()
        assert frame.truth.to_json() == ahead[index].truth.to_json()


def test_another_process_gives_the_same_bytes(renderer):
    """Guards against anything that depends on hash seeds or on what ran before."""
    code = ("from maxsight_core.scenes import SceneRenderer, parse_spec; import hashlib;"
            f"print(hashlib.sha256(SceneRenderer(parse_spec({_spec('corridor')!r})).frame(60).rgb.tobytes()).hexdigest())")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert out == hashlib.sha256(renderer(_spec("corridor")).frame(60).rgb.tobytes()).hexdigest()


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_another_seed_gives_another_picture(scene, renderer):
    a, b = (renderer(_spec(scene, f"&seed={seed}")).frame(30).rgb.astype(int) for seed in (1, 2))
    assert np.abs(a - b).mean() > 4.0


@pytest.mark.parametrize("scene", SCENE_NAMES)
@pytest.mark.parametrize("light", LIGHTS)
def test_no_frame_is_blank_in_any_light(scene, light, renderer):
    seconds = 30 if scene in ("corridor", "street") else 8  # a short walk is built sooner
    frame = renderer(f"scene:{scene}?size=240x180&seconds={seconds}&light={light}").frame(70)
    grey = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY)
    assert frame.rgb.shape == (180, 240, 3) and frame.rgb.dtype == np.uint8
    assert grey.std() > 5.0 and len(np.unique(grey)) > 40
    assert cv2.Laplacian(grey, cv2.CV_64F).var() > 15.0, "optical flow and HOG need texture"


def test_light_changes_the_brightness_in_the_expected_order(renderer):
    day, dim, night = (renderer(_spec("street", f"&light={light}")).frame(70).rgb.mean() for light in LIGHTS[:3])
    assert day > 1.4 * dim > 1.4 * 1.4 * night


def test_fog_hides_the_distance_and_keeps_the_foreground(renderer):
    clear, fog = (renderer(_spec("corridor", more)).frame(20, depth=True) for more in ("", "&fog=0.8"))
    far, near = clear.depth > 15, clear.depth < 3.2
    assert far.sum() > 50 and near.sum() > 50

    def contrast(frame, where):
        return frame.rgb[where].astype(float).std()

    assert contrast(fog, far) < 0.35 * contrast(clear, far)
    assert contrast(fog, near) > 1.5 * contrast(fog, far)


def test_noise_has_the_strength_that_was_asked_for(renderer):
    clean, noisy = (renderer(_spec("corridor", more)).frame(20).rgb.astype(int) for more in ("", "&noise=0.04"))
    middle = (clean > 60) & (clean < 190)
    assert (noisy - clean)[middle].std() / 255 == pytest.approx(0.04, rel=0.05)


def test_motion_blur_smears_what_moves(renderer):
    sharp, blurred = (renderer(_spec("corridor", more)).frame(150).rgb for more in ("&fps=10", "&fps=10&blur=1"))

    def detail(rgb):
        return cv2.Laplacian(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()

    assert detail(blurred) < 0.8 * detail(sharp)


def test_shake_zero_keeps_the_camera_level_and_steady(renderer):
    steady = [renderer(_spec("corridor", "&shake=0")).frame(i).truth.camera.pose for i in range(0, 30, 3)]
    walking = [renderer(_spec("corridor")).frame(i).truth.camera.pose for i in range(0, 30, 3)]
    assert np.ptp([pose.y for pose in steady]) == 0 and np.ptp([pose.roll_deg for pose in steady]) == 0
    assert np.ptp([pose.y for pose in walking]) > 0.01 and np.ptp([pose.roll_deg for pose in walking]) > 0.1


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_every_class_is_in_the_taxonomy_and_ids_are_stable(scene, renderer):
    things = renderer(_spec(scene)).world.things
    assert len({thing.number for thing in things}) == len(things) > 20
    for thing in things:
        assert taxonomy.by_id(thing.class_id).name == thing.class_name
    seen: dict[int, str] = {}
    for index in range(0, 300, 30):
        for item in renderer(_spec(scene)).frame(index).truth.objects:
            assert seen.setdefault(item.id, item.class_name) == item.class_name


def test_a_frame_outside_the_scene_is_refused(renderer):
    scene = renderer(_spec("corridor"))
    assert len(scene) == 300
    for index in (-1, 300):
        with pytest.raises(IndexError, match=r"0\.\.299"):
            scene.frame(index)


def test_light_jpeg_is_a_picture_of_the_frame_and_the_same_from_every_thread(renderer):
    text, results = _spec("street"), {}

    def work(number: int) -> None:
        results[number] = [light_jpeg(text, i) for i in (3, 4, 5)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and all(result == results[0] for result in results.values())
    decoded = cv2.cvtColor(cv2.imdecode(np.frombuffer(results[0][1], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(decoded.astype(int) - renderer(text).frame(4).rgb).mean() < 6.0
    with pytest.raises(ValueError, match=r"1\.\.100"):
        light_jpeg(text, 0, quality=0)


def test_the_command_writes_pictures_depth_and_truth(tmp_path):
    truth = tmp_path / "truth.jsonl"
    subprocess.run([sys.executable, "-m", "maxsight_core.scenes", _spec("corridor"), "--out", str(tmp_path / "out"),
                    "--frames", "2", "--depth", "--truth", str(truth)], check=True, capture_output=True)
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    assert [line["index"] for line in lines] == [0, 1] and lines[0]["objects"]
    assert cv2.imread(str(tmp_path / "out" / "frame_000001.png")).shape == (180, 240, 3)
    depth = cv2.imread(str(tmp_path / "out" / "depth_000000.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16 and 500 < np.median(depth[-20:]) < 6000, "millimetres of the floor ahead"


def test_the_command_writes_a_video_that_plays(tmp_path):
    video = tmp_path / "walk.mp4"
    subprocess.run([sys.executable, "-m", "maxsight_core.scenes", _spec("corridor"), "--out", str(video),
                    "--frames", "5"], check=True, capture_output=True)
    capture = cv2.VideoCapture(str(video))
    count = 0
    while capture.read()[0]:
        count += 1
    assert count == 5


@pytest.mark.parametrize(("arguments", "hint"), [
    (["scene:moon", "--out", "x"], "corridor"), (["scene:corridor", "--out", "x.mp4", "--depth"], "folder"),
    (["scene:corridor", "--out", "x", "--frames", "0"], "at least 1"),
])
def test_the_command_refuses_nonsense_with_exit_code_2(arguments, hint, capsys):
    from maxsight_core.scenes.cli import main

    assert main(arguments) == 2
    assert hint in capsys.readouterr().err
