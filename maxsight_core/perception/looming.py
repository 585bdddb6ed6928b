"""Things that grow faster than the camera's own motion explains: found, followed, and timed.

A window of points that expands (``expansion.candidates``) starts a *region*. Every frame a region is moved on, its
points are fitted anew with a robust similarity, and its growth becomes one more sample for the time to contact. It is
reported once its growth exceeds the background's significantly over at least three frames, and keeps its number until
it is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from maxsight_core.perception import expansion
from maxsight_core.perception.ego_motion import EgoFit
from maxsight_core.perception.expansion import Growth
from maxsight_core.perception.flow import FlowField
from maxsight_core.perception.regions import (
    Region,
    connected,
    credible,
    enlarged,
    extent,
    inside,
    middle,
    moved_box,
    overlap,
    predicted_box,
    window,
)
from maxsight_core.perception.time_to_contact import ScaleSample, from_scales

MAX_HOPEFUL = 6  # regions confirmed, or young enough to become so, at once
MAX_REGIONS = 10  # all regions: beyond this the oldest that was never confirmed goes
HOPEFUL_S = 0.6  # unconfirmed for longer than this it is wall or floor gliding past: it must not keep others out
MIN_SPAN_S = 0.25  # growth over less time than this is not believed, however sharp: limbs and gestures
MIN_SAMPLES = 2  # two frame pairs: three frames
SIGNIFICANCE = 6.0  # standard errors of growth beyond the background's
MIN_EXCESS_RATE = 0.06  # per second beyond the background: slower is parallax and drift
BACKGROUND_SHARE = 0.3  # growth must exceed the background's own by this share of it
MAX_REPORTED_S = 8.0  # farther off than this nobody needs a warning (alerts begin at 5 s)
SAMPLE_WINDOW_S = 1.2  # older growth no longer tells the present course
MAX_SAMPLES = 16
COAST_S = 0.35  # a region that cannot be measured is held this long
MAX_STRAIN_SHARE = 0.22  # anisotropic over isotropic growth, averaged: the ground has 1/3, a trailing edge 1
STEADY_SHARE = 0.5  # none of the last three samples grows less than this share of the mean: gestures come and go
MIN_CONFIRM_POINTS = 28  # with the extra points a real thing has 40 or more
FIRST_SEEN_S = 0.6  # a thing first seen nearer than this is a tracking error: it would have grown before
URGENT_RATE = 0.7  # per second (1.4 s left): a claim to stop at once needs one more frame pair and more time
URGENT_SPAN_S = 0.35
MAX_MISFIT = 0.3  # share of the growth that a constant closing speed leaves unexplained: limbs and gestures more
START_DOUBT = 0.3  # how far a thing's own motion may change from frame to frame, as a share of it
MAX_MISS_SIZES = 3.0  # passes the camera farther off than this many of its sizes: not an approach
SEARCH_INTERVAL_S = 0.08  # new things are looked for at most so often: at 30 fps every third frame
REACH = 1.3  # a region looks for its points in its box enlarged by this
BOX_GAIN = 0.3  # how fast a box follows the extent of its points
MIN_REGION_SIDE_PX = 20.0  # of a 640 px frame
DUPLICATE_OVERLAP = 0.3  # of the smaller box



class LoomingDetector:
    """Follows growing regions through one session's frames. Not thread-safe; deterministic."""

    def __init__(self) -> None:
        self.regions: list[Region] = []
        self._next = 1
        self._searched_s = -math.inf

    def reset(self) -> None:
        """Forgets everything that is followed (a cut, a gap); numbers go on, so none is ever used twice."""
        self.regions = []
        self._searched_s = -math.inf

    def new_number(self) -> int:
        """A number no region has had."""
        self._next += 1
        return self._next - 1

    def background_weights(self, flow: FlowField, step_s: float) -> np.ndarray:
        """[n] 1 for background points, 0 for points of confirmed regions (their motion is not the camera's)."""
        weights = np.ones(len(flow.points))
        for region in self.regions:
            if region.confirmed:
                weights[inside(flow.points, predicted_box(region, step_s), 1.1)] = 0.0
        return weights

    def update(
        self, flow: FlowField, ego: EgoFit, now_s: float, step_s: float,
        denser: Callable[[FlowField, Sequence[np.ndarray]], FlowField],
    ) -> list[Region]:
        """One frame: follows the regions, looks for new ones, returns the confirmed ones, nearest contact first.

        Args:
            now_s: frame clock. step_s: time since the previous frame (the flow may span more than one frame).
            denser: adds points inside boxes to a field (``FlowEstimator.denser``).
        """
        starts = self._candidates(flow, ego, now_s)
        boxes = [moved_box(region, ego, step_s, flow.dt_s) for region in self.regions]
        windows = [enlarged(box, REACH) for box in boxes] + [enlarged(window(one), 1.5) for one in starts]
        flow = denser(flow, windows)
        for region, box in zip(self.regions, boxes, strict=True):
            self._follow(region, box, flow, ego, now_s)
        self.regions = [r for r in self.regions if _alive(r, now_s, flow.size)]
        self._drop_duplicates()
        if starts:
            residual = ego.residual_of(flow.points, flow.shift)
            for one in starts:
                self._start(one, flow, residual, ego, now_s)
            self._make_room()
        shown = [r for r in self.regions if r.confirmed and r.contact is not None and r.contact.seconds is not None
                 and r.contact.seconds <= MAX_REPORTED_S]
        return sorted(shown, key=lambda r: (r.contact.seconds, r.number))

    def _candidates(self, flow: FlowField, ego: EgoFit, now_s: float) -> list[expansion.Candidate]:
        """Windows that may be the start of something new, outside the regions already followed."""
        room = MAX_HOPEFUL - sum(r.confirmed or now_s - r.born_s <= HOPEFUL_S for r in self.regions)
        if room <= 0 or now_s - self._searched_s < SEARCH_INTERVAL_S:
            return []
        self._searched_s = now_s
        weights = flow.strength.copy()
        for region in self.regions:
            weights[inside(flow.points, region.box, 1.1)] = 0.0
        cell_px = flow.size[0] / flow.lattice[1]
        found = expansion.candidates(flow.points, ego.residual, flow.cells, flow.lattice, weights, cell_px)
        return [one for one in found if one.growth / flow.dt_s >= MIN_EXCESS_RATE][:room]

    def _follow(self, region: Region, box: np.ndarray, flow: FlowField, ego: EgoFit, now_s: float) -> None:
        chosen = np.nonzero(inside(flow.points, box, REACH))[0]
        growth = None
        if len(chosen):
            points = flow.points[chosen]
            centre = middle(box)
            camera = ego.shift_at(centre)
            growth_now = ego.expansion_at(*centre) + max(0.0, region.rate - region.background_rate) * flow.dt_s
            own = region.own_velocity * flow.dt_s
            expected = camera + own + growth_now * (points.mean(axis=0) - centre)
            start = (growth_now, float(expected[0]), float(expected[1]))
            growth = expansion.fit_growth(points, flow.shift[chosen], flow.strength[chosen], start,
                                          scale_px=1.0 + START_DOUBT * float(np.hypot(*own)))
        region.box = box
        if growth is None or not credible(growth, points, box):
            return
        excess = (growth.growth - ego.expansion_at(*growth.centre_px)) / flow.dt_s
        if region.confirmed and excess < STEADY_SHARE * 0.5 * (region.rate - region.background_rate):
            region.setbacks += 1  # the fit fell to the background, or it stopped: not a sample of its approach
            return
        self._learn(region, growth, flow, ego, now_s)
        region.box = box + BOX_GAIN * (extent(points[growth.inliers], box) - box)

    def _learn(self, region: Region, growth: Growth, flow: FlowField, ego: EgoFit, now_s: float) -> None:
        x, y = growth.centre_px
        dt_s = flow.dt_s
        background = ego.expansion_at(x, y)
        region.samples.append(ScaleSample(now_s - dt_s, now_s, growth.log_scale, growth.sd))
        region.excess.append(((growth.growth - background) / dt_s, growth.sd / dt_s))
        region.strain.append((growth.strain[0] / dt_s, growth.strain[1] / dt_s))
        oldest = now_s - SAMPLE_WINDOW_S
        while len(region.samples) > MAX_SAMPLES or (len(region.samples) > 3 and region.samples[0].then_s < oldest):
            del region.samples[0], region.excess[0], region.strain[0]
        region.measured_s = now_s
        region.points = int(growth.inliers.sum())
        centre = region.centre
        move = np.array(growth.shift_px) + growth.growth * (centre - growth.centre_px)
        region.velocity = move / dt_s
        region.own_velocity = (move - ego.shift_at(centre)) / dt_s
        region.background_rate = background / dt_s
        turning = ego.shift_at(centre) - ego.parameters[2] * (centre - np.array(ego.centre_px))
        drift = float(move[0] - turning[0]) / dt_s
        region.drift = drift if len(region.samples) == 1 else 0.6 * region.drift + 0.4 * drift
        region.contact = from_scales(region.samples, now_s)
        region.rate = max(0.0, region.contact.rate) if region.contact is not None else 0.0
        self._judge(region, ego)

    def _judge(self, region: Region, ego: EgoFit) -> None:
        """Confirms a region whose growth beyond the background is significant; counts setbacks otherwise."""
        region.setbacks = region.setbacks + 1 if region.excess[-1][0] <= 0.0 else 0
        if region.confirmed or len(region.samples) < MIN_SAMPLES or region.contact is None:
            return
        weights = [1.0 / (sd * sd + 0.02**2) for _, sd in region.excess]
        mean = sum(w * e for w, (e, _) in zip(weights, region.excess, strict=True)) / sum(weights)
        overlap = len(region.samples) * _mean_interval(region.samples) / max(1e-6, region.contact.span_s)
        sd = math.sqrt(max(1.0, overlap) / sum(weights))
        zoom_rate = max(0.0, ego.expansion_at(*region.centre)) / max(1e-6, ego.motion.dt_s)
        needed = max(MIN_EXCESS_RATE, BACKGROUND_SHARE * zoom_rate, SIGNIFICANCE * sd)
        urgent = region.contact.rate > URGENT_RATE
        along = sum(s[0] for s in region.strain) / len(region.strain)
        across = sum(s[1] for s in region.strain) / len(region.strain)
        region.confirmed = (
            region.contact.span_s >= (URGENT_SPAN_S if urgent else MIN_SPAN_S)
            and len(region.samples) >= MIN_SAMPLES + urgent and region.contact.significant and mean > needed
            and region.points >= MIN_CONFIRM_POINTS and region.contact.rate < 1.0 / FIRST_SEEN_S
            and region.contact.misfit < MAX_MISFIT
            and abs(region.drift) < MAX_MISS_SIZES * float(region.size.max()) * region.contact.rate
            and min(e for e, _ in region.excess[-3:]) > STEADY_SHARE * mean
            and math.hypot(along, across) < MAX_STRAIN_SHARE * mean
        )

    def _make_room(self) -> None:
        """Over the limit the oldest regions that were never confirmed go."""
        hopeless = [r for r in self.regions if not r.confirmed]
        for region in hopeless[: max(0, len(self.regions) - MAX_REGIONS)]:  # in order of birth
            self.regions.remove(region)

    def _drop_duplicates(self) -> None:
        """Of two regions on the same thing keeps the confirmed, then the older one."""
        kept: list[Region] = []
        for region in sorted(self.regions, key=lambda r: (not r.confirmed, r.number)):
            if all(overlap(region.box, other.box) < DUPLICATE_OVERLAP for other in kept):
                kept.append(region)
        self.regions = sorted(kept, key=lambda r: r.number)

    def _start(
        self, one: expansion.Candidate, flow: FlowField, residual: np.ndarray, ego: EgoFit, now_s: float
    ) -> None:
        """Grows a candidate window to the extent of the points that move with it; follows it if it holds."""
        box, growth = window(one), None
        for last in (False, True):
            chosen = np.nonzero(inside(flow.points, box, 1.0))[0]
            growth = expansion.fit_growth(flow.points[chosen], flow.shift[chosen], flow.strength[chosen])
            if growth is None or growth.growth <= 0:
                return
            if last:
                break
            around = np.nonzero(inside(flow.points, box, 2.0))[0]
            points = flow.points[around]
            error = flow.shift[around] - (np.array(growth.shift_px) + growth.growth * (points - growth.centre_px))
            own, other = np.hypot(*error.T), np.hypot(*residual[around].T)
            with_it = (own < max(0.5, 2.5 * growth.rms_px)) & (own < other)
            members = connected(flow, around[with_it], growth.centre_px)
            if len(members) < expansion.MIN_FIT_POINTS:
                return
            box = extent(flow.points[members], None, 4.0)
        known = any(overlap(box, r.box) >= DUPLICATE_OVERLAP for r in self.regions)
        if known or not credible(growth, flow.points[chosen], box):
            return
        if math.hypot(*growth.strain) > 2.0 * MAX_STRAIN_SHARE * growth.growth + 2.0 * growth.sd:
            return
        region = Region(self._next, box, now_s, now_s)
        self._learn(region, growth, flow, ego, now_s)
        if region.setbacks == 0:
            self._next += 1
            self.regions.append(region)


def _alive(region: Region, now_s: float, size: tuple[int, int]) -> bool:
    width, height = region.size
    centre = region.centre
    in_view = -0.2 * size[0] < centre[0] < 1.2 * size[0] and -0.2 * size[1] < centre[1] < 1.2 * size[1]
    least = MIN_REGION_SIDE_PX * size[0] / 640.0
    limit = 3 if region.confirmed else 1
    return (in_view and max(width, height) >= least and now_s - region.measured_s <= COAST_S
            and region.setbacks < limit)


def _mean_interval(samples: list[ScaleSample]) -> float:
    return sum(s.now_s - s.then_s for s in samples) / len(samples)
