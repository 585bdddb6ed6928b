"""What one frame could say: hazards on a collision course, holes and edges ahead, things of interest.

A candidate is not an alert. Everything here follows from the frame alone; whether it is said, and when,
is decided in :mod:`maxsight_core.alerts.scheduler`.
"""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache

from maxsight_core.alerts.context import ContextMemory, context_candidates
from maxsight_core.alerts.inputs import AlertInputs, Candidate
from maxsight_core.alerts.policy import DEFAULT_POLICY, STAGE_RANK, AlertPolicy
from maxsight_core.alerts.wording import is_ahead
from maxsight_core.contracts import Detection
from maxsight_core.taxonomy import ClassInfo, by_id

SAME_THING_IOU = 0.3
"""Overlap from which a moving region and a named box are taken for the same thing: a region covers the moving
part of a thing only, so the usual 0.5 of detection benchmarks would rarely be reached."""

MISSED_PROBABILITY = 0.5
"""From here on the person more likely missed the thing than not."""

URGENCY_OF_STAGE = {"P0": 3, "P1": 2, "P2": 0}


def candidates(
    inputs: AlertInputs, policy: AlertPolicy = DEFAULT_POLICY, memory: ContextMemory | None = None,
) -> list[Candidate]:
    """Candidates of one frame, one per key, most urgent first.

    Args:
        inputs: the frame. After a cut (``ego.cut``) motion means nothing, so nothing approaches in it.
        policy: thresholds.
        memory: what is known of light and glare from earlier frames; None: nothing.
    """
    best: dict[str, Candidate] = {}
    missed = {track for track, probability in inputs.missed if probability >= MISSED_PROBABILITY}
    for detection in fuse(inputs.detections):
        found = _of_detection(detection, inputs, policy)
        if found is not None:
            _keep_best(best, dataclasses.replace(found, missed=True) if detection.track_id in missed else found)
    for found in context_candidates(inputs, policy, memory):
        _keep_best(best, found)
    return sorted(best.values(), key=urgency_order)


def urgency_order(candidate: Candidate) -> tuple:
    """Sort key: stage, then time to contact, then the thing's own urgency, then how central, then the key."""
    contact_s = candidate.time_to_contact_s
    return (STAGE_RANK[candidate.stage], math.inf if contact_s is None else contact_s, -candidate.urgency,
            abs(candidate.bearing_deg or 0.0), candidate.key)


def _keep_best(best: dict[str, Candidate], found: Candidate) -> None:
    held = best.get(found.key)
    if held is None or urgency_order(found) < urgency_order(held):
        best[found.key] = found


def fuse(detections: tuple[Detection, ...]) -> list[Detection]:
    """Moving regions without a class lend their motion to the named box they cover, and vanish in it.

    The person hears "Bicycle, left", once, not "Bicycle" and "Something approaching".
    """
    named = [item for item in detections if item.class_id != 0]
    regions = [item for item in detections if item.class_id == 0]
    if not named or not regions:
        return list(detections)
    things = dict(enumerate(named))
    left_over = []
    for region in regions:
        overlaps = [(_iou(region, item), -index) for index, item in enumerate(named)]
        overlap, index = max(overlaps)
        if overlap < SAME_THING_IOU:
            left_over.append(region)
        elif _sooner(region, things[-index]):
            things[-index] = dataclasses.replace(
                things[-index], time_to_contact_s=region.time_to_contact_s,
                time_to_contact_frames=region.time_to_contact_frames, on_course=True,
                closing_mps=things[-index].closing_mps if region.closing_mps is None else region.closing_mps,
            )
    return [*things.values(), *left_over]


def _sooner(region: Detection, thing: Detection) -> bool:
    if not region.on_course or region.time_to_contact_s is None:
        return False
    if not thing.on_course or thing.time_to_contact_s is None:
        return True
    return region.time_to_contact_s < thing.time_to_contact_s


def _iou(a: Detection, b: Detection) -> float:
    (ax, ay, aw, ah), (bx, by, bw, bh) = a.box_cxcywh, b.box_cxcywh
    across = min(ax + aw / 2, bx + bw / 2) - max(ax - aw / 2, bx - bw / 2)
    down = min(ay + ah / 2, by + bh / 2) - max(ay - ah / 2, by - bh / 2)
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (aw * ah + bw * bh - shared)


def _of_detection(detection: Detection, inputs: AlertInputs, policy: AlertPolicy) -> Candidate | None:
    info = class_info(detection.class_id)
    stage = None if inputs.ego is not None and inputs.ego.cut else _approach_stage(detection, info, policy)
    if stage is not None:
        return _candidate(detection, inputs, stage, "approach", policy)
    if _walking_into_a_drop(detection, info, inputs, policy):
        return _candidate(detection, inputs, "P1", "fall", policy)
    if _of_interest(detection, info, policy):
        place = info is not None and info.group in policy.place_groups
        return _candidate(detection, inputs, "P2", "object", policy, place=place)
    return None


def _approach_stage(detection: Detection, info: ClassInfo | None, policy: AlertPolicy) -> str | None:
    """P0, P1 or None. Only what is on a collision course, over enough frames, has a stage."""
    contact_s = detection.time_to_contact_s
    if contact_s is None or not math.isfinite(contact_s) or not detection.on_course:
        return None
    if detection.time_to_contact_frames < policy.time_to_contact_min_frames:
        return None
    vehicle = is_vehicle(info, policy)
    fast = vehicle and (detection.closing_mps or 0.0) > policy.vehicle_p0_closing_mps
    limit_s = policy.vehicle_p0_time_to_contact_s if fast else policy.p0_time_to_contact_s
    if contact_s < limit_s:
        return "P0" if _plausible(detection, contact_s, vehicle, policy) else "P1"
    return "P1" if contact_s < policy.p1_time_to_contact_s else None


def _plausible(detection: Detection, contact_s: float, vehicle: bool, policy: AlertPolicy) -> bool:
    """False when the known distance would need an impossible approach speed to be covered in that time."""
    if detection.distance_m is None:
        return True
    nearest_m = detection.distance_m - 2.0 * (detection.distance_sd_m or 0.0)  # 2 SD: 95 % of a normal error
    top_mps = policy.plausible_vehicle_closing_mps if vehicle or detection.class_id == 0 \
        else policy.plausible_closing_mps
    return nearest_m <= top_mps * max(contact_s, 0.0) or nearest_m <= 1.0  # within arm's length nothing contradicts


def _walking_into_a_drop(
    detection: Detection, info: ClassInfo | None, inputs: AlertInputs, policy: AlertPolicy,
) -> bool:
    """Something to fall down, ahead, within 5 s at walking pace, while the camera moves."""
    if info is None or detection.distance_m is None or not set(info.affordances) & set(policy.fall_affordances):
        return False
    walking = inputs.ego is None or not inputs.ego.still
    contact_s = detection.distance_m / policy.walking_speed_mps
    return walking and is_ahead(detection.bearing_deg, policy) and contact_s < policy.p1_time_to_contact_s


def _of_interest(detection: Detection, info: ClassInfo | None, policy: AlertPolicy) -> bool:
    if info is None or detection.class_id == 0 or detection.score < policy.interest_score_min:
        return False
    if set(info.affordances) & set(policy.boring_affordances):
        return False
    if info.group not in policy.interest_groups and info.name not in policy.interest_names:
        return False
    if detection.distance_m is not None:
        return detection.distance_m <= policy.interest_distance_max_m
    return detection.zone != "far"


@lru_cache(maxsize=1024)
def class_info(class_id: int) -> ClassInfo | None:
    """The taxonomy's entry, or None for an id that a custom checkpoint brought along."""
    try:
        return by_id(class_id)
    except KeyError:
        return None


def is_vehicle(info: ClassInfo | None, policy: AlertPolicy) -> bool:
    """True for classes to which the vehicle rule applies."""
    return info is not None and (info.group in policy.vehicle_groups or info.name in policy.vehicle_names)


def _candidate(
    detection: Detection, inputs: AlertInputs, stage: str, kind: str, policy: AlertPolicy, *, place: bool = False,
) -> Candidate:
    if stage == "P2":
        confirm = policy.confirm_frames_context
    else:
        confirm = policy.confirm_frames_measured
        if detection.source == "learned":
            confirm = policy.confirm_frames_learned
        elif detection.time_to_contact_frames >= policy.settled_frames:
            confirm = policy.confirm_frames_settled
    return Candidate(
        key=f"track:{detection.track_id}", stage=stage, kind=kind, seq=inputs.seq, time_s=inputs.time_s,
        class_id=detection.class_id, class_name=detection.class_name, bearing_deg=detection.bearing_deg,
        distance_m=detection.distance_m, distance_sd_m=detection.distance_sd_m, zone=detection.zone,
        time_to_contact_s=detection.time_to_contact_s if kind == "approach" else None,
        urgency=max(detection.urgency, URGENCY_OF_STAGE[stage]), source=detection.source, colour=detection.colour,
        track_id=detection.track_id, place=place, confirm_frames=confirm,
    )
