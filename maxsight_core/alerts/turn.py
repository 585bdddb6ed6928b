"""One turn of the scheduler: the state opened for change, the rows it emits, and the state closed again.

The scheduler's functions are pure because a turn never outlives the call that opened it.
"""

from __future__ import annotations

import dataclasses

from maxsight_core.alerts.earcons import earcon_for
from maxsight_core.alerts.haptics import haptic_for
from maxsight_core.alerts.inputs import Candidate
from maxsight_core.alerts.policy import STAGE_RANK, AlertPolicy
from maxsight_core.alerts.state import AlertState, Episode, Pending, SaidItem, Speech, Track
from maxsight_core.alerts.styles import Style, style_of
from maxsight_core.alerts.wording import side, speech_s, words
from maxsight_core.contracts import AlertDecision, SessionSettings

MINUTE_S = 60.0


class Turn:
    """An open :class:`AlertState`. ``rows`` are the decisions, ``assigned`` pairs each candidate with its row."""

    def __init__(
        self, state: AlertState, now_s: float, seq: int, settings: SessionSettings, policy: AlertPolicy,
        uncertain: bool = False,
    ) -> None:
        self.before, self.now_s, self.seq = state, now_s, seq
        self.settings, self.policy, self.uncertain = settings, policy, uncertain
        self.style: Style = style_of(settings)
        self.rows: list[AlertDecision] = []
        self.assigned: list[tuple[Candidate, str]] = []
        self.next_number, self.frame_s = state.next_number, state.frame_s
        self.speech, self.last_end_s, self.last_text = state.speech, state.last_end_s, state.last_text
        self.pending: dict[str, Pending] = {item.candidate.key: item for item in state.pending}
        self.tracks: dict[str, Track] = {item.key: item for item in state.tracks}
        self.episodes: dict[str, Episode] = {item.key: item for item in state.episodes}
        self.items: dict[str, float] = {item.item: item.said_s for item in state.items}
        self.spoken_s, self.delivered_s = list(state.spoken_s), list(state.delivered_s)
        self.overload_s, self.last_p2_s = list(state.overload_s), state.last_p2_s
        self.perception, self.context, self.lighting = state.perception, state.context, state.lighting
        self._end_finished_speech()

    def _end_finished_speech(self) -> None:
        if self.speech is not None and self.now_s >= self.speech.ends_s:
            self.last_end_s, self.speech = self.speech.ends_s, None

    def close(self) -> AlertState:
        """The state after this turn; what no rule can still ask for is forgotten."""
        policy, now_s = self.policy, self.now_s
        tracks = [item for item in self.tracks.values() if now_s - item.seen_s <= policy.memory_s]
        tracks = sorted(tracks, key=lambda item: (-item.seen_s, item.key))[: policy.max_tracks]
        keep_s = max(MINUTE_S, policy.overload_window_s)
        return AlertState(
            time_s=now_s, frame_s=self.frame_s, next_number=self.next_number, speech=self.speech,
            last_end_s=self.last_end_s, last_text=self.last_text, pending=tuple(self.pending.values()),
            tracks=tuple(sorted(tracks, key=lambda item: item.key)), episodes=tuple(self.episodes.values()),
            items=tuple(SaidItem(item, said) for item, said in sorted(self.items.items())
                        if now_s - said <= policy.memory_s),
            spoken_s=tuple(t for t in self.spoken_s if now_s - t <= keep_s),
            delivered_s=tuple(t for t in self.delivered_s if now_s - t <= keep_s),
            overload_s=tuple(t for t in self.overload_s if now_s - t <= keep_s),
            last_p2_s=self.last_p2_s, perception=self.perception, context=self.context, lighting=self.lighting,
        )

    # --- rows ---

    def new_id(self) -> str:
        """``"<frame seq>-<n>"``; n counts over the session, so an id is never given twice."""
        self.next_number += 1
        return f"{self.seq}-{self.next_number - 1}"

    def row(
        self, candidate: Candidate, fate: str, code: str, why: str = "", alert_id: str | None = None, **changes: object,
    ) -> AlertDecision:
        """A decision about a candidate. In a masked session what would be delivered is ``masked``."""
        stage = candidate.stage
        uncertain = self.uncertain and candidate.kind in ("approach", "fall")
        reason = f"{code}: {why}" if why else code
        said = fate == "spoken"
        if self.settings.masked and fate in ("spoken", "haptic_only"):
            fate, reason = "masked", f"masked: would have been {fate} ({reason})"
        delivered = fate in ("spoken", "haptic_only", "masked", "pending")
        fields: dict[str, object] = {
            "haptic": haptic_for(candidate, stage, self.settings, self.lighting, self.policy) if delivered else None,
            "earcon": earcon_for(stage) if delivered else None,
            "interrupts": said and stage == "P0",
            "expires_s": candidate.time_s + self.policy.expiry_s(stage),
        }
        return AlertDecision(
            alert_id=alert_id or self.new_id(), stage=stage, kind=candidate.kind, fate=fate, reason=reason,
            text=words(candidate, stage, self.settings, uncertain=uncertain, policy=self.policy),
            seq=candidate.seq, time_s=candidate.time_s, track_id=candidate.track_id, class_name=candidate.class_name,
            bearing_deg=candidate.bearing_deg, distance_m=candidate.distance_m,
            time_to_contact_s=candidate.time_to_contact_s, urgency=candidate.urgency, source=candidate.source,
            **{**fields, **changes},
        )

    def emit(self, row: AlertDecision) -> None:
        self.rows.append(row)

    def assign(self, candidate: Candidate, alert_id: str) -> None:
        self.assigned.append((candidate, alert_id))

    # --- speech ---

    def speak(self, row: AlertDecision, key: str, *, counted: bool) -> None:
        """Begins saying a row; the caller has made sure that nothing else is being said, or cut it short."""
        duration_s = speech_s(row.text, self.settings, self.policy)
        self.speech = Speech(row=row, key=key, starts_s=self.now_s, ends_s=self.now_s + duration_s)
        if row.stage != "P3" or not key.endswith(":repeat"):  # "nothing was said yet" is not worth repeating
            self.last_text = row.text
        if counted:
            if self.makes_overload() and not self.in_overload():
                self.overload_s.append(self.now_s)
            self.spoken_s.append(self.now_s)
            self.delivered_s.append(self.now_s)

    def cut_speech(self, by: str) -> None:
        """Ends what is being said before its end and gives it its final fate."""
        if self.speech is None:
            return
        row = self.speech.row
        if row.fate == "masked":
            self.emit(dataclasses.replace(row, reason=f"{row.reason}; would have been interrupted by {by}"))
        else:
            self.emit(dataclasses.replace(row, fate="interrupted", reason=f"interrupted: by {by}"))
        self.speech, self.last_end_s = None, self.now_s

    # --- limits ---

    def makes_overload(self) -> bool:
        """True when one more spoken alert now would be the third within five seconds."""
        policy = self.policy
        recent = sum(self.now_s - t < policy.overload_window_s for t in self.spoken_s)
        return recent + 1 >= policy.overload_count

    def in_overload(self) -> bool:
        """True during the five seconds of an overload event that has begun."""
        return any(self.now_s - t < self.policy.overload_window_s for t in self.overload_s)

    def overload_allowed(self) -> bool:
        """True when an overload event of the stop alerts may still begin, or one is going on."""
        recent = sum(self.now_s - t < MINUTE_S for t in self.overload_s)
        return self.in_overload() or recent < self.policy.overload_events_per_minute

    def minute_full(self) -> bool:
        """True when the alerts of the last minute reach the limit."""
        return sum(self.now_s - t < MINUTE_S for t in self.delivered_s) >= self.policy.alerts_per_minute

    # --- episodes ---

    def hold(self, candidate: Candidate, fate: str, code: str, why: str, alert_id: str | None = None) -> None:
        """Records that a candidate is not delivered: one row for as long as it goes on for the same reason.

        ``alert_id``: the row of a pending alert that ends this way.
        """
        open_one = self.episodes.get(candidate.key)
        same = open_one is not None and alert_id is None and (open_one.code, open_one.row.stage, open_one.row.fate) == (
            code, candidate.stage, fate)
        if same:
            row, count, since_s = open_one.row, open_one.count + 1, open_one.since_s
        else:
            self.end_episode(candidate.key)
            row, count, since_s = self.row(candidate, fate, code, why, alert_id), 1, self.now_s
            self.emit(row)
        self.episodes[candidate.key] = Episode(candidate.key, code, row, since_s, self.now_s, count)
        self.assign(candidate, row.alert_id)

    def end_episode(self, key: str) -> None:
        """Closes a row; one that stood for several frames is sent once more with how many there were."""
        done = self.episodes.pop(key, None)
        if done is not None and done.count > 1:
            lasted_s = done.last_s - done.since_s
            self.emit(dataclasses.replace(
                done.row, reason=f"{done.row.reason}; {done.count} frames over {lasted_s:.1f} s"))

    def item_of(self, candidate: Candidate) -> str:
        """Name of "the same thing in the same direction"."""
        if candidate.track_id is None:
            return candidate.key
        return f"{candidate.class_name}|{side(candidate.bearing_deg, self.policy)}"

    def rank(self, stage: str | None) -> int:
        return STAGE_RANK[stage] if stage is not None else len(STAGE_RANK)
