"""Lost perception: said once and felt, because silence must never look like safety.

Lost is: the camera or the engine says so, a frame is older than a second, or nothing usable has been seen for a
second (covered lens, darkness, full glare). "Seeing again" is said only after two steady seconds; until then a new
loss is no news, because the person still knows that nothing is seen.
"""

from __future__ import annotations

import dataclasses

from maxsight_core.alerts.earcons import LOST_EARCON, RESUMED_EARCON
from maxsight_core.alerts.haptics import notice_haptic
from maxsight_core.alerts.inputs import AlertInputs, Candidate
from maxsight_core.alerts.state import Perception
from maxsight_core.alerts.turn import Turn

KEY = "perception"


def step(turn: Turn, inputs: AlertInputs) -> bool:
    """Tells of lost or regained perception when it is due; True when this frame cannot be trusted at all."""
    reason = _lost_reason(turn, inputs)
    if reason is None:
        _regain(turn)
        return False
    if turn.perception.lost is None:
        tell_lost(turn, reason)
    turn.perception = dataclasses.replace(turn.perception, good_since_s=None)
    return reason != "unclear"  # what is still detected in an unclear picture must surface


def _lost_reason(turn: Turn, inputs: AlertInputs) -> str | None:
    if inputs.lost is not None:
        return inputs.lost
    if inputs.frame_age_s > turn.policy.stale_frame_s:
        return "stale_frame"
    level = inputs.uncertainty if inputs.quality is None else inputs.quality.uncertainty
    known = turn.perception
    still_poor = known.lost == "unclear" and level > turn.policy.uncertainty_generic_above
    if level < turn.policy.unclear_uncertainty and not still_poor:
        turn.perception = dataclasses.replace(known, unclear_since_s=None)
        return None
    since_s = turn.now_s if known.unclear_since_s is None else known.unclear_since_s
    turn.perception = dataclasses.replace(known, unclear_since_s=since_s)
    return "unclear" if still_poor or turn.now_s - since_s >= turn.policy.unclear_after_s else None


def tell_lost(turn: Turn, reason: str, *, said_by_browser: bool = False) -> None:
    """Says (silenced: lets feel) that nothing is seen, over whatever else is being said."""
    candidate = _notice(turn, "P0", reason)
    alert_id = turn.new_id()
    turn.cut_speech(alert_id)
    _deliver(turn, candidate, alert_id, LOST_EARCON, "lost", turn.policy.p3_expiry_s, said_by_browser, interrupts=True)
    turn.perception = Perception(lost=reason, told_id=alert_id, unclear_since_s=turn.perception.unclear_since_s)


def tell_resumed(turn: Turn, *, said_by_browser: bool = False) -> None:
    """Says that seeing is back; the caller has found room for it, or the browser has said it already."""
    alert_id = turn.new_id()
    if said_by_browser:
        turn.cut_speech(alert_id)
    _deliver(turn, _notice(turn, "P1", "resumed"), alert_id, RESUMED_EARCON, "resumed", turn.policy.p2_expiry_s,
             said_by_browser, interrupts=False)
    turn.perception = Perception()


def _regain(turn: Turn) -> None:
    known = turn.perception
    if known.lost is None:
        return
    since_s = turn.now_s if known.good_since_s is None else known.good_since_s
    turn.perception = dataclasses.replace(known, good_since_s=since_s)
    if turn.now_s - since_s < turn.policy.resume_after_s:
        return
    if turn.settings.silenced or (turn.speech is None and not turn.makes_overload()):
        tell_resumed(turn)


def _notice(turn: Turn, stage: str, label: str) -> Candidate:
    return Candidate(key=KEY, stage=stage, kind="perception", seq=turn.seq, time_s=turn.now_s, label=label,
                     urgency=2 if stage == "P0" else 0, per_frame=False)


def _deliver(
    turn: Turn, candidate: Candidate, alert_id: str, earcon: str, haptic: str, expiry_s: float, said_by_browser: bool,
    *, interrupts: bool,
) -> None:
    turn.end_episode(KEY)
    speaks = said_by_browser or not turn.settings.silenced
    row = turn.row(
        candidate, "spoken" if speaks else "haptic_only",
        "browser" if said_by_browser else "perception" if speaks else "silenced",
        "the browser said so itself" if said_by_browser else "silence must not look like safety",
        alert_id, earcon=earcon, haptic=notice_haptic(haptic), expires_s=turn.now_s + expiry_s,
        interrupts=interrupts and speaks,
    )
    turn.emit(row)
    turn.assign(candidate, alert_id)
    if speaks:
        turn.speak(row, KEY, counted=False)
