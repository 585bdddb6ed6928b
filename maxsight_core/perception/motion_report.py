"""Measures the motion path: what approaches and is reported, how exact its time to contact is, what alarms falsely.

Run::

    python -m maxsight_core.perception.motion_report                       # synthetic textures only
    python -m maxsight_core.perception.motion_report --data ../shared/data # photographs and real videos too
    python -m maxsight_core.perception.motion_report --data DIR --json motion.json --sequences 40

Approaches are composed: a thing at constant closing speed over a backdrop seen by a panning, shaking camera, through
sensor noise and JPEG. Videos are taken as they are; in none of them does anything approach, so every report is false.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from maxsight_core.contracts import Camera, Detection, Frame
from maxsight_core.perception import motion_scenarios as scenarios
from maxsight_core.perception.motion import MotionTracker
from maxsight_core.perception.motion_scenarios import Scenario, Sprite, Truth

FPS = (5.0, 10.0, 25.0)
HEIGHTS_AT_1S_PX = (120.0, 200.0, 350.0)
"""Height one second before contact: a person met at 6.8, 4.0, 2.3 m/s by a 66 degree camera."""
IN_TIME_S = 1.5  # an approach reported with less time left came too late
STOP_S = 2.5  # the alert policy's P0
JUDGED_BELOW_S = 5.0  # times to contact are compared below this: alerts begin here
SAME_THING = 0.3  # overlap, of the smaller box, that makes a report the true thing
VIDEOS = (
    ("one-by-one-person-detection.mp4", (1, 2)), ("bottle-detection.mp4", (1, 2, 6)),
    ("pan_street_a.mp4", (1, 3)), ("pan_street_b.mp4", (1, 3)),
)
"""File and the frame steps it is played at."""


@dataclass
class Figures:
    """Sums of one group of sequences."""

    sequences: int = 0
    seconds: float = 0.0
    approaches: int = 0
    reported_in_time: int = 0
    long_approaches: int = 0
    reported_before_stop: int = 0
    first_seconds_left: list[float] = field(default_factory=list)
    time_errors: list[float] = field(default_factory=list)
    on_course: list[bool] = field(default_factory=list)
    false_reports: int = 0
    false_alerts: int = 0
    false_stops: int = 0
    cpu_ms: list[float] = field(default_factory=list)

    def row(self) -> dict[str, float | int | None]:
        """The figures as the table and JSON show them."""
        minutes = max(1e-9, self.seconds / 60.0)
        errors = np.abs(self.time_errors)
        return {
            "sequences": self.sequences, "minutes": round(minutes, 2),
            "recall": _share(self.reported_in_time, self.approaches),
            "recall_before_stop": _share(self.reported_before_stop, self.long_approaches),
            "first_report_s_left": _median(self.first_seconds_left),
            "ttc_median_rel_error": _median(errors), "ttc_p90_rel_error": _quantile(errors, 0.9),
            "ttc_median_bias": _median(self.time_errors), "on_course_share": _share(sum(self.on_course),
                                                                                    len(self.on_course)),
            "false_reports_per_min": round(self.false_reports / minutes, 2),
            "false_alerts_per_min": round(self.false_alerts / minutes, 2),
            "false_stops_per_min": round(self.false_stops / minutes, 2),
            "cpu_ms_median": _median(self.cpu_ms), "cpu_ms_p95": _quantile(self.cpu_ms, 0.95),
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _median(values: Iterable[float]) -> float | None:
    return _quantile(values, 0.5)


def _quantile(values: Iterable[float], share: float) -> float | None:
    array = np.asarray(list(values), float)
    return round(float(np.quantile(array, share)), 3) if array.size else None


def run_sequence(frames: Iterable[tuple[Frame, Truth]], into: Figures) -> list[tuple[Truth, tuple[Detection, ...]]]:
    """Plays one sequence through a fresh tracker and adds its figures; returns what was true and reported per frame."""
    tracker = MotionTracker()
    played: list[tuple[Truth, tuple[Detection, ...]]] = []
    times: list[float] = []
    for frame, truth in frames:
        camera = Camera(frame.width, frame.height)
        began = time.thread_time()
        found = tracker.update(frame, camera).approaching
        into.cpu_ms.append((time.thread_time() - began) * 1e3)
        played.append((truth, found))
        times.append(frame.time_s)
    into.sequences += 1
    into.seconds += times[-1] - times[0] if times else 0.0
    _judge(played, into)
    return played


def _judge(played: list[tuple[Truth, tuple[Detection, ...]]], into: Figures) -> None:
    first: float | None = None
    false: dict[int, list[Detection]] = {}
    for truth, found in played:
        for one in found:
            if truth.time_to_contact_s is None or truth.box is None or not same_thing(one, truth.box):
                false.setdefault(one.track_id, []).append(one)
                continue
            first = truth.time_to_contact_s if first is None else first
            if truth.time_to_contact_s < JUDGED_BELOW_S:
                into.time_errors.append(one.time_to_contact_s / truth.time_to_contact_s - 1.0)
                into.on_course.append(one.on_course)
    into.false_reports += len(false)
    for reports in false.values():
        soonest = min((d.time_to_contact_s for d in reports if d.on_course), default=math.inf)
        into.false_alerts += soonest < JUDGED_BELOW_S
        into.false_stops += soonest < STOP_S
    longest = max((t.time_to_contact_s for t, _ in played if t.time_to_contact_s is not None), default=None)
    if longest is None:
        return
    into.approaches += 1
    into.reported_in_time += first is not None and first >= IN_TIME_S
    if longest > STOP_S + 0.8:  # the first three frames and a quarter second are needed before anything can be said
        into.long_approaches += 1
        into.reported_before_stop += first is not None and first >= STOP_S
    if first is not None:
        into.first_seconds_left.append(first)


def same_thing(one: Detection, box: tuple[float, float, float, float]) -> bool:
    """True when a report lies on the true box (x0, y0, x1, y1)."""
    cx, cy, w, h = one.box_cxcywh
    x0, y0, x1, y1 = (min(1.0, max(0.0, v)) for v in box)
    width = min(cx + w / 2, x1) - max(cx - w / 2, x0)
    height = min(cy + h / 2, y1) - max(cy - h / 2, y0)
    least = min(w * h, (x1 - x0) * (y1 - y0))
    return width > 0 and height > 0 and width * height > SAME_THING * least


def approaches(
    backdrops: list[np.ndarray], sprites: list[Sprite], fps: float, count: int, seed: int
) -> Iterator[Scenario]:
    """Things on a collision course, at several sizes, bearings and speeds; the camera stands, pans slowly or shakes."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        contact_s, x_px = float(rng.uniform(3.0, 5.5)), float(rng.uniform(160, 480))
        pan_px = float(rng.choice([-60, -20, 0, 0, 20, 60]))
        base = scenarios.shake(i) if rng.random() < 0.5 else scenarios.still
        yield Scenario(
            f"approach {i}", backdrops[rng.integers(len(backdrops))],
            scenarios.frame_times(contact_s - 0.8, fps, 0.3, seed=i),
            pose=scenarios.pan(pan_px, base, start_px=-pan_px * contact_s / 2),
            sprite=sprites[rng.integers(len(sprites))],
            placement=scenarios.closing(contact_s, float(rng.choice(HEIGHTS_AT_1S_PX)), x_px=x_px), seed=i)


def walks(backdrops: list[np.ndarray], sprites: list[Sprite], fps: float, count: int, seed: int) -> Iterator[Scenario]:
    """A walking wearer meets a standing thing: the backdrop grows too, three to six times slower."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        contact_s = float(rng.uniform(3.0, 5.0))
        far_s = contact_s * float(rng.uniform(3.0, 6.0))
        step = scenarios.shake(i)
        yield Scenario(
            f"walk {i}", backdrops[rng.integers(len(backdrops))],
            scenarios.frame_times(contact_s - 0.8, fps, 0.3, seed=i),
            pose=lambda t, far_s=far_s, step=step: replace(step(t), zoom=far_s / (far_s - t)),
            sprite=sprites[rng.integers(len(sprites))],
            placement=scenarios.closing(contact_s, 260.0, x_px=float(rng.uniform(240, 400))), seed=i)


def passers(
    backdrops: list[np.ndarray], sprites: list[Sprite], fps: float, count: int, seed: int
) -> Iterator[Scenario]:
    """Things that cross the view without coming nearer, before a panning, shaking camera."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        speed, height = float(rng.choice([-1, 1]) * rng.uniform(60, 250)), float(rng.choice([120, 200, 300]))
        start = -50.0 if speed > 0 else 690.0
        base = scenarios.shake(i) if rng.random() < 0.6 else scenarios.still
        yield Scenario(
            f"passer {i}", backdrops[rng.integers(len(backdrops))], scenarios.frame_times(3.0, fps, 0.3, seed=i),
            pose=scenarios.pan(float(rng.choice([-40, 0, 0, 40])), base), sprite=sprites[rng.integers(len(sprites))],
            placement=lambda t, s=start, v=speed, h=height: scenarios.Placement(s + v * t, 240.0, h), seed=i)


def cameras(backdrops: list[np.ndarray], fps: float, count: int, seed: int) -> Iterator[Scenario]:
    """Nothing but the camera: strong shake, roll, pan, slow zoom; every second one under flickering light."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        zoom, turn = float(rng.choice([0.0, 0.08, 0.15])), scenarios.shake(i, 6.0, 1.5)
        pose = scenarios.pan(float(rng.choice([-150, 0, 80])), turn)
        yield Scenario(
            f"camera {i}", backdrops[rng.integers(len(backdrops))], scenarios.frame_times(4.0, fps, 0.3, seed=i),
            pose=lambda t, pose=pose, zoom=zoom: replace(pose(t), zoom=1.0 + zoom * t),
            gain=(lambda t: 1.0 + 0.25 * math.sin(9.0 * t)) if i % 2 else None, seed=i)


def video_frames(path: Path, step: int) -> Iterator[tuple[Frame, Truth]]:
    """Every ``step``-th frame of a video on its own clock, at most 640 px wide, without any approach in it."""
    capture = cv2.VideoCapture(str(path))
    fps = capture.get(cv2.CAP_PROP_FPS)
    if not capture.isOpened() or fps <= 0:
        raise OSError(f"cannot read the video {path}: expected a file OpenCV can decode, with a frame rate")
    index = -1
    while True:
        ok, bgr = capture.read()
        index += 1
        if not ok:
            return
        if index % step:
            continue
        if bgr.shape[1] > scenarios.WIDTH_PX:
            height = round(bgr.shape[0] * scenarios.WIDTH_PX / bgr.shape[1])
            bgr = cv2.resize(bgr, (scenarios.WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        yield Frame(np.ascontiguousarray(bgr[..., ::-1]), index / fps, index), Truth()


def measure(data: Path | None, count: int, seed: int = 7) -> dict[str, Figures]:
    """All groups; with ``data`` photographs instead of synthetic textures, and the real videos."""
    if data is not None:
        backdrops, sprites = scenarios.load_coco_material(data / "coco_cc", 100)
    else:
        backdrops = [scenarios.synthetic_texture(i) for i in range(8)]
        sprites = [scenarios.synthetic_sprite(i, 0.4 + 0.1 * (i % 6), bool(i % 2)) for i in range(8)]
    groups: dict[str, Figures] = {}
    for fps in FPS:
        label = f"{fps:.0f} fps"
        for name, made in (
            (f"approach, {label}", approaches(backdrops, sprites, fps, count, seed)),
            (f"walking wearer, {label}", walks(backdrops, sprites, fps, max(1, count // 2), seed)),
            (f"passers-by, {label}", passers(backdrops, sprites, fps, max(1, count // 2), seed)),
            (f"camera only, {label}", cameras(backdrops, fps, max(2, count // 4), seed)),
        ):
            groups[name] = Figures()
            for scenario in made:
                run_sequence(scenario.frames(), groups[name])
    if data is not None:
        for file, steps in VIDEOS:
            for step in steps:
                name = f"{file}, every {step}" if step > 1 else file
                groups[name] = Figures()
                run_sequence(video_frames(data / "video" / file, step), groups[name])
    return groups


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, help="folder with coco_cc/ and video/; without it synthetic textures")
    parser.add_argument("--sequences", type=int, default=20, help="approaches per frame rate (default 20)")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    groups = measure(options.data, options.sequences)
    columns = ("recall", "recall_before_stop", "first_report_s_left", "ttc_median_rel_error", "ttc_p90_rel_error",
               "on_course_share", "false_reports_per_min", "false_alerts_per_min", "false_stops_per_min",
               "cpu_ms_median")
    print("| group | n | min | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * (len(columns) + 2))
    for name, figures in groups.items():
        row = figures.row()
        cells = ("-" if row[c] is None else str(row[c]) for c in columns)
        print(f"| {name} | {row['sequences']} | {row['minutes']} | " + " | ".join(cells) + " |")
    if options.json is not None:
        body = {name: {**figures.row(), "raw": asdict(figures)} for name, figures in groups.items()}
        options.json.write_text(json.dumps(body, indent=1))


if __name__ == "__main__":
    main()
