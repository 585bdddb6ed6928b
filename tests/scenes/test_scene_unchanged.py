"""The first two scenes keep every byte and every word of truth: alert scenarios and figures stand on them."""

from __future__ import annotations

import hashlib
import json

import cv2
import numpy as np
import pytest

DRAWN_WITH = ("4.14.0", "2.4.6")
"""OpenCV and NumPy of the recorded pictures: another version may round another way."""
ADDED_SINCE = ("relations", "sounds")
RECORDED = {
    ("scene:corridor?seed=1&size=240x180&seconds=30", 0): ("6ff5131434830910", "7db88032816f9459"),
    ("scene:corridor?seed=1&size=240x180&seconds=30", 87): ("11747b92e8206d9f", "992185015b1de42c"),
    ("scene:corridor?seed=3&size=240x180&seconds=30&light=night&noise=0.02", 250): ("6a5435c30609e01e",
                                                                                    "b027841bc6d7541d"),
    ("scene:street?seed=1&size=240x180&seconds=30", 87): ("6040f4cb9ed045f8", "dd122152102e81ad"),
    ("scene:street?seed=1&size=240x180&seconds=30", 250): ("a1de6657bf0be0bd", "6b2b2612b9705714"),
    ("scene:street?seed=4&size=240x180&seconds=30&light=glare&fog=0.3", 250): ("e8347792af640502",
                                                                               "537d2714d5e5ddc4"),
}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


@pytest.mark.parametrize(("spec", "index"), RECORDED)
def test_pictures_and_truth_are_those_recorded(spec, index, renderer):
    frame = renderer(spec).frame(index, depth=True)
    truth = frame.truth.to_json()
    for key in ADDED_SINCE:
        truth.pop(key)
    for item in truth["objects"]:
        item.pop("state")
    picture, words = RECORDED[spec, index]
    assert _digest(json.dumps(truth, sort_keys=True).encode()) == words
    if (cv2.__version__, np.__version__) != DRAWN_WITH:
        pytest.skip(f"pictures were recorded with OpenCV and NumPy {DRAWN_WITH}")
    assert _digest(frame.rgb.tobytes()) == picture
