"""The measured people detector in the place of a network, on the same pictures."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from maxsight_core.contracts import RawDetection
from maxsight_core.perception.pedestrians import find_people, score_of
from training.data.sample import ClassTable
from training.evaluate.detection import Picture
from training.evaluate.pictures import NamedPictures
from training.evaluate.stage_a import replace_image

LEAST_HOG_WEIGHT = 0.0
"""SVM distance from which the detector's finds are taken into the curve; the app asks for more."""


def measured_pictures(options: argparse.Namespace) -> Iterator[Picture]:
    """What it finds in every picture that the options name."""
    classes = ClassTable.of_names(["person"])
    for sample in NamedPictures(options, classes):
        found = [RawDetection(classes.ids[1], score_of(weight), tuple(float(np.clip(v, 0, 1)) for v in box))
                 for box, weight in find_people(sample.image, LEAST_HOG_WEIGHT)]
        yield Picture(found, replace_image(sample))
