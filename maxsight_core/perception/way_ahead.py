"""What stands in, or comes along, the way of a walking wearer: people head-on, open doors, boards, bollards.

While the wearer walks everything grows, and growth beyond the background's says little. But heading and speed say
where every point will pass: its rate gives the metres it is to the side and above, as if it stood still. Points in the
way (half a metre to either side, from a third of a metre above the ground to a head's height) that are reached within
seconds and form a group that is reached on time, frame after frame, are a thing in the way. Somebody who comes towards
the wearer is reached sooner than the same place standing still, which makes them seem nearer than they are, and their
time to contact stays right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from maxsight_core.contracts import Camera
from maxsight_core.perception.flow import FlowField
from maxsight_core.perception.heading import Heading

SOONEST_S, LATEST_S = 0.33, 5.5
HALF_WIDTH_M = 0.5
OVERHEAD_M = 0.3
"""Above the camera, which is worn at the chest or head."""
SIGNIFICANCE = 3.0
ABOVE_GROUND, ABOVE_GROUND_SD = 1.4, 1.5
"""A point belongs to the ground unless it is reached sooner than the ground there by this factor and so many errors."""
ACROSS_SHARE, ACROSS_PX = 0.5, 0.4
"""Shift across the line from the heading up to which a point is taken as part of what the wearer walks towards."""
CELL_SHARE = 24 / 640
"""Side of a cell, of the picture's width; points of neighbouring cells are one group."""
LEAST_POINTS = 7
SAME_RATE = 0.35
"""Of a group's rate: points that differ more belong to something else."""
SAME_PLACE = (50 / 640, 80 / 640)
"""Across and down, of the picture's width: a group this near to where it was is the same."""
SAME_CONTACT = 1.5
"""And whose time of contact agrees within this factor."""
CONFIRM_FRAMES, CONFIRM_POINTS, CONFIRM_S = 4, 45.0, 0.25
COUNTED_POINTS = 30
"""Of one frame: one rich frame does not confirm anything."""
FADES = 0.7
LOST_S = 0.45
LEAST_HEIGHT_M = 0.35
"""Lower groups are markings and stains on the ground."""
FOLLOW = 0.4
AROUND_FOCUS = (60 / 640, 50 / 640, 90 / 640)
"""To either side, above and below it, of the picture's width: here things in the way are small for longest."""


def around_focus(flow: FlowField, camera: Camera, focus: np.ndarray) -> np.ndarray:
    """[4] the part of the picture, working pixels, around a focus [2] in focal lengths, that deserves more points."""
    width, height = flow.size
    focal = camera.focal_px * width / camera.width_px
    x, y = (width - 1) / 2.0 + focus[0] * focal, (height - 1) / 2.0 + focus[1] * focal
    aside, above, below = (share * width for share in AROUND_FOCUS)
    return np.array([x - aside, y - above, x + aside, y + below])


@dataclass
class InTheWay:
    """A group under observation; box in working pixels, seconds until it is reached at ``seen_s``."""

    number: int
    box: np.ndarray
    seconds: float
    born_s: float
    seen_s: float
    points: int
    height_m: float
    frames: float = 1.0
    weight: float = 0.0
    spread: float = 0.0

    @property
    def confirmed(self) -> bool:
        """Whether it was there, at the right time, often enough to be told."""
        return (self.frames >= CONFIRM_FRAMES and self.weight >= CONFIRM_POINTS
                and self.seen_s - self.born_s >= CONFIRM_S and self.height_m >= LEAST_HEIGHT_M)

    def left_s(self, now_s: float) -> float:
        """Seconds until it is reached."""
        return max(0.2, self.seconds - (now_s - self.seen_s))


@dataclass(frozen=True, slots=True)
class _Group:
    box: np.ndarray
    seconds: float
    points: int
    height_m: float
    spread: float


class WayAhead:
    """Follows what is in the way through one session's frames.

    Args:
        new_number: gives a number that nothing measured has had.
    """

    def __init__(self, new_number: Callable[[], int]) -> None:
        self._new_number = new_number
        self._things: list[InTheWay] = []

    def reset(self) -> None:
        """Forgets everything."""
        self._things = []

    def update(self, flow: FlowField, heading: Heading | None, now_s: float) -> list[InTheWay]:
        """The confirmed things of this frame, soonest first."""
        seen: set[int] = set()
        for group in _groups(flow, heading) if heading is not None and heading.walks else ():
            thing = self._same(group, seen, now_s, flow.size[0])
            if thing is None:
                thing = InTheWay(self._new_number(), group.box, group.seconds, now_s, now_s, group.points,
                                 group.height_m)
                self._things.append(thing)
            else:
                thing.seconds = (1.0 - FOLLOW) * thing.left_s(now_s) + FOLLOW * group.seconds
                thing.frames += 1.0
                thing.height_m = max(group.height_m, 0.8 * thing.height_m)
            thing.box, thing.seen_s, thing.points, thing.spread = group.box, now_s, group.points, group.spread
            thing.weight += min(group.points, COUNTED_POINTS)
            seen.add(thing.number)
        for thing in self._things:
            if thing.number not in seen:
                thing.frames -= 1.0
                thing.weight *= FADES
        self._things = [t for t in self._things if t.frames > 0 and now_s - t.seen_s <= LOST_S]
        return sorted((t for t in self._things if t.confirmed), key=lambda t: (t.left_s(now_s), t.number))

    def _same(self, group: _Group, taken: set[int], now_s: float, width_px: int) -> InTheWay | None:
        x, y = _middle(group.box)
        best: tuple[float, InTheWay] | None = None
        for thing in self._things:
            old_x, old_y = _middle(thing.box)
            ratio = group.seconds / thing.left_s(now_s)
            if thing.number in taken or not 1.0 / SAME_CONTACT < ratio < SAME_CONTACT \
                    or abs(x - old_x) > SAME_PLACE[0] * width_px or abs(y - old_y) > SAME_PLACE[1] * width_px:
                continue
            if best is None or abs(x - old_x) < best[0]:
                best = (abs(x - old_x), thing)
        return None if best is None else best[1]


def _middle(box: np.ndarray) -> tuple[float, float]:
    return 0.5 * float(box[0] + box[2]), 0.5 * float(box[1] + box[3])


def _groups(flow: FlowField, heading: Heading) -> list[_Group]:
    """Neighbouring points in the way that are reached at one time, those of most points first."""
    chosen = np.nonzero(_in_the_way(heading, flow.dt_s))[0]
    if len(chosen) < LEAST_POINTS:
        return []
    cell = CELL_SHARE * flow.size[0]
    rows, columns = math.ceil(flow.size[1] / cell), math.ceil(flow.size[0] / cell)
    column = np.clip((flow.points[chosen, 0] / cell).astype(int), 0, columns - 1)
    row = np.clip((flow.points[chosen, 1] / cell).astype(int), 0, rows - 1)
    occupied = np.zeros((rows, columns), np.uint8)
    occupied[row, column] = 1
    _, labels = cv2.connectedComponents(cv2.dilate(occupied, np.ones((2, 2), np.uint8)), connectivity=8)
    label = labels[row, column]
    found = [_group(flow, heading, chosen[label == one]) for one in np.unique(label)]
    return sorted((group for group in found if group is not None), key=lambda group: -group.points)


def _in_the_way(heading: Heading, dt_s: float) -> np.ndarray:
    """[n] bool: points that a wearer who goes on would walk into."""
    rates, sd, away = heading.rates, heading.rate_sd, heading.away
    soon = (rates > 1.0 / LATEST_S) & (rates < 1.0 / SOONEST_S) & (rates > SIGNIFICANCE * sd)
    metres = heading.speed_mps / np.maximum(rates, 1e-3)[:, None] * away  # right, down, as if it stood still
    inside = (np.abs(metres[:, 0]) < HALF_WIDTH_M) & (metres[:, 1] > -OVERHEAD_M)
    ground = heading.speed_mps * np.maximum(away[:, 1], 0.0) / heading.camera_height_m
    stands = rates - ABOVE_GROUND_SD * sd > ABOVE_GROUND * ground
    radius = np.hypot(away[:, 0], away[:, 1])
    along = np.abs(heading.across) < ACROSS_SHARE * rates * dt_s * radius + ACROSS_PX / heading.focal_px
    return soon & inside & stands & along


def _group(flow: FlowField, heading: Heading, members: np.ndarray) -> _Group | None:
    if len(members) < LEAST_POINTS:
        return None
    rates = heading.rates[members]
    middle = float(np.median(rates))
    off = np.abs(rates - middle)
    members = members[off < SAME_RATE * middle]
    if len(members) < LEAST_POINTS:
        return None
    rate = float(np.average(heading.rates[members], weights=1.0 / heading.rate_sd[members] ** 2))
    points = flow.points[members]
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    height_m = float(box[3] - box[1]) / heading.focal_px / rate * heading.speed_mps
    return _Group(box, 1.0 / rate, len(members), height_m, float(np.median(off)) / middle)
