"""Hysteresis: a stage counts after several frames, and a track keeps its memory when its number changes.

Every frame in which a candidate stands at a stage (or above) adds one to its counter, every other frame
takes one away. A stage is confirmed at the full count and stays so until the counter is empty: estimates that
come and go frame by frame never confirm anything, and one missing frame does not undo what is certain.
"""

from __future__ import annotations

import dataclasses

from maxsight_core.alerts.inputs import Candidate
from maxsight_core.alerts.policy import STAGE_RANK
from maxsight_core.alerts.state import Track
from maxsight_core.alerts.turn import Turn

NO_HITS = (0, 0, 0)
NOT_SURE = (False, False, False)


def confirm(turn: Turn, found: list[Candidate], *, whole_frame: bool) -> list[tuple[Candidate, str | None]]:
    """Each candidate at its confirmed stage, with None; or as it came, with why it is not confirmed.

    ``whole_frame``: these are all candidates of one frame, so tracks that are not among them were missed.
    """
    present = {item.key for item in found}
    for candidate in found:
        _adopt(turn, candidate, present)
    if whole_frame:
        for key, track in list(turn.tracks.items()):
            if key not in present:
                turn.tracks[key] = _counted(track, None)
    return [_staged(turn, candidate) for candidate in found]


def void_motion(turn: Turn) -> None:
    """Forgets what was confirmed about motion: after a cut or a gap nothing is known to approach."""
    for key, track in turn.tracks.items():
        turn.tracks[key] = dataclasses.replace(
            track, hits=(0, 0, track.hits[2]), sure=(False, False, track.sure[2]))


def _staged(turn: Turn, candidate: Candidate) -> tuple[Candidate, str | None]:
    old = turn.tracks.get(candidate.key)
    track = old or Track(candidate.key, candidate.class_id, candidate.bearing_deg, turn.now_s)
    cooldown_s = turn.policy.place_cooldown_s if candidate.place else turn.policy.cooldown_s
    if old is not None and turn.now_s - old.seen_s >= cooldown_s:  # so long out of view: new again
        track = dataclasses.replace(track, spoken_stage=None, spoken_id=None)
    track = _counted(track, candidate)
    turn.tracks[candidate.key] = dataclasses.replace(
        track, bearing_deg=candidate.bearing_deg, class_id=candidate.class_id, seen_s=turn.now_s)
    for stage in ("P0", "P1", "P2"):
        rank = STAGE_RANK[stage]
        too_low = rank == STAGE_RANK["P2"] and candidate.stage != "P2"  # a hazard is never downgraded to context
        if rank >= STAGE_RANK[candidate.stage] and not too_low and track.sure[rank]:
            return dataclasses.replace(candidate, stage=stage), None
    return candidate, f"frame {track.hits[STAGE_RANK[candidate.stage]]} of {candidate.confirm_frames}"


def _counted(track: Track, candidate: Candidate | None) -> Track:
    hits, sure = list(track.hits), list(track.sure)
    for rank in range(len(hits)):
        if candidate is not None and STAGE_RANK[candidate.stage] <= rank:
            needed = candidate.confirm_frames
            hits[rank] = min(max(hits[rank], 0) + 1, needed)
            sure[rank] = sure[rank] or hits[rank] >= needed
        else:
            hits[rank] = max(hits[rank] - 1, 0)
            sure[rank] = sure[rank] and hits[rank] > 0
    return dataclasses.replace(track, hits=tuple(hits), sure=tuple(sure))


def _adopt(turn: Turn, candidate: Candidate, present: set[str]) -> None:
    """Gives a new track the memory of one of its class that vanished just now at the same bearing.

    What was only measured has to be confirmed anew: two regions at one bearing may be two noises.
    """
    if candidate.key in turn.tracks or candidate.track_id is None or candidate.bearing_deg is None:
        return
    policy = turn.policy
    lost = [
        track for track in turn.tracks.values()
        if track.key.startswith("track:") and track.key not in present and track.class_id == candidate.class_id
        and track.bearing_deg is not None and turn.now_s - track.seen_s <= policy.adopt_within_s
        and abs(track.bearing_deg - candidate.bearing_deg) <= policy.adopt_within_deg
    ]
    if not lost:
        return
    nearest = min(lost, key=lambda track: (abs(track.bearing_deg - candidate.bearing_deg), track.key))
    learned = candidate.source == "learned"
    del turn.tracks[nearest.key]
    turn.tracks[candidate.key] = dataclasses.replace(
        nearest, key=candidate.key, hits=nearest.hits if learned else NO_HITS,
        sure=nearest.sure if learned else NOT_SURE,
    )
