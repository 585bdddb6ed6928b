"""Carrying out a verdict: the rows it makes and what the scheduler remembers of it."""

from __future__ import annotations

import dataclasses

from maxsight_core.alerts.inputs import Candidate
from maxsight_core.alerts.rules import EXPIRE, FEEL, HOLD, SPEAK, WAIT, Verdict
from maxsight_core.alerts.state import Pending, Track
from maxsight_core.alerts.turn import Turn


def settle(turn: Turn, candidate: Candidate, waiting: Pending | None, verdict: Verdict, fresh: bool) -> None:
    """Does what ``verdict`` says of a candidate.

    Args:
        waiting: the pending row of the same key, already taken out of the queue, or None.
        fresh: the candidate came with this call; otherwise it is an item that has waited since an earlier one.
    """
    if waiting is not None and waiting.candidate.stage != candidate.stage:
        turn.emit(dataclasses.replace(
            waiting.row, fate="suppressed", reason=f"rose: replaced at stage {candidate.stage} while it waited"))
        waiting = None
    alert_id = None if waiting is None else waiting.alert_id
    if verdict.action == SPEAK:
        _speak(turn, candidate, verdict, alert_id, fresh)
    elif verdict.action == FEEL:
        _feel(turn, candidate, verdict, alert_id, fresh)
    elif verdict.action == WAIT:
        _wait(turn, candidate, verdict, waiting, fresh)
    elif verdict.action in (HOLD, EXPIRE):
        fate = "suppressed" if verdict.action == HOLD else "expired"
        if fresh:
            turn.hold(candidate, fate, verdict.code, verdict.why, alert_id)
        else:
            turn.emit(turn.row(candidate, fate, verdict.code, verdict.why, alert_id))


def _speak(turn: Turn, candidate: Candidate, verdict: Verdict, alert_id: str | None, fresh: bool) -> None:
    turn.end_episode(candidate.key)
    interrupts = turn.speech is not None
    row = turn.row(candidate, "spoken", verdict.code, verdict.why, alert_id)
    if interrupts:
        row = dataclasses.replace(row, interrupts=True)
    turn.cut_speech(row.alert_id)
    turn.emit(row)
    turn.speak(row, candidate.key, counted=candidate.stage != "P3")
    if fresh:
        turn.assign(candidate, row.alert_id)
    if candidate.stage == "P3":
        return
    track = _track(turn, candidate)
    turn.tracks[candidate.key] = dataclasses.replace(
        track, spoken_stage=candidate.stage, spoken_s=turn.now_s, spoken_id=row.alert_id,
        felt_stage=candidate.stage if row.haptic else track.felt_stage,
        felt_s=turn.now_s if row.haptic else track.felt_s,
    )
    turn.items[turn.item_of(candidate)] = turn.now_s
    if candidate.stage == "P2":
        turn.last_p2_s = turn.now_s


def _feel(turn: Turn, candidate: Candidate, verdict: Verdict, alert_id: str | None, fresh: bool) -> None:
    turn.end_episode(candidate.key)
    silent_soon = turn.settings.silenced and candidate.stage == "P1"  # silenced: only a stop keeps its sound
    changes = {"earcon": None} if silent_soon else {}
    row = turn.row(candidate, "haptic_only", verdict.code, verdict.why, alert_id, **changes)
    turn.emit(row)
    if fresh:
        turn.assign(candidate, row.alert_id)
    track = _track(turn, candidate)
    turn.tracks[candidate.key] = dataclasses.replace(track, felt_stage=candidate.stage, felt_s=turn.now_s)
    if candidate.stage != "P0":
        turn.delivered_s.append(turn.now_s)


def _wait(turn: Turn, candidate: Candidate, verdict: Verdict, waiting: Pending | None, fresh: bool) -> None:
    if waiting is None and len(turn.pending) >= turn.policy.max_pending:
        turn.hold(candidate, "suppressed", "queue_full", f"{turn.policy.max_pending} alerts wait already")
        return
    turn.end_episode(candidate.key)
    alert_id = None if waiting is None else waiting.alert_id
    row = turn.row(candidate, "pending", verdict.code, verdict.why, alert_id)
    if waiting is None:
        turn.emit(row)
    true_s = turn.now_s if fresh or waiting is None else waiting.true_s
    turn.pending[candidate.key] = Pending(row.alert_id, candidate, row, true_s)
    if fresh:
        turn.assign(candidate, row.alert_id)


def finish_as(
    turn: Turn, candidate: Candidate, waiting: Pending | None, fate: str, code: str, why: str,
) -> None:
    """A candidate that does not contend; a row that waited for it ends the same way."""
    alert_id = None
    if waiting is not None and waiting.candidate.stage == candidate.stage:
        alert_id = waiting.alert_id
    elif waiting is not None:
        turn.emit(dataclasses.replace(waiting.row, fate="suppressed", reason=f"{code}: {why}"))
    turn.hold(candidate, fate, code, why, alert_id)


def _track(turn: Turn, candidate: Candidate) -> Track:
    return turn.tracks.get(candidate.key) or Track(
        candidate.key, candidate.class_id, candidate.bearing_deg, turn.now_s)


def tidy(turn: Turn) -> None:
    """Expires what has waited too long and closes the rows whose candidate is gone."""
    for item in list(turn.pending.values()):
        if turn.now_s > item.row.expires_s:
            expire(turn, item, "expired: no longer true when its turn came"
                    if turn.now_s > item.true_s else "expired: its turn did not come in time")
    for key, episode in list(turn.episodes.items()):
        if turn.now_s - episode.last_s > turn.policy.episode_gap_s:
            turn.end_episode(key)


def expire(turn: Turn, item: Pending, reason: str) -> None:
    """Takes an alert out of the queue unsaid."""
    turn.pending.pop(item.candidate.key, None)
    turn.emit(dataclasses.replace(item.row, fate="expired", reason=reason))
