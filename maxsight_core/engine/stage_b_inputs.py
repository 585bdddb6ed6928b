"""What Stage B's network reads of one frame: a square picture, boxes, Stage A's maps, sound and profile. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from maxsight_core.contracts import Detection, SessionSettings
from maxsight_core.engine import detect, profile_vector
from maxsight_core.models.stage_b_contract import (
    AUDIO_SIZE,
    BOXES,
    INPUT_SIDE_PX,
    MAP_HISTORY,
    MAP_SIDE,
    STAGE_A_CHANNELS,
    inputs_of,
)

MAP_SHAPE = (STAGE_A_CHANNELS, MAP_SIDE, MAP_SIDE)


def inputs(
    tier: str, picture_rgb: np.ndarray, detections: Sequence[Detection], stage_a_maps: Sequence[np.ndarray],
    settings: SessionSettings, audio: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """The tensors that a tier's runtime takes, batch of one.

    Args:
        tier: ``T1``..``T5``.
        picture_rgb: [H, W, 3] uint8, stretched to 224 x 224 here if it has another size: fractions of the picture, and
            so the boxes, stay what they are.
        detections: Stage A's; :func:`looked_at` says which are.
        stage_a_maps: [768, 14, 14] each, oldest first; the newest ones that the tier reads are taken.
        settings: of the person. audio: [128] MFCC of the last second, or None without sound.

    Returns:
        ``picture`` uint8, everything else float32. What is missing is zeros, marked 0 in ``box_valid``, ``map_valid``
        or ``audio_valid``.

    Raises:
        ValueError: a tier without network; a picture, map or sound of another shape or with numbers that are not
            finite.
    """
    wanted = [tensor.name for tensor in inputs_of(tier)]
    if not wanted:
        raise ValueError(f"inputs: expected a tier whose Stage B has a network, T1 to T5; got {tier}, which measures")
    boxes, box_valid = _boxes(looked_at(detections))
    maps, map_valid = _maps(stage_a_maps, MAP_HISTORY[tier])
    sound, audio_valid = _sound(audio)
    made = {
        "boxes": boxes, "box_valid": box_valid, "stage_a_maps": maps, "map_valid": map_valid, "audio": sound,
        "audio_valid": audio_valid, "profile": profile_vector.vector(settings),
    }
    # a copy: what the runtime is given must stay as it is, whatever becomes of the frame
    picture = np.array(detect.prepare(picture_rgb, INPUT_SIDE_PX, "stretch"))
    return {"picture": picture, **{name: made[name][None] for name in wanted if name in made}}


def looked_at(detections: Sequence[Detection]) -> tuple[Detection, ...]:
    """The 16 things that Stage B's network looks at, in the order given: of more than 16 the most urgent ones.

    Of equally urgent things those reached sooner come first, then those found more surely.
    """
    if len(detections) <= BOXES:
        return tuple(detections)

    def rank(place: int) -> tuple[float, float, float]:
        thing = detections[place]
        seconds = math.inf if thing.time_to_contact_s is None else thing.time_to_contact_s
        return -thing.urgency, seconds, -thing.score

    return tuple(detections[place] for place in sorted(sorted(range(len(detections)), key=rank)[:BOXES]))


def _boxes(detections: Sequence[Detection]) -> tuple[np.ndarray, np.ndarray]:
    boxes, valid = np.zeros((BOXES, 4), np.float32), np.zeros(BOXES, np.float32)
    for place, thing in enumerate(detections):
        boxes[place], valid[place] = thing.box_cxcywh, 1.0
    return boxes, valid


def _maps(given: Sequence[np.ndarray], history: int) -> tuple[np.ndarray, np.ndarray]:
    """[history, 768, 14, 14] and [history], newest last; nothing is known of frames before the session."""
    for number, one in enumerate(given):
        if np.shape(one) != MAP_SHAPE:
            raise ValueError(f"inputs: expected Stage A's maps of shape {list(MAP_SHAPE)} each; map {number} of "
                             f"{len(given)} has {list(np.shape(one))}; give the fused map of the fused grid")
    maps, valid = np.zeros((history, *MAP_SHAPE), np.float32), np.zeros(history, np.float32)
    newest = given[max(0, len(given) - history):]
    for place, one in enumerate(newest, start=history - len(newest)):
        maps[place], valid[place] = one, 1.0
    return maps, valid


def _sound(audio: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if audio is None:
        return np.zeros(AUDIO_SIZE, np.float32), np.zeros(1, np.float32)
    if np.shape(audio) != (AUDIO_SIZE,):
        raise ValueError(f"inputs: expected audio of {AUDIO_SIZE} numbers, the MFCC of one second at 16 kHz; got shape "
                         f"{list(np.shape(audio))}; cut or fill the sound to one second before its features are made")
    sound = np.array(audio, np.float32)
    if not np.isfinite(sound).all():
        raise ValueError(f"inputs: expected finite audio; got {int((~np.isfinite(sound)).sum())} numbers that are not; "
                         "give None while there is no sound")
    return sound, np.ones(1, np.float32)
