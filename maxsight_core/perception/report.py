"""How good the measured estimators are on real photographs: honest figures, whatever they are.

    python -m maxsight_core.perception.report --data DIR [--every 1] [--out figures.md]

``DIR`` holds the labelled sets (``coco_cc``, ``road_signs``, ``ocr_signs``, ``depth_rgbd``, ``crosswatch_pan``);
a set that is absent is named and left out. ``--every 4`` takes each fourth photograph. One core, a few minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from maxsight_core.contracts import Camera, EgoMotion, Frame, MotionResult, SceneView, SessionSettings
from maxsight_core.perception import (
    colours,
    contrast,
    depth,
    frame_quality,
    glare,
    navigation,
    ocr,
    path_guidance,
    pedestrians,
)
from maxsight_core.perception.geometry import centre_box, iou

STOP_SIGN, CROSSING_SIGN, SPEED_SIGN, PERSON = 13, 1005, 1006, 1
MATCH_IOU = 0.4
"""A report of a person counts as right from this overlap: HOG windows have a fixed shape, people do not."""
LARGE_SHARE, UPRIGHT_RATIO = 0.3, 1.8
FRAME_SIDE_PX = 640
CLAIMED_SD_SHARE = 0.5
"""Cells whose own standard deviation is under this share of their depth claim to know something."""
BORDER_PX = 16
"""Cut off all round the Kinect pictures, whose registration leaves a white border."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    estimator: str
    data: str
    figure: str


def load(path: Path, side_px: int | None = None) -> np.ndarray:
    """[H, W, 3] uint8 RGB, reduced to ``side_px`` on its longer side as the browser does."""
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise FileNotFoundError(f"report: expected a readable picture at {path}")
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    scale = (side_px or 0) / max(rgb.shape[:2])
    return cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if 0 < scale < 1 else rgb


def view_of(rgb: np.ndarray, camera: Camera | None = None) -> SceneView:
    """A view of one picture without detections or motion."""
    height, width = rgb.shape[:2]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    scale = min(1.0, 256 / width)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return SceneView(Frame(rgb, 0.0, 0), grey, small, camera or Camera(width, height), (),
                     MotionResult(None, None, EgoMotion()), frame_quality.measure(rgb), SessionSettings(), {}, {})


def photographs(data: Path, every: int) -> list[np.ndarray]:
    files = sorted((data / "coco_cc" / "images").iterdir())[::every]
    return [load(path, FRAME_SIDE_PX) for path in files]


def labelled(folder: Path) -> Iterator[tuple[dict, np.ndarray, list[dict]]]:
    """(image entry, picture, annotations) of a COCO JSON folder."""
    held = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    boxes: dict[int, list[dict]] = {}
    for box in held["annotations"]:
        boxes.setdefault(box["image_id"], []).append(box)
    for image in held["images"]:
        name = image["file_name"]
        path = folder / name if (folder / name).exists() else folder / "images" / name
        yield image, load(path), boxes.get(image["id"], [])


def _darker(rgb: np.ndarray, factor: float) -> np.ndarray:
    grain = np.random.default_rng(0).normal(0.0, 4.0, rgb.shape)
    return np.clip(((rgb / 255.0) ** 2.2 * factor) ** (1 / 2.2) * 255.0 + grain, 0, 255).astype(np.uint8)


def _brighter(rgb: np.ndarray, factor: float) -> np.ndarray:
    return (np.clip((rgb / 255.0) ** 2.2 * factor, 0, 1) ** (1 / 2.2) * 255.0).astype(np.uint8)


def _covered(rgb: np.ndarray) -> np.ndarray:
    grain = np.random.default_rng(0).normal(0.0, 3.0, rgb.shape)
    return np.clip(cv2.GaussianBlur(rgb, (0, 0), 90) * 0.3 + np.array([120, 50, 40]) + grain, 0, 255).astype(np.uint8)


SPOILED: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("as taken", lambda rgb: rgb),
    ("Gaussian blur 2 px", lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 2)),
    ("Gaussian blur 4 px", lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 4)),
    ("Gaussian blur 8 px", lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 8)),
    ("motion blur 50 px", lambda rgb: cv2.blur(rgb, (50, 1))),
    ("light / 20, grain", lambda rgb: _darker(rgb, 0.05)),
    ("light / 100, grain", lambda rgb: _darker(rgb, 0.01)),
    ("light x 15, clipped", lambda rgb: _brighter(rgb, 15.0)),
    ("finger on the lens", _covered),
)


def quality_rows(data: Path, every: int) -> list[Row]:
    """Uncertainty of photographs as taken and spoiled."""
    photos, rows = photographs(data, every), []
    for name, spoil in SPOILED:
        doubt = np.array([frame_quality.measure(np.ascontiguousarray(spoil(photo))).uncertainty for photo in photos])
        low, middle, high = np.percentile(doubt, [5, 50, 95])
        rows.append(Row("frame_quality", f"{len(photos)} photographs, {name}",
                        f"uncertainty {low:.2f} / {middle:.2f} / {high:.2f} (5th, median, 95th); "
                        f"under 0.3: {np.mean(doubt < 0.3):.0%}; over 0.7: {np.mean(doubt > 0.7):.0%}"))
    return rows


def place_rows(data: Path, every: int) -> list[Row]:
    """Glare, navigation, contrast and path guidance: distributions, since nobody labelled them."""
    rows = []
    streets = sorted((data / "crosswatch_pan").glob("*/*.jpg"))[::every]
    for name, pictures in (("everyday photographs", photographs(data, every)),
                           ("street corners", [load(path, FRAME_SIDE_PX) for path in streets])):
        levels, difficulty, words = Counter(), [], Counter()
        seen: dict[str, list[float]] = {"logMAR 0.5": [], "logMAR 1.0": [], "logMAR 1.5": []}
        for rgb in pictures:
            view = view_of(rgb)
            levels[glare.LEVELS[int(glare.estimate(view)["glare_risk"].value.argmax())]] += 1
            path = path_guidance.estimate(view)["path_guidance"]
            words[path.value["words"] if path.value else path.reason] += 1
            view.so_far["path_guidance"] = path
            difficulty.append(navigation.estimate(view)["navigation_difficulty"].value)
            octaves = contrast.bands(contrast.linear_luminance(rgb, contrast.WIDTH_PX))
            for eyes, shares in seen.items():
                observer = contrast.Observer(10 ** -float(eyes.split()[1]), 1.0, eyes)
                shares.append(contrast.visible_share(octaves, observer, view.camera) or 0.0)
        count = f"{len(pictures)} {name}"
        rows += [
            Row("glare", count, ", ".join(f"{level} {levels[level] / len(pictures):.0%}" for level in glare.LEVELS)),
            Row("navigation", count, "difficulty 5th {:.2f}, median {:.2f}, 95th {:.2f}".format(
                *np.percentile(difficulty, [5, 50, 95]))),
            Row("contrast", count, "median share of contrast seen: " + ", ".join(
                f"{eyes} {np.median(shares):.0%}" for eyes, shares in seen.items())),
            Row("path_guidance", count, "; ".join(
                f"{said}: {n / len(pictures):.0%}" for said, n in words.most_common())),
        ]
    return rows


def colour_rows(data: Path, every: int) -> list[Row]:
    """Names given to real signs, whose paint is known."""
    named: dict[int, Counter] = {STOP_SIGN: Counter(), CROSSING_SIGN: Counter(), SPEED_SIGN: Counter()}
    for image, rgb, boxes in list(labelled(data / "road_signs"))[::every]:
        for box in boxes:
            if box["category_id"] in named:
                found = colours.of_box(rgb, _normalised(box["bbox"], image))
                named[box["category_id"]][found[0] if found else "none"] += 1
    kinds = {STOP_SIGN: "STOP signs (paint: red)", CROSSING_SIGN: "pedestrian crossing signs (blue)",
             SPEED_SIGN: "speed limit signs (white face)"}
    return [Row("colours", f"{sum(names.values())} {kinds[kind]}",
                ", ".join(f"{name} {n / sum(names.values()):.0%}" for name, n in names.most_common(6)))
            for kind, names in named.items()]


def _normalised(bbox: list[float], image: dict) -> tuple[float, float, float, float]:
    x, y, w, h = bbox
    return centre_box(x / image["width"], y / image["height"], (x + w) / image["width"], (y + h) / image["height"])


def pedestrian_rows(data: Path, every: int) -> list[Row]:
    """Precision and recall of the people detector at its threshold."""
    reports = right = right_large = people = large = 0
    for image, rgb, boxes in list(labelled(data / "coco_cc"))[::every]:
        persons = [box for box in boxes if box["category_id"] == PERSON and not box.get("iscrowd")]
        targets = [_normalised(box["bbox"], image) for box in persons]
        is_large = [box["bbox"][3] >= LARGE_SHARE * max(image["width"], image["height"])
                    and box["bbox"][3] > UPRIGHT_RATIO * box["bbox"][2] for box in persons]
        people, large = people + len(targets), large + sum(is_large)
        left = set(range(len(targets)))
        for found, _ in pedestrians.find_people(rgb):
            reports += 1
            overlap, best = max(((iou(found, targets[i]), i) for i in left), default=(0.0, -1))
            if overlap >= MATCH_IOU:
                left.discard(best)
                right, right_large = right + 1, right_large + is_large[best]
    return [Row("pedestrians", f"coco_cc, {people} people, {large} of them large and upright",
                f"precision {_share(right, reports)}, recall {_share(right, people)}, recall of the large and upright "
                f"{_share(right_large, large)} (SVM distance >= {pedestrians.MIN_WEIGHT}, IoU >= {MATCH_IOU})")]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part} of {whole})" if whole else "none"


def plain(text: str) -> str:
    """Text without case, accents, spaces and punctuation, for a fair comparison of readings."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in decomposed if letter.isalnum())


def ocr_rows(data: Path, every: int) -> list[Row]:
    """Reading of sign crops, single words and whole scenes."""
    folder, rows = data / "ocr_signs", []
    for table in ("sign_crops.tsv", "word_crops.tsv"):
        lines = (folder / table).read_text(encoding="utf-8").splitlines()
        kinds: dict[str, list[bool]] = {}
        for line in lines[1::every]:
            name, text, *kind = line.split("\t")
            path = folder / name if (folder / name).exists() else folder / "word_crops" / name
            said = {plain(found["text"]) for found in ocr.read(load(path))}
            kinds.setdefault(kind[0] if table == "sign_crops.tsv" else "single words", []).append(plain(text) in said)
        rows += [Row("ocr", f"{len(right)} crops, {kind}", f"read right {_share(sum(right), len(right))}")
                 for kind, right in kinds.items()]
    exact = loose = total = 0
    for scene in json.loads((folder / "scenes.json").read_text(encoding="utf-8"))[::every]:
        if not scene.get("lines"):
            continue
        found = [line["text"] for line in ocr.read(load(folder / scene["file"]))]
        total += len(scene["lines"])
        exact += sum(line in found for line in scene["lines"])
        loose += sum(plain(line) in {plain(text) for text in found} for line in scene["lines"])
    rows.append(Row("ocr", f"{total} lines in sign scenes (Chinese, French, Korean, English)",
                    f"exact {_share(exact, total)}; without case, accents and spaces {_share(loose, total)}"))
    return rows


def depth_rows(data: Path, every: int) -> list[Row]:
    """Error of ground-plane depth against sensor depth, as assumed and after the best single scale."""
    rows = []
    for name, border in (("kinect_5frames", BORDER_PX), ("tum_pair", 0)):
        folder = data / "depth_rgbd" / name
        constants = json.loads((folder / "camera.json").read_text(encoding="utf-8"))["camera"]
        errors, scaled, covered, claimed = [], [], [], []
        for path in sorted(folder.glob("*_rgb.png"))[::every]:
            truth_path = path.with_name(path.name.replace("_rgb", "_depth"))
            truth = cv2.imread(str(truth_path), cv2.IMREAD_UNCHANGED).astype(np.float32)
            cut = (slice(border, truth.shape[0] - border), slice(border, truth.shape[1] - border))
            truth, rgb = truth[cut] / constants["depth_units_per_metre"], np.ascontiguousarray(load(path)[cut])
            hfov = math.degrees(2 * math.atan(rgb.shape[1] / 2 / constants["fx"]))
            camera = Camera(rgb.shape[1], rgb.shape[0], hfov_deg=hfov)
            guess, spread, _ = depth.depth_maps(view_of(rgb, camera))
            truth = cv2.resize(truth, guess.shape[::-1], interpolation=cv2.INTER_NEAREST)
            known = truth > 0
            ratio = guess[known] / truth[known]
            errors += np.abs(ratio - 1).tolist()
            scaled += np.abs(ratio / np.median(ratio) - 1).tolist()
            covered += (np.abs(guess - truth)[known] <= 2 * spread[known]).tolist()
            claimed += (spread[known] < CLAIMED_SD_SHARE * guess[known]).tolist()
        all_errors, mask = np.array(errors), np.array(claimed)
        sure = f"{np.median(all_errors[mask]):.0%}" if mask.any() else "none"
        rows.append(Row("depth", f"{name}, {len(errors)} cells with sensor depth",
                        f"median relative error {np.median(errors):.0%}, after the best scale {np.median(scaled):.0%}; "
                        f"of the {mask.mean():.0%} of cells that claim a standard deviation under "
                        f"{CLAIMED_SD_SHARE:.0%}: {sure}; true depth within two standard deviations: "
                        f"{np.mean(covered):.0%} (height and tilt assumed)"))
    return rows


PARTS: tuple[tuple[str, Callable[[Path, int], list[Row]]], ...] = (
    ("coco_cc", quality_rows), ("crosswatch_pan", place_rows), ("road_signs", colour_rows),
    ("coco_cc", pedestrian_rows), ("ocr_signs", ocr_rows), ("depth_rgbd", depth_rows),
)


def report(data: Path, every: int = 1) -> list[Row]:
    """All rows; a part whose data set is absent says so."""
    rows = []
    for needs, part in PARTS:
        present = (data / needs).is_dir()
        rows += part(data, every) if present else [Row(part.__name__.removesuffix("_rows"), needs, "data set absent")]
    return rows


def as_markdown(rows: list[Row]) -> str:
    """A table with one row per figure."""
    lines = ["| estimator | data | figure |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.estimator} | {row.data} | {row.figure} |" for row in rows)]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds coco_cc, road_signs, ...")
    parser.add_argument("--every", type=int, default=1, help="take each N-th picture (default: all)")
    parser.add_argument("--out", type=Path, help="file for the table; without it, standard output")
    chosen = parser.parse_args(arguments)
    if not chosen.data.is_dir() or chosen.every < 1:
        parser.error(f"--data must be a folder and --every at least 1; got {chosen.data} and {chosen.every}")
    cv2.setNumThreads(1)
    table = as_markdown(report(chosen.data, chosen.every))
    if chosen.out:
        chosen.out.write_text(table, encoding="utf-8")
    else:
        sys.stdout.write(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
