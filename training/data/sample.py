"""One training example: a picture and everything that is known about it.

Sources (annotated photographs, rendered scenes) make samples, augmentations change them, and the collate function
makes batches of them. What is not known stays unknown: a class that was not labelled in a picture is neither object nor
background there, a zone of -1 costs nothing, a map that is None is no map of zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from maxsight_core import taxonomy

UNKNOWN = -1
"""A zone or an urgency that nobody labelled."""
BACKGROUND = 0
"""Column of the classifier that stands for "no object"."""
ZONES: tuple[str, ...] = ("near", "medium", "far")


class SampleError(ValueError):
    """A sample contradicts itself; the message names the field, what was expected and what arrived."""


@dataclass(frozen=True, slots=True)
class ClassTable:
    """Which taxonomy class every column of the classifier means; column 0 is background.

    Args:
        ids: taxonomy id per column, ``ids[0]`` is 0. A manifest's ``classes``.
    """

    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.ids) < 2 or self.ids[0] != taxonomy.SOMETHING_ID or len(set(self.ids)) != len(self.ids):
            raise SampleError(
                f"ClassTable.ids: expected 0 for background and then different taxonomy ids; got {self.ids}")
        for number in self.ids:
            taxonomy.by_id(number)  # raises with the ids there are

    @classmethod
    def of_names(cls, names: tuple[str, ...] | list[str]) -> ClassTable:
        """The table of these classes, in this order."""
        return cls((taxonomy.SOMETHING_ID, *(taxonomy.by_name(name).id for name in names)))

    @property
    def count(self) -> int:
        """Columns of the classifier, background included."""
        return len(self.ids)

    @property
    def names(self) -> tuple[str, ...]:
        """Name per column; the first is ``background``."""
        return ("background", *(taxonomy.by_id(number).name for number in self.ids[1:]))

    def columns(self) -> dict[int, int]:
        """Taxonomy id to column."""
        return {number: column for column, number in enumerate(self.ids) if column != BACKGROUND}


@dataclass(slots=True)
class Sample:
    """One picture and its truth. Arrays belong to the sample and may be changed in place by an augmentation.

    Args:
        image: [H, W, 3] uint8, sRGB.
        boxes: [n, 4] float32 ``cxcywh``, fractions of the picture.
        columns: [n] int64, 1 .. classes - 1: the classifier's column of each box.
        zones: [n] int64, 0 near, 1 medium, 2 far; -1 unknown.
        labelled: [classes] bool: which columns were labelled in this picture. Others are unknown, not background.
        ignored: [m, 4] float32 ``cxcywh``: regions (crowds, doubtful boxes) that count neither way.
        urgency: 0 safe .. 3 danger of the whole picture; -1 unknown.
        distances_m: [n] float32, metres to the nearest point, NaN where unknown; None: none is known.
        masks: one [H, W] bool per box, or None per box where no outline is known; None: no outline at all.
        depth_m: [H, W] float32, metres along the optical axis, inf in the sky, NaN unknown; None: no depth.
        flow_px: [2, H, W] float32 pixels to the next frame (u right, v down), NaN unknown; None: no flow.
        extra: further truth of Stage B's heads by tensor name of ``maxsight_core.models.stage_b_contract``.
        audio: [128] float32 MFCC of the second before the picture; None: silence was not recorded either.
        source: where it is from, for messages and splits: ``coco_cc/000000001234.jpg``.
    """

    image: np.ndarray
    boxes: np.ndarray
    columns: np.ndarray
    zones: np.ndarray
    labelled: np.ndarray
    ignored: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    urgency: int = UNKNOWN
    distances_m: np.ndarray | None = None
    masks: list[np.ndarray | None] | None = None
    depth_m: np.ndarray | None = None
    flow_px: np.ndarray | None = None
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    audio: np.ndarray | None = None
    source: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.image.shape[0], self.image.shape[1]

    def check(self) -> Sample:
        """The sample itself; SampleError when a field does not fit the others."""
        image = self.image
        _expect(isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8,
                self, "image", "uint8 [H, W, 3]", _kind(image))
        count = len(self.boxes)
        for name, wanted, kind in (("boxes", (count, 4), "f"), ("columns", (count,), "i"), ("zones", (count,), "i"),
                                   ("ignored", (len(self.ignored), 4), "f")):
            array = getattr(self, name)
            _expect(array.shape == wanted and array.dtype.kind == kind, self, name,
                    f"{'float' if kind == 'f' else 'int'} {list(wanted)}", _kind(array))
        _expect(self.labelled.dtype == bool and self.labelled.ndim == 1, self, "labelled", "bool [classes]",
                _kind(self.labelled))
        _expect(bool(np.isfinite(self.boxes).all()) and bool((self.boxes[:, 2:] > 0).all()), self, "boxes",
                "finite, with a positive width and height", self.boxes.tolist())
        classes = len(self.labelled)
        _expect(bool(((self.columns >= 1) & (self.columns < classes)).all()), self, "columns", f"1..{classes - 1}",
                self.columns.tolist())
        _expect(bool(((self.zones >= UNKNOWN) & (self.zones < len(ZONES))).all()), self, "zones", "-1..2",
                self.zones.tolist())
        _expect(UNKNOWN <= self.urgency <= 3, self, "urgency", "-1..3", self.urgency)
        if self.masks is not None:
            _expect(len(self.masks) == count, self, "masks", f"one per box ({count})", len(self.masks))
        if self.distances_m is not None:
            _expect(self.distances_m.shape == (count,), self, "distances_m", f"[{count}]", _kind(self.distances_m))
        for name, shape in (("depth_m", self.size), ("flow_px", (2, *self.size))):
            array = getattr(self, name)
            _expect(array is None or array.shape == shape, self, name, f"float {list(shape)} or None", _kind(array))
        return self

    def keep(self, chosen: np.ndarray) -> None:
        """Keep the boxes where ``chosen`` ([n] bool) holds, with all that belongs to them."""
        self.boxes, self.columns, self.zones = self.boxes[chosen], self.columns[chosen], self.zones[chosen]
        if self.distances_m is not None:
            self.distances_m = self.distances_m[chosen]
        if self.masks is not None:
            self.masks = [mask for mask, kept in zip(self.masks, chosen, strict=True) if kept]


def _expect(ok: bool, sample: Sample, name: str, expected: str, got: object) -> None:
    if not ok:
        raise SampleError(f"sample {sample.source or '(no source)'}: {name} must be {expected}; got {got}")


def _kind(array: object) -> str:
    return f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__
