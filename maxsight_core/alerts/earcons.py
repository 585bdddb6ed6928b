"""Earcons: one short sound per stage before the words, panned to the side the thing is on."""

from __future__ import annotations

EARCONS: dict[str, str | None] = {"P0": "stop", "P1": "soon", "P2": None, "P3": None}
"""P2 and P3 have none: a sound before every remark would be one more thing to hear."""

LOST_EARCON = "vision_paused"
RESUMED_EARCON = "vision_resumed"
NAMES: tuple[str, ...] = ("stop", "soon", LOST_EARCON, RESUMED_EARCON)

FULL_PAN_DEG = 45.0
"""Bearing at which a sound is fully to one side; a webcam sees about 33 degrees to each side."""


def earcon_for(stage: str) -> str | None:
    """Name of the sound of a stage, or None."""
    return EARCONS[stage]


def pan(bearing_deg: float | None) -> float:
    """Stereo pan for a bearing: -1 left, 0 centre or unknown, 1 right."""
    if bearing_deg is None:
        return 0.0
    return round(max(-1.0, min(1.0, bearing_deg / FULL_PAN_DEG)), 3)
