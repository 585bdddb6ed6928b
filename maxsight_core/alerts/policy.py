"""Every default of the alert system in one frozen object, each with its unit and its source.

"Requirement" in a comment means MaxSight's own alert requirements, which docs/alerts.md states with the
literature behind them; "choice" means a figure decided here, with the reason in docs/alerts.md.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass

from maxsight_core.alerts.codec import decode, encode
from maxsight_core.contracts import AlertStage

STAGE_RANK: dict[str, int] = {"P0": 0, "P1": 1, "P2": 2, "P3": 3}
"""Lower is more urgent."""


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When something is said, how often, and for how long it stays worth saying.

    Raises:
        ValueError: a figure is negative, not finite, or contradicts another one.
    """

    # --- when: time to contact, not distance (requirement; Pundlik et al. 2015, IOVS 56:2571) ---
    p0_time_to_contact_s: float = 2.5     # requirement; above the 2.1 s of NHTSA's car forward-collision test
    p1_time_to_contact_s: float = 5.0     # requirement
    time_to_contact_min_frames: int = 3   # requirement: expansion over at least 3 frames of one track
    vehicle_p0_time_to_contact_s: float = 3.0  # requirement
    vehicle_p0_closing_mps: float = 2.2        # requirement: faster than anybody walks
    vehicle_groups: tuple[str, ...] = ("vehicle",)
    vehicle_names: tuple[str, ...] = (    # choice: things with wheels and a motor or a rider outside that group
        "mobility scooter", "e-scooter", "cyclist", "motorcyclist", "tram", "van", "taxi", "ambulance", "fire engine",
        "police car", "cargo bike", "forklift", "pallet truck", "reversing vehicle",
    )
    # Cross-check with distance: a nearest plausible distance that would need a faster approach than this
    # contradicts the time to contact, and the alert is P1 instead of P0 (choice).
    plausible_closing_mps: float = 10.0          # a runner (6) met by a fast walker (2), with margin
    plausible_vehicle_closing_mps: float = 40.0  # 144 km/h
    # Holes, edges and stairs have no height to expand: their time to contact is distance at walking pace (choice).
    walking_speed_mps: float = 1.2        # comfortable gait of adults is 1.2..1.4 m/s (Bohannon 1997, Age Ageing 26:15)
    fall_affordances: tuple[str, ...] = ("fall",)

    # --- hysteresis: one noisy estimate never says "Stop" (choice) ---
    confirm_frames_learned: int = 2       # on top of the 3 frames of the estimate itself
    confirm_frames_measured: int = 3      # a moving region without a class is the noisiest source
    confirm_frames_settled: int = 2       # a measured time to contact over so many frames has confirmed itself:
    settled_frames: int = 6               # it waits no longer than a named thing
    confirm_frames_context: int = 3
    adopt_within_s: float = 2.0           # a track lost and found again under another number keeps its memory
    adopt_within_deg: float = 15.0

    # --- cooldown ---
    cooldown_s: float = 15.0              # requirement: same item, per track
    place_cooldown_s: float = 60.0        # requirement: places
    p0_haptic_again_s: float = 2.0        # choice: danger that lasts is felt again, not said again
    p2_spacing_s: float = 15.0            # requirement

    # --- overload ---
    alerts_per_minute: int = 12           # requirement: averaged over 60 s; P0 is exempt
    overload_count: int = 3               # choice: three alerts begun within five seconds are one overload event
    overload_window_s: float = 5.0
    overload_events_per_minute: int = 1   # requirement: under 2 a minute

    # --- expiry after the frame (requirement) ---
    p0_expiry_s: float = 0.5
    p1_expiry_s: float = 1.0
    p2_expiry_s: float = 3.0
    p3_expiry_s: float = 10.0             # choice: an answer nobody could be given within 10 s is a new question
    stale_frame_s: float = 1.0            # requirement: an older frame is lost perception

    # --- uncertainty and lost perception ---
    uncertainty_generic_above: float = 0.7    # requirement
    unclear_uncertainty: float = 0.9          # choice: covered lens, darkness, full glare: seeing nothing is said
    unclear_after_s: float = 1.0              # choice: as long as a frame may be old
    resume_after_s: float = 2.0               # choice: steady for this long before "seeing again"

    # --- words ---
    ahead_half_angle_deg: float = 15.0        # requirement
    distance_sd_fraction_max: float = 0.5     # choice: a distance less certain than this is not said as a number
    speech_lead_s: float = 0.2                # choice: earcon and start of the synthesiser
    p3_max_words: int = 120                   # choice: 40 s at 180 words a minute
    text_max_words: int = 8                   # choice: seen text is announced, not read out (that is P3 "read")

    # --- context, P2 ---
    interest_groups: tuple[str, ...] = (
        "door", "level_change", "crossing", "ground_hazard", "head_height", "transit", "sign",
    )
    interest_names: tuple[str, ...] = ("traffic light", "stop sign", "street sign", "bench", "bus stop", "door (coco)")
    place_groups: tuple[str, ...] = ("door", "level_change", "crossing", "transit", "sign")
    boring_affordances: tuple[str, ...] = ("grasp", "hold", "post")  # choice: parts of a thing, not the thing
    interest_score_min: float = 0.5           # choice
    interest_distance_max_m: float = 10.0     # choice: further away is not yet useful
    lighting_hold_s: float = 1.0              # choice: a change of light lasts this long before it is news
    glare_clipped_min: float = 0.25           # choice: a quarter of the picture burnt out
    glare_hold_s: float = 0.5                 # choice
    glare_rearm_s: float = 5.0                # choice: glare must have gone for this long to be news again
    pedestrian_steady_frames: int = 3         # choice: the pedestrian estimator is weak, so a hint must be steady

    # --- bookkeeping (choice) ---
    episode_gap_s: float = 1.0                # a candidate that was away for longer begins a new ledger row
    frame_gap_s: float = 1.0                  # a longer gap between frames voids everything about motion
    memory_s: float = 90.0                    # longer than every cooldown
    max_tracks: int = 64
    max_pending: int = 8

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if isinstance(value, tuple):
                continue
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
                raise ValueError(f"AlertPolicy.{item.name}: expected a number of at least 0; got {value!r}")
        self._ordered("p0_time_to_contact_s", "p1_time_to_contact_s")
        self._ordered("p0_time_to_contact_s", "vehicle_p0_time_to_contact_s", "p1_time_to_contact_s")
        self._ordered("p0_expiry_s", "p1_expiry_s", "p2_expiry_s", "p3_expiry_s")
        self._ordered("p0_expiry_s", "stale_frame_s")
        self._ordered("cooldown_s", "place_cooldown_s", "memory_s")
        self._at_least_one("time_to_contact_min_frames", "confirm_frames_learned", "confirm_frames_measured",
                           "confirm_frames_settled", "settled_frames", "confirm_frames_context", "alerts_per_minute",
                           "max_tracks", "max_pending")
        if self.overload_count < 2:
            raise ValueError(f"AlertPolicy.overload_count: expected at least 2; got {self.overload_count}")
        for name in ("uncertainty_generic_above", "unclear_uncertainty", "interest_score_min", "glare_clipped_min"):
            if getattr(self, name) > 1:
                raise ValueError(f"AlertPolicy.{name}: expected 0..1; got {getattr(self, name)}")

    def _ordered(self, *names: str) -> None:
        values = [getattr(self, name) for name in names]
        if values != sorted(values):
            raise ValueError(f"AlertPolicy: expected {' <= '.join(names)}; got {values}")

    def _at_least_one(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) < 1:
                raise ValueError(f"AlertPolicy.{name}: expected at least 1; got {getattr(self, name)}")

    def expiry_s(self, stage: AlertStage) -> float:
        """Seconds after its frame for which an alert of ``stage`` may still begin."""
        return {"P0": self.p0_expiry_s, "P1": self.p1_expiry_s, "P2": self.p2_expiry_s, "P3": self.p3_expiry_s}[stage]

    def to_json(self) -> str:
        """The policy as JSON text, keys sorted, nothing rounded."""
        return json.dumps(encode(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> AlertPolicy:
        """The policy of ``text``; fields left out keep their defaults.

        Raises:
            ValueError: not JSON, an unknown field, or a figure out of its range.
        """
        return decode(cls, json.loads(text))


DEFAULT_POLICY = AlertPolicy()
