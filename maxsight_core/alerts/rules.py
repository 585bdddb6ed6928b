"""The rules that decide what becomes of one candidate now: pure judgements, nothing is changed here."""

from __future__ import annotations

from dataclasses import dataclass

from maxsight_core.alerts.inputs import Candidate
from maxsight_core.alerts.state import Track
from maxsight_core.alerts.turn import Turn

SPEAK, FEEL, WAIT, HOLD, EXPIRE = "speak", "feel", "wait", "hold", "expire"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``action`` with the ``code`` of the rule that led to it and ``why`` in words."""

    action: str
    code: str
    why: str = ""


def judge(turn: Turn, candidate: Candidate) -> Verdict:
    """What becomes of a confirmed candidate at the time of this turn."""
    track = turn.tracks.get(candidate.key)
    age_s = turn.now_s - candidate.time_s
    if age_s > turn.policy.expiry_s(candidate.stage):
        return _too_late(turn, candidate, track, age_s)
    if candidate.stage == "P3":
        return _answer(turn)
    if turn.settings.silenced:
        return _silenced(turn, candidate, track)
    if candidate.stage == "P0":
        return _stop(turn, track)
    if candidate.stage == "P1":
        return _soon(turn, track)
    return _context(turn, candidate, track)


def _too_late(turn: Turn, candidate: Candidate, track: Track | None, age_s: float) -> Verdict:
    """Never spoken late. A stop that came too late for words is still felt: silence must not look like safety."""
    why = f"the frame is {age_s:.1f} s old"
    if candidate.stage != "P0":
        return Verdict(EXPIRE, "too_late", why)
    return _feel_again(turn, track, "too_late", why)


def _stop(turn: Turn, track: Track | None) -> Verdict:
    said_s = _said_ago_s(turn, track, "P0")
    if said_s is not None and said_s < turn.policy.cooldown_s:
        return _feel_again(turn, track, "cooldown", f"said {said_s:.1f} s ago")
    speech = turn.speech
    if speech is not None and speech.row.stage == "P0" and speech.row.kind != "perception":
        return _feel_again(turn, track, "busy", f"another stop, {speech.row.alert_id}, is being said")
    if turn.makes_overload() and not turn.overload_allowed():
        return _feel_again(turn, track, "overload", "too many alerts in the last seconds")
    return Verdict(SPEAK, "stop", "time to contact below the limit, on a collision course")


def _soon(turn: Turn, track: Track | None) -> Verdict:
    policy = turn.policy
    said_s = _said_ago_s(turn, track, "P1")
    if said_s is not None and said_s < policy.cooldown_s:
        return Verdict(HOLD, "cooldown", f"said {said_s:.1f} s ago")
    if turn.minute_full():
        return Verdict(HOLD, "rate_limit", f"{policy.alerts_per_minute} alerts in the last minute")
    if turn.makes_overload():
        return _feel_once(turn, track, "overload", "too many alerts in the last seconds")
    if turn.speech is None:
        return Verdict(SPEAK, "soon", "time to contact below the limit, on a collision course")
    left_s = turn.speech.ends_s - turn.now_s
    if left_s <= policy.p1_expiry_s and not turn.style.one_at_a_time:
        return Verdict(WAIT, "busy", f"{turn.speech.row.alert_id} is being said for another {left_s:.1f} s")
    return _feel_once(turn, track, "busy", f"{turn.speech.row.alert_id} is being said for another {left_s:.1f} s")


def _context(turn: Turn, candidate: Candidate, track: Track | None) -> Verdict:
    policy, now_s = turn.policy, turn.now_s
    if turn.perception.lost is not None:
        return Verdict(HOLD, "lost", "nothing is seen at present")
    if turn.uncertain:
        return Verdict(HOLD, "uncertain", f"uncertainty above {policy.uncertainty_generic_above:g}")
    cooldown_s = policy.place_cooldown_s if candidate.place else policy.cooldown_s
    if track is not None and track.spoken_stage is not None:
        return Verdict(HOLD, "not_new", "said before, and hardly out of view since")
    said_s = turn.items.get(turn.item_of(candidate))
    if said_s is not None and now_s - said_s < cooldown_s:
        return Verdict(HOLD, "same_item", "the same was said in this direction a short while ago")
    if turn.last_p2_s is not None and now_s - turn.last_p2_s < policy.p2_spacing_s:
        return Verdict(HOLD, "p2_spacing", f"context is at least {policy.p2_spacing_s:g} s apart")
    if turn.minute_full():
        return Verdict(HOLD, "rate_limit", f"{policy.alerts_per_minute} alerts in the last minute")
    if turn.makes_overload():
        return Verdict(HOLD, "overload", "too many alerts in the last seconds")
    return _context_slot(turn)


def _context_slot(turn: Turn) -> Verdict:
    paused_s = None if turn.last_end_s is None else turn.now_s - turn.last_end_s
    if turn.style.one_at_a_time and (turn.speech is not None or any(
            item.candidate.stage in ("P0", "P1") for item in turn.pending.values())):
        return Verdict(HOLD, "one_at_a_time", "something else is being said")
    if paused_s is not None and paused_s < turn.style.pause_s:
        return Verdict(HOLD, "pause", f"{turn.style.pause_s:g} s of quiet after the last words")
    if turn.speech is None:
        return Verdict(SPEAK, "context", "new, and there is room for it")
    left_s = turn.speech.ends_s - turn.now_s
    if left_s <= turn.policy.p2_expiry_s:
        return Verdict(WAIT, "busy", f"{turn.speech.row.alert_id} is being said for another {left_s:.1f} s")
    return Verdict(HOLD, "busy", f"{turn.speech.row.alert_id} is being said for another {left_s:.1f} s")


def _answer(turn: Turn) -> Verdict:
    """The person asked: an answer waits for hazards only, and is spoken even when alerts are silenced."""
    if turn.speech is None or turn.speech.row.stage in ("P2", "P3"):
        return Verdict(SPEAK, "request", "the person asked")
    return Verdict(WAIT, "busy", f"{turn.speech.row.alert_id} is being said")


def _silenced(turn: Turn, candidate: Candidate, track: Track | None) -> Verdict:
    """No words. Stops and hazards are felt, and a stop keeps its sound: not everybody has a vibration motor."""
    if candidate.stage == "P2":
        return Verdict(HOLD, "silenced", "the person silenced speech")
    why = "the person silenced speech"
    if candidate.stage == "P0":
        return _feel_again(turn, track, "silenced", why)
    said_s = _said_ago_s(turn, track, "P1")
    if said_s is not None and said_s < turn.policy.cooldown_s:
        return Verdict(HOLD, "cooldown", f"said {said_s:.1f} s ago")
    if turn.minute_full():
        return Verdict(HOLD, "rate_limit", f"{turn.policy.alerts_per_minute} alerts in the last minute")
    return _feel_once(turn, track, "silenced", why)


def _feel_again(turn: Turn, track: Track | None, code: str, why: str) -> Verdict:
    """A stop that is not said is felt, and felt again while it lasts."""
    felt_s = _felt_ago_s(turn, track, "P0")
    if felt_s is not None and felt_s < turn.policy.p0_haptic_again_s:
        return Verdict(HOLD, code, f"{why}; felt {felt_s:.1f} s ago")
    return Verdict(FEEL, code, why)


def _feel_once(turn: Turn, track: Track | None, code: str, why: str) -> Verdict:
    felt_s = _felt_ago_s(turn, track, "P1")
    if felt_s is not None and felt_s < turn.policy.cooldown_s:
        return Verdict(HOLD, code, f"{why}; felt {felt_s:.1f} s ago")
    if turn.minute_full():
        return Verdict(HOLD, "rate_limit", f"{turn.policy.alerts_per_minute} alerts in the last minute")
    return Verdict(FEEL, code, why)


def _said_ago_s(turn: Turn, track: Track | None, stage: str) -> float | None:
    """Seconds since this track was said at ``stage`` or a more urgent one; None: never."""
    if track is None or turn.rank(track.spoken_stage) > turn.rank(stage):
        return None
    return turn.now_s - track.spoken_s


def _felt_ago_s(turn: Turn, track: Track | None, stage: str) -> float | None:
    if track is None or turn.rank(track.felt_stage) > turn.rank(stage):
        return None
    return turn.now_s - track.felt_s
