"""Small samples whose truth can be read off the picture: filled rectangles of one colour per class."""

import json

import cv2
import numpy as np

from training.data.sample import ClassTable, Sample

CLASSES = ClassTable.of_names(["person", "car", "door"])
COLOURS = {1: (230, 20, 20), 2: (20, 230, 20), 3: (20, 20, 230)}
GREY = 120


def painted(boxes, size=(120, 160), *, labelled=(True, True, True), outlines=True, **known):
    """A grey picture with a rectangle per (column, cx, cy, w, h)."""
    height, width = size
    image = np.full((height, width, 3), GREY, np.uint8)
    masks, rows = [], []
    for column, cx, cy, w, h in boxes:
        left, top = round((cx - w / 2) * width), round((cy - h / 2) * height)
        right, bottom = round((cx + w / 2) * width), round((cy + h / 2) * height)
        image[top:bottom, left:right] = COLOURS[column]
        mask = np.zeros((height, width), bool)
        mask[top:bottom, left:right] = True
        masks.append(mask)
        rows.append(((left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width,
                     (bottom - top) / height))
    return Sample(
        image=image, boxes=np.array(rows, np.float32).reshape(-1, 4), columns=np.array([b[0] for b in boxes], np.int64),
        zones=np.full(len(boxes), -1, np.int64), labelled=np.array([True, *labelled]), source="painted",
        masks=masks if outlines else None, **known).check()


def seen(image, column):
    """The ``cxcywh`` box around all pixels of a class's colour, or None."""
    mask = (np.abs(image.astype(int) - COLOURS[column]) < 60).all(axis=2)
    if not mask.any():
        return None
    height, width = mask.shape
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    left, right, top, bottom = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    return np.array([(left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width,
                     (bottom - top) / height])


def write_coco(folder, pictures, **body):
    """A COCO folder of (name, sample) pairs; boxes in pixels, ids of the taxonomy."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number, (name, sample) in enumerate(pictures, start=1):
        height, width = sample.size
        cv2.imwrite(str(folder / "images" / name), cv2.cvtColor(sample.image, cv2.COLOR_RGB2BGR))
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for box, column in zip(sample.boxes, sample.columns, strict=True):
            cx, cy, w, h = box.tolist()
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": CLASSES.ids[column], "iscrowd": 0,
                "bbox": [(cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height]})
    categories = [{"id": number, "name": name} for number, name in zip(CLASSES.ids, CLASSES.names, strict=True)][1:]
    content = {"images": images, "annotations": annotations, "categories": categories, **body}
    (folder / "instances.json").write_text(json.dumps(content))
    return folder
