"""A source's clock that jumps back: a looped or sought video begins anew, the person's time does not."""

from __future__ import annotations

import dataclasses

from maxsight_core.alerts.confirm import void_motion
from maxsight_core.alerts.policy import AlertPolicy
from maxsight_core.alerts.settle import expire
from maxsight_core.alerts.state import AlertState
from maxsight_core.alerts.turn import Turn
from maxsight_core.contracts import AlertDecision, SessionSettings


def rewind(state: AlertState, time_s: float, policy: AlertPolicy) -> tuple[AlertState, list[AlertDecision]]:
    """A state whose clock starts anew when the source's clock jumped back (a looped or sought video).

    Cooldowns and limits keep their elapsed time; what waited has expired and motion is void.
    """
    if state.frame_s is None or state.time_s is None or time_s >= state.frame_s - policy.frame_gap_s:
        return state, []
    shift_s = time_s - state.frame_s
    turn = Turn(state, state.time_s, 0, SessionSettings(), policy)
    for key in list(turn.episodes):
        turn.end_episode(key)
    for item in list(turn.pending.values()):
        expire(turn, item, "expired: the source's clock jumped back")
    void_motion(turn)
    return _shifted(turn.close(), shift_s), turn.rows


def _shifted(state: AlertState, by_s: float) -> AlertState:
    def moved(time_s: float | None) -> float | None:
        return None if time_s is None else time_s + by_s

    speech = state.speech
    return dataclasses.replace(
        state, time_s=moved(state.time_s), frame_s=moved(state.frame_s), last_end_s=moved(state.last_end_s),
        last_p2_s=moved(state.last_p2_s),
        speech=speech and dataclasses.replace(speech, starts_s=speech.starts_s + by_s, ends_s=speech.ends_s + by_s),
        tracks=tuple(dataclasses.replace(
            item, seen_s=item.seen_s + by_s, spoken_s=item.spoken_s + by_s, felt_s=item.felt_s + by_s,
        ) for item in state.tracks),
        items=tuple(dataclasses.replace(item, said_s=item.said_s + by_s) for item in state.items),
        spoken_s=tuple(t + by_s for t in state.spoken_s), delivered_s=tuple(t + by_s for t in state.delivered_s),
        overload_s=tuple(t + by_s for t in state.overload_s),
        perception=dataclasses.replace(state.perception, unclear_since_s=None, good_since_s=None),
        context=dataclasses.replace(state.context, seen=None, news=None, glare_since_s=None, glare_told=False),
    )
