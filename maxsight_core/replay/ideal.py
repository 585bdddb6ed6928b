"""Perfect perception: the truth of a frame as the alert system would get it from a detector that never errs.

With it a policy is judged alone: what it does wrong then, no better detector would put right.
"""

from __future__ import annotations

from maxsight_core.alerts.inputs import AlertInputs
from maxsight_core.contracts import Detection, EgoMotion
from maxsight_core.replay.hazards import WALKING_MPS
from maxsight_core.scenes.truth import ObjectTruth, SceneTruth

METHOD = "the scene's own truth"


class IdealPerception:
    """Turns the truths of one run, frame after frame, into alert inputs; remembers how long each thing approached."""

    def __init__(self) -> None:
        self._approached: dict[int, int] = {}

    def inputs(self, truth: SceneTruth) -> AlertInputs:
        """What is decided on in this frame; frames come in order."""
        self._approached = {thing.id: self._approached.get(thing.id, 0) + 1
                            for thing in truth.objects if thing.time_to_contact_s is not None}
        return AlertInputs(
            seq=truth.index, time_s=truth.time_s, detections=tuple(self._seen(thing) for thing in truth.objects),
            ego=EgoMotion(still=truth.camera.speed_mps <= WALKING_MPS, inlier_fraction=1.0))

    def _seen(self, thing: ObjectTruth) -> Detection:
        return Detection(
            track_id=thing.id, class_id=thing.class_id, class_name=thing.class_name, score=1.0,
            box_cxcywh=thing.box_cxcywh, source="learned", method=METHOD, zone=thing.zone,
            distance_m=thing.distance_m, distance_sd_m=0.0, urgency=thing.urgency, bearing_deg=thing.bearing_deg,
            time_to_contact_s=thing.time_to_contact_s, time_to_contact_frames=self._approached.get(thing.id, 0),
            closing_mps=thing.closing_mps, on_course=thing.on_course)
