"""Silence when nothing approaches: real street pictures, panned by a camera, must not raise an alert."""

from __future__ import annotations

import cv2
import pytest
from alert_builders import Session
from support.data import shared_data

from maxsight_core.contracts import Frame
from maxsight_core.perception.frame_quality import measure
from maxsight_core.perception.motion import MotionTracker


@pytest.mark.parametrize("name", ["pan_street_a", "pan_street_b"])
def test_a_camera_that_pans_over_a_street_says_nothing(name):
    video = cv2.VideoCapture(str(shared_data("video", f"{name}.mp4")))
    rate = video.get(cv2.CAP_PROP_FPS)
    session, tracker, index = Session(), MotionTracker(), 0
    while True:
        alive, bgr = video.read()
        if not alive:
            break
        frame = Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), index / rate, index)
        motion = tracker.update(frame, session.settings.camera(frame.width, frame.height))
        quality = measure(frame.rgb)
        session.time_s = frame.time_s
        session.frame(*motion.approaching, quality=quality, uncertainty=quality.uncertainty, ego=motion.ego)
        index += 1
    assert index > 100
    assert [row for row in session.ledger.rows() if row.delivered_s is not None] == []
