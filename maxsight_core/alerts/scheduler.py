"""The alert scheduler: what is said now, what is felt, what waits, and what is not said and why.

``decide`` is pure: the same state, inputs, settings and policy give the same decisions, byte for byte. Every
candidate of every frame ends in exactly one ledger row. A row is sent when it begins and again, under the same
``alert_id``, when its fate or its count changes; the last one sent holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from maxsight_core.alerts import perception
from maxsight_core.alerts.candidates import candidates
from maxsight_core.alerts.clock import rewind
from maxsight_core.alerts.confirm import confirm, void_motion
from maxsight_core.alerts.context import context_candidates, observe
from maxsight_core.alerts.inputs import AlertInputs, Candidate, ContextItem
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.rules import judge
from maxsight_core.alerts.settle import expire, finish_as, settle, tidy
from maxsight_core.alerts.state import AlertState, Pending
from maxsight_core.alerts.styles import order_rank
from maxsight_core.alerts.turn import Turn
from maxsight_core.contracts import AlertDecision, SessionSettings

TURN_ORDER = {"P0": 0, "P1": 1, "P3": 2, "P2": 3}
"""Who goes first when several want to be said: an answer the person asked for comes before context."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one decision. ``assigned``: each candidate of the call with the ledger row it ended in."""

    state: AlertState
    decisions: tuple[AlertDecision, ...]
    assigned: tuple[tuple[Candidate, str], ...]


def decide(
    state: AlertState, inputs: AlertInputs, settings: SessionSettings, policy: AlertPolicy = DEFAULT_POLICY,
) -> tuple[AlertState, tuple[AlertDecision, ...]]:
    """Decides on one Stage A frame.

    Returns:
        The new state, and the ledger rows that began or changed. Deliver those whose fate is ``spoken`` or
        ``haptic_only`` (in that order of the list); write all of them to the ledger by ``alert_id``.
    """
    outcome = decide_traced(state, inputs, settings, policy)
    return outcome.state, outcome.decisions


def decide_traced(
    state: AlertState, inputs: AlertInputs, settings: SessionSettings, policy: AlertPolicy = DEFAULT_POLICY,
) -> Outcome:
    """As :func:`decide`, and also says which candidate went into which row (Dev view, tests)."""
    state, closed = rewind(state, inputs.time_s, policy)
    uncertain = inputs.uncertainty > policy.uncertainty_generic_above
    now_s = max(inputs.time_s + inputs.frame_age_s, -math.inf if state.time_s is None else state.time_s)
    turn = Turn(state, now_s, inputs.seq, settings, policy, uncertain)
    turn.rows.extend(closed)
    _apply_silence(turn)
    blind = perception.step(turn, inputs)
    _observe_frame(turn, inputs)
    found = candidates(inputs, policy, turn.context)
    if blind:
        for candidate in found:
            finish_as(turn, candidate, turn.pending.pop(candidate.key, None), "expired", "lost",
                       f"perception is lost: {inputs.lost or 'stale frame'}")
    else:
        _contend(turn, confirm(turn, found, whole_frame=True))
    tidy(turn)
    return Outcome(turn.close(), tuple(turn.rows), tuple(turn.assigned))


def decide_context(
    state: AlertState, items: Sequence[ContextItem], seq: int, settings: SessionSettings,
    policy: AlertPolicy = DEFAULT_POLICY, uncertainty: float = 0.0,
) -> tuple[AlertState, tuple[AlertDecision, ...]]:
    """Decides on Stage B's findings between two frames; Stage A's tracks are left as they are.

    The time is that of the last Stage A frame, so a finding that took too long has expired.
    """
    newest_s = max((item.time_s for item in items), default=-math.inf)
    now_s = newest_s if state.time_s is None else max(state.time_s, newest_s)
    if not math.isfinite(now_s):
        return state, ()
    turn = Turn(state, now_s, seq, settings, policy, uncertainty > policy.uncertainty_generic_above)
    inputs = AlertInputs(seq=seq, time_s=now_s, context=tuple(items))
    unique = {item.key: item for item in context_candidates(inputs, policy, None)}
    _contend(turn, confirm(turn, list(unique.values()), whole_frame=False))
    tidy(turn)
    return turn.close(), tuple(turn.rows)


def finish(
    state: AlertState, settings: SessionSettings, policy: AlertPolicy = DEFAULT_POLICY, reason: str = "session ended",
) -> tuple[AlertState, tuple[AlertDecision, ...]]:
    """Closes every open row at the end of a session: nothing stays pending."""
    turn = Turn(state, state.time_s or 0.0, 0, settings, policy)
    for key in list(turn.episodes):
        turn.end_episode(key)
    for item in list(turn.pending.values()):
        expire(turn, item, f"ended: {reason}")
    return turn.close(), tuple(turn.rows)


def _apply_silence(turn: Turn) -> None:
    """The silence key stops the words that are being said; an answer the person asked for goes on."""
    if turn.settings.silenced and turn.speech is not None and turn.speech.row.stage != "P3":
        turn.cut_speech("the silence key")


def _observe_frame(turn: Turn, inputs: AlertInputs) -> None:
    gap = turn.frame_s is not None and inputs.time_s - turn.frame_s > turn.policy.frame_gap_s
    if gap or (inputs.ego is not None and inputs.ego.cut):
        void_motion(turn)
    turn.context = observe(turn.context, inputs, turn.policy)
    if inputs.quality is not None:
        turn.lighting = inputs.quality.lighting
    turn.frame_s = inputs.time_s


def _contend(turn: Turn, found: list[tuple[Candidate, str | None]]) -> None:
    """Every candidate and every context item that waits is settled, in order of urgency."""
    contenders: list[tuple[Candidate, Pending | None, bool]] = []
    for candidate, unconfirmed in found:
        waiting = turn.pending.pop(candidate.key, None)
        if unconfirmed is None:
            contenders.append((candidate, waiting, True))
        else:
            finish_as(turn, candidate, waiting, "suppressed", "unconfirmed", unconfirmed)
    for key, waiting in list(turn.pending.items()):
        if not waiting.candidate.per_frame:
            del turn.pending[key]
            contenders.append((waiting.candidate, waiting, False))
    for candidate, waiting, fresh in sorted(contenders, key=lambda item: _contender_order(turn, item[0])):
        settle(turn, candidate, waiting, judge(turn, candidate), fresh)


def _contender_order(turn: Turn, candidate: Candidate) -> tuple:
    """P0 by time to contact alone; below, what the person misses and what the condition puts first goes first."""
    contact_s = math.inf if candidate.time_to_contact_s is None else candidate.time_to_contact_s
    personal = (0, 0) if candidate.stage == "P0" else (0 if candidate.missed else 1,
                                                       order_rank(candidate, turn.settings))
    return (TURN_ORDER[candidate.stage], *personal, contact_s, -candidate.urgency,
            abs(candidate.bearing_deg or 0.0), candidate.key)
