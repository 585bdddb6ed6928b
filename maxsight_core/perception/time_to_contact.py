"""Seconds until contact, from how fast a thing grows in the picture.

A thing that closes at constant speed has size h(t) = C / (T - t): its logarithm grows, ever faster, by
``log((tau + age_ref) / (tau + age_now))`` between two frames, where tau is the time left now (Lee 1976, "A theory of
visual control of braking based on information about time-to-collision"). Both estimators here fit the rate
c = 1 / tau of exactly that curve, by weighted Gauss-Newton, so that neither an irregular frame interval nor the
acceleration of growth biases it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from maxsight_core.contracts import Camera

MIN_FRAMES = 3  # design rule: never a time to contact from fewer frames of one track
MIN_SPAN_S = 0.2  # shorter spans measure noise
MAX_TIME_TO_CONTACT_S = 10.0  # growth slower than this is not an approach worth a word
SIGNIFICANCE = 2.5  # standard errors of growth before a track counts as approaching
NEWTON_STEPS = 6
MODEL_SD = 0.04  # share of the growth that a real thing's shape and posture add
ON_COURSE_SIZES = 1.0  # passes within this many of its own sizes from the camera: it meets the wearer
WALKING_MPS = 1.4  # of the wearer: turns a time to contact with a standing thing into a distance
OVERHEAD_MIN_DEG = 5.0  # lower than this the horizon is not known well enough: a walker's camera nods by as much
OVERHEAD_CLEARANCE_M = 0.5  # above the camera: the top of a head and a hand's breadth
ON_COURSE_MIN_MISS_M = 1.0  # or within this distance, where distance is known: half a body and a margin


@dataclass(frozen=True, slots=True)
class ScaleSample:
    """Growth of one thing between two frames: natural log of size(now) / size(then), and its standard error."""

    then_s: float
    now_s: float
    log_scale: float
    sd: float


@dataclass(frozen=True, slots=True)
class Contact:
    """Rate of approach at ``time_s``: c = 1 / (seconds left), per second, with standard error; frames it rests on.

    ``misfit`` is the share of the growth that the closing curve leaves unexplained (0: it follows it exactly).
    """

    rate: float
    rate_sd: float
    time_s: float
    frames: int
    span_s: float
    misfit: float = 0.0

    @property
    def seconds(self) -> float | None:
        """Seconds until contact, or None when it does not come nearer (or slower than the limit)."""
        return 1.0 / self.rate if self.rate > 1.0 / MAX_TIME_TO_CONTACT_S else None

    @property
    def interval_s(self) -> tuple[float, float]:
        """One standard error either way, seconds; the upper end may be infinite."""
        low = 1.0 / (self.rate + self.rate_sd) if self.rate + self.rate_sd > 0 else math.inf
        return low, (1.0 / (self.rate - self.rate_sd) if self.rate > self.rate_sd else math.inf)

    @property
    def significant(self) -> bool:
        """True when the growth is beyond its own error and rests on enough frames and time."""
        return self.frames >= MIN_FRAMES and self.span_s >= MIN_SPAN_S and self.rate > SIGNIFICANCE * self.rate_sd


def from_scales(samples: Sequence[ScaleSample], now_s: float) -> Contact | None:
    """Fits the rate to growth measured between pairs of frames; None without samples.

    Samples whose frame pairs overlap in time are down-weighted by the overlap, as they share their noise.
    """
    if not samples:
        return None
    spent = sum(s.now_s - s.then_s for s in samples)
    first = min(s.then_s for s in samples)
    last = max(s.now_s for s in samples)
    overlap = max(1.0, spent / max(1e-6, last - first))
    rate, info = 0.0, 1e-12
    rows = [(now_s - s.then_s, now_s - s.now_s, s.log_scale, 1.0 / (s.sd**2 + (MODEL_SD * s.log_scale) ** 2))
            for s in samples]
    for _ in range(NEWTON_STEPS):
        slope = 0.0
        info = 1e-12
        for then, now, log_scale, weight in rows:
            far, near = 1.0 + rate * then, 1.0 + rate * now
            if far <= 0.05 or near <= 0.05:
                return Contact(rate, math.inf, now_s, len(samples) + 1, last - first)
            error = log_scale - math.log(far / near)
            gain = then / far - now / near
            slope += weight * gain * error
            info += weight * gain * gain
        rate = max(rate + slope / info, -0.5 / max(0.1, now_s - first))
    frames = len({s.then_s for s in samples} | {s.now_s for s in samples})
    left = sum((log_scale - math.log((1 + rate * then) / (1 + rate * now))) ** 2 for then, now, log_scale, _ in rows)
    grown = sum(log_scale**2 for _, _, log_scale, _ in rows)
    return Contact(rate, math.sqrt(overlap / info), now_s, frames, last - first, math.sqrt(left / max(1e-12, grown)))


def from_sizes(times_s: Sequence[float], sizes: Sequence[float], size_sd: float, now_s: float) -> Contact | None:
    """Fits rate and size to the sizes of a box over time (log size regression of the closing curve).

    Args:
        times_s, sizes: of one track, any unit of length, positive, oldest first.
        size_sd: relative standard error of one size (detector jitter), e.g. 0.03.
        now_s: the time the rate holds for, at or after the last size.
    """
    count = len(times_s)
    if count < 2 or times_s[-1] - times_s[0] <= 0:
        return None
    logs = [math.log(max(1e-6, s)) for s in sizes]
    ages = [now_s - t for t in times_s]
    rate, offset = 0.0, sum(logs) / count
    s_bb = 1e-12
    for _ in range(NEWTON_STEPS):  # two unknowns: offset = log size now, rate
        grads = []
        errors = []
        for age, log in zip(ages, logs, strict=True):
            base = 1.0 + rate * age
            if base <= 0.05:
                return Contact(rate, math.inf, now_s, count, times_s[-1] - times_s[0])
            grads.append(-age / base)
            errors.append(log - (offset - math.log(base)))
        mean_g, mean_e = sum(grads) / count, sum(errors) / count
        s_bb = sum((g - mean_g) ** 2 for g in grads) + 1e-12
        s_be = sum((g - mean_g) * (e - mean_e) for g, e in zip(grads, errors, strict=True))
        step = s_be / s_bb
        rate = max(rate + step, -0.5 / max(0.1, ages[0]))
        offset += mean_e - step * mean_g
    spread = sum(e * e for e in errors) / max(1, count - 2)
    sd = math.sqrt(max(size_sd**2, spread if count > MIN_FRAMES else 0.0) / s_bb)
    return Contact(rate, sd, now_s, count, times_s[-1] - times_s[0])


def closing_speed_mps(distance_m: float | None, contact: Contact | None) -> float | None:
    """Closing speed in metres a second (positive: nearer), or None when distance or growth is unknown."""
    if distance_m is None or contact is None or not math.isfinite(contact.rate_sd):
        return None
    return distance_m * contact.rate


def on_course(
    lateral_rate: float, seconds: float | None, size: float, camera: Camera, distance_m: float | None = None
) -> bool:
    """True when the path meets the camera: the bearing stays nearly constant while the thing grows.

    At constant velocity the thing crosses the camera's plane at a lateral distance of ``lateral_rate x seconds`` in
    its present scale (a bearing that does not change is a collision course).

    Args:
        lateral_rate: normalised columns a second that its centre moves, the camera's own turning taken out.
        seconds: until contact; None is never on course.
        size: its normalised width or height, whichever is larger in pixels, in columns.
        distance_m: its distance, or None.
    """
    if seconds is None:
        return False
    miss = abs(lateral_rate) * seconds
    if miss < ON_COURSE_SIZES * size:
        return True
    if distance_m is None:
        return False
    metres_per_column = distance_m * camera.width_px / camera.focal_px
    return miss * metres_per_column < ON_COURSE_MIN_MISS_M


def passes_overhead(bottom_row: float, seconds: float | None, camera: Camera) -> bool:
    """True when a standing thing hangs so high that a walking wearer passes under it (signs, lamps).

    Its lower edge is seen at an elevation above the level line; over the way that is left at walking speed that is a
    height above the camera. Branches and boards at head height stay on course.

    Args:
        bottom_row: lower edge of its box, fraction of the frame's height. seconds: until contact.
    """
    if seconds is None:
        return False
    rise = (0.5 - bottom_row) * camera.height_px / camera.focal_px + math.tan(math.radians(-camera.pitch_deg))
    if rise < math.tan(math.radians(OVERHEAD_MIN_DEG)):
        return False
    return rise * WALKING_MPS * seconds > OVERHEAD_CLEARANCE_M
