"""What happens between frames: the person asks, the browser reports a delivery, perception is lost or back."""

from __future__ import annotations

import dataclasses

from maxsight_core.alerts import perception
from maxsight_core.alerts.catalogue import has, say
from maxsight_core.alerts.inputs import Candidate
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.rules import judge
from maxsight_core.alerts.settle import settle
from maxsight_core.alerts.state import AlertState, Track
from maxsight_core.alerts.turn import Turn
from maxsight_core.contracts import AlertDecision, SessionSettings

REPORTED_FATES: tuple[str, ...] = ("spoken", "haptic_only", "expired", "interrupted")
LOST_NOTICES: tuple[str, ...] = ("vision_paused", "camera_lost", "engine_stalled")
RESUMED_NOTICE = "vision_resumed"


def on_request(
    state: AlertState, request: str, text: str | None, seq: int, time_s: float, settings: SessionSettings,
    policy: AlertPolicy = DEFAULT_POLICY,
) -> tuple[AlertState, tuple[AlertDecision, ...]]:
    """The answer to something the person asked for, as a P3 row (and the row it cut short or replaced).

    Args:
        request: ``describe``, ``find``, ``read``, ``repeat`` or another word. ``repeat`` says the last words
            again and ignores ``text``.
        text: the answer; None or blank: the catalogue's "nothing found" for this request.
        seq, time_s: of the frame that it was answered from.
    """
    turn = Turn(state, max(time_s, state.time_s if state.time_s is not None else time_s), seq, settings, policy)
    answer = turn.last_text if request == "repeat" else (text or "")
    words = " ".join(answer.split()[: policy.p3_max_words])
    if not words:
        key = f"answer.none.{request}"
        words = say(key if has(key) else "answer.none.other")
    for key, item in list(turn.pending.items()):
        if item.candidate.stage == "P3":  # a new question takes the place of the old one
            del turn.pending[key]
            turn.emit(dataclasses.replace(item.row, fate="suppressed", reason="superseded: a newer request"))
    candidate = Candidate(key=f"answer:{request}", stage="P3", kind="answer", seq=seq, time_s=turn.now_s,
                          label=words, per_frame=False)
    verdict = judge(turn, candidate)
    settle(turn, candidate, None, verdict, fresh=True)
    return turn.close(), tuple(turn.rows)


def on_notice(
    state: AlertState, kind: str, seq: int, time_s: float, settings: SessionSettings,
    policy: AlertPolicy = DEFAULT_POLICY, *, said_by_browser: bool = False,
) -> tuple[AlertState, tuple[AlertDecision, ...]]:
    """Perception is lost (:data:`LOST_NOTICES`) or back (:data:`RESUMED_NOTICE`), from the browser or a watchdog.

    ``said_by_browser``: the browser has already said it; the row records that, and nothing is to be delivered.
    A loss that was already told is recorded as suppressed. Without ``said_by_browser``, "back" says nothing by
    itself: :func:`decide` tells it once frames have been steady for two seconds.

    Raises:
        ValueError: unknown ``kind``.
    """
    if kind not in (*LOST_NOTICES, RESUMED_NOTICE):
        raise ValueError(f"notice: expected one of {', '.join((*LOST_NOTICES, RESUMED_NOTICE))}; got {kind!r}")
    turn = Turn(state, max(time_s, state.time_s if state.time_s is not None else time_s), seq, settings, policy)
    known = turn.perception
    if kind == RESUMED_NOTICE:
        if known.lost is not None and said_by_browser:
            perception.tell_resumed(turn, said_by_browser=True)
    elif known.lost is None:
        perception.tell_lost(turn, kind, said_by_browser=said_by_browser)
    else:
        turn.perception = dataclasses.replace(known, good_since_s=None)
        candidate = Candidate(key=perception.KEY, stage="P0", kind="perception", seq=seq, time_s=turn.now_s,
                              label=kind, per_frame=False)
        turn.hold(candidate, "suppressed", "already_said", f"told by {known.told_id}")
    return turn.close(), tuple(turn.rows)


def on_delivery(
    state: AlertState, alert_id: str, fate: str, policy: AlertPolicy = DEFAULT_POLICY,
) -> AlertState:
    """The state after the browser reported what it did with an alert; the ledger takes the same report.

    ``expired`` gives the alert back: it was never said, so its cooldown and its place in the limits are undone
    and the next frame may say it. ``interrupted`` and ``haptic_only`` end the speech; ``spoken`` changes nothing.

    Raises:
        ValueError: a fate that a browser cannot report.
    """
    if fate not in REPORTED_FATES:
        raise ValueError(f"delivery: expected one of {', '.join(REPORTED_FATES)}; got {fate!r}")
    if fate == "spoken":
        return state
    if state.speech is not None and state.speech.row.alert_id == alert_id:
        state = dataclasses.replace(state, speech=None, last_end_s=state.time_s)
    return _give_back(state, alert_id, policy) if fate == "expired" else state


def _give_back(state: AlertState, alert_id: str, policy: AlertPolicy) -> AlertState:
    track = next((item for item in state.tracks if item.spoken_id == alert_id), None)
    if track is None:
        return state
    said_s = track.spoken_s
    unsaid: Track = dataclasses.replace(track, spoken_stage=None, spoken_id=None, felt_stage=None)
    return dataclasses.replace(
        state,
        tracks=tuple(unsaid if item is track else item for item in state.tracks),
        items=tuple(item for item in state.items if item.said_s != said_s),
        spoken_s=_without(state.spoken_s, said_s), delivered_s=_without(state.delivered_s, said_s),
        overload_s=_without(state.overload_s, said_s),
        last_p2_s=None if state.last_p2_s == said_s else state.last_p2_s,
    )


def _without(times: tuple[float, ...], time_s: float) -> tuple[float, ...]:
    kept = list(times)
    if time_s in kept:
        kept.remove(time_s)
    return tuple(kept)

