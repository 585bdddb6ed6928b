"""Samples of a slow data set (rendered walks), made once and then read from a folder.

A sample is one JPEG of quality 95, a few numbers, and depth and flow in 16 bits where it has them; outlines are not
kept. The folder's name holds what the samples are, so that another recipe never reads them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from training.data.sample import Sample

QUALITY = 95
RECIPE_VERSION = 2
MAPS = ("depth_m", "flow_px")
"""16 bits: depth to a thousandth, flow to a fiftieth of a pixel at 32."""


class Samples(Protocol):
    """A map-style data set."""

    name: str

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    def source(self, index: int) -> str: ...


class StoredSamples:
    """``samples``, each made when it is first asked for and read from ``folder`` afterwards."""

    def __init__(self, samples: Samples, folder: Path) -> None:
        self.samples, self.name = samples, samples.name
        maps = (getattr(samples, "depth", False), getattr(samples, "flow", False))
        recipe = f"{RECIPE_VERSION}\0{samples.classes.ids}\0{maps}\0" + "\0".join(
            samples.source(index) for index in range(0, len(samples), max(1, len(samples) // 50)))
        self.folder = folder / hashlib.sha256(recipe.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self.samples)

    def source(self, index: int) -> str:
        return self.samples.source(index)

    def __getitem__(self, index: int) -> Sample:
        file = self.folder / f"{index:06d}.npz"
        if not file.exists():
            self._make_beside(index)
        with np.load(file, allow_pickle=False) as kept:
            image = cv2.cvtColor(cv2.imdecode(kept["jpeg"], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            arrays = {name: kept[name] for name in ("boxes", "columns", "zones", "labelled", "ignored", "distances_m")}
            maps = {name: kept[name].astype(np.float32) for name in MAPS if name in kept}
            return Sample(image=image, source=self.source(index), urgency=int(kept["urgency"]), **arrays,
                          **maps).check()

    def _make_beside(self, index: int) -> None:
        """``index`` and what is made most cheaply with it (the frames of one world), in order."""
        together = getattr(self.samples, "made_together", 1)
        first = index - index % together
        for number in range(first, min(first + together, len(self))):
            file = self.folder / f"{number:06d}.npz"
            if not file.exists():
                _write(file, self.samples[number])


def _write(file: Path, sample: Sample) -> None:
    """In one step: two workers may make the same sample at the same time."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(sample.image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    unknown = np.full(len(sample.boxes), np.nan, np.float32)
    handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
    maps = {name: array.astype(np.float16) for name in MAPS if (array := getattr(sample, name)) is not None}
    with os.fdopen(handle, "wb") as out:
        np.savez(out, jpeg=jpeg, boxes=sample.boxes, columns=sample.columns, zones=sample.zones,
                 labelled=sample.labelled, ignored=sample.ignored, urgency=np.int64(sample.urgency),
                 distances_m=unknown if sample.distances_m is None else sample.distances_m, **maps)
    os.replace(temporary, file)
