"""Stage A's outputs from what the network, the motion path and the picture's quality gave: no state, no threads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from maxsight_core import outputs as registry
from maxsight_core.contracts import Detection, FrameQuality, MotionResult, Value
from maxsight_core.engine import detect
from maxsight_core.engine.safety_network import UNTRAINED, NetworkAnswer, SafetyNetwork
from maxsight_core.engine.stage_b import finite
from maxsight_core.perception import frame_quality, motion_outputs, urgency

LEARNED_NAMES = tuple(
    s.name for s in registry.REGISTRY
    if s.stage == "A" and s.learned_by and s.tier == 1 and s.name != "detections"
)


def outputs(
    network: SafetyNetwork, answer: NetworkAnswer, detections: tuple[Detection, ...], motion: MotionResult,
    quality: FrameQuality,
) -> dict[str, Value]:
    """Every output of Stage A but the bookkeeping, not yet checked for NaN."""
    values = _learned(network, answer)
    values.update(motion_outputs.values(motion))
    values["lighting"] = frame_quality.lighting_value(quality)
    values["detections"] = _detections(network, answer, detections, motion)
    entropy = detect.entropy(answer.raw, network.trained) if answer.decodable else None
    measured = {
        "uncertainty": lambda: frame_quality.uncertainty_value(quality, entropy),
        "urgency": lambda: urgency.value(detections),
        "distance_zones": lambda: _zones(detections),
    }
    for name, measure in measured.items():
        if values[name].source != "learned":
            values[name] = measure()
    return values


def _learned(network: SafetyNetwork, answer: NetworkAnswer) -> dict[str, Value]:
    """Tier 1 tensors: learned where the checkpoint's head is trained, otherwise unavailable, never noise."""
    values: dict[str, Value] = {}
    for name in LEARNED_NAMES:
        if name in network.trained and answer.raw is not None:
            values[name] = finite(Value.learned(name, answer.raw[name], f"{network.runtime.grid} head {name}"))
        else:
            reason = answer.error if name in network.trained and answer.error else UNTRAINED
            values[name] = Value.unavailable(name, reason)
    return values


def _detections(
    network: SafetyNetwork, answer: NetworkAnswer, detections: tuple[Detection, ...], motion: MotionResult
) -> Value:
    items = [d.to_json() for d in detections]
    if detect.can_detect(network.trained) and answer.decodable:
        return Value.learned("detections", items, f"{network.runtime.grid} decode + NMS + tracker")
    if motion.reason:
        return Value.unavailable("detections", f"{answer.error or UNTRAINED}; motion: {motion.reason}")
    return Value.measured(
        "detections", items, "expansion of optical flow beyond ego-motion: approaching things, unnamed",
        confidence=min(1.0, max(0.0, motion.quality)),
    )


def _zones(detections: tuple[Detection, ...]) -> Value:
    zones = [{"id": d.track_id, "zone": d.zone} for d in detections if d.zone is not None]
    if not zones:
        return Value.unavailable("distance_zones", "nothing in view whose distance could be measured")
    return Value.measured("distance_zones", zones, "pinhole from class heights, box area as the last resort")


def freeze(values: Mapping[str, Value], motion: MotionResult) -> None:
    """Make every array of a finished frame read-only: Stage B looks at the same ones and must not be able to write."""
    for array in (motion.flow, motion.residual, *(value.value for value in values.values())):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False


def scalar(values: Mapping[str, Value], name: str, default: float) -> float:
    """The first number of an output, within 0..1; ``default`` when it is unavailable."""
    value = values[name]
    if value.source == "unavailable":
        return default
    return float(np.clip(np.asarray(value.value, dtype=np.float64).reshape(-1)[0], 0.0, 1.0))


def explained(thing: Detection, named: tuple[Detection, ...]) -> bool:
    """True when a named detection covers the middle of an approaching region: it is that thing, with a name."""
    x, y = thing.box_cxcywh[0], thing.box_cxcywh[1]
    return any(
        abs(x - d.box_cxcywh[0]) <= d.box_cxcywh[2] / 2 and abs(y - d.box_cxcywh[1]) <= d.box_cxcywh[3] / 2
        and d.time_to_contact_s is not None
        for d in named
    )
