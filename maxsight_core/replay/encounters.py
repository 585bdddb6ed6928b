"""Courses of people, riders and vehicles relative to a walk: who comes, from where, how fast, and how near.

Whoever is on course to meet the walker keeps the course until a second before and then gives way, as people do.
"""

from __future__ import annotations

import math

from maxsight_core.scenes.camera_path import CameraPath
from maxsight_core.scenes.trips import Trip

GIVES_WAY_S = 1.2
"""Before they would meet, at which somebody steps aside or brakes."""
_ASIDE_TAKES_S = 1.0
_AFTERWARDS_S = 6.0
_BESIDE_M = 1.4


def head_on(path: CameraPath, meet_s: float, speed_mps: float, seen_s: float, aside_m: float = 0.75,
            miss_m: float = 0.0) -> Trip:
    """Comes straight against the walk and would meet the walker at ``meet_s``.

    Args:
        seen_s: so long before, it begins. aside_m: how far to the right it steps at the last moment (negative: left).
        miss_m: not 0: passes so far to the side all the way and never gives way.
    """
    x, z = path.ground(meet_s)
    points = ((meet_s - seen_s, x + miss_m, z + speed_mps * seen_s),
              (meet_s + _AFTERWARDS_S, x + miss_m, z - speed_mps * _AFTERWARDS_S))
    aside = () if miss_m else ((meet_s - GIVES_WAY_S, aside_m, _ASIDE_TAKES_S),)
    return Trip(points, aside, shown=(meet_s - seen_s, meet_s + _AFTERWARDS_S))


def across(path: CameraPath, pass_s: float, speed_mps: float, side: int, seen_s: float, ahead_m: float) -> Trip:
    """Comes from ``side`` (-1 left, +1 right) at a right angle and passes ``ahead_m`` in front of the walker."""
    x, z = path.ground(pass_s)
    start = (pass_s - seen_s, x + side * speed_mps * seen_s, z + ahead_m)
    end = (pass_s + _AFTERWARDS_S, x - side * speed_mps * _AFTERWARDS_S, z + ahead_m)
    return Trip((start, end), shown=(start[0], end[0]))


def aslant(path: CameraPath, meet_s: float, closing_mps: float, bearing_deg: float, seen_s: float) -> Trip:
    """Comes from ahead at one side and keeps its bearing, as whatever one collides with does, then brakes.

    Args:
        closing_mps: how fast it comes nearer. bearing_deg: where the walker sees it all the way, right positive; what
            lies beyond half the camera's field of view is never seen.
    """
    def place(before_s: float) -> tuple[float, float]:
        x, z = path.ground(meet_s - before_s)
        off_m = closing_mps * before_s
        return (x + off_m * math.sin(math.radians(bearing_deg)), z + off_m * math.cos(math.radians(bearing_deg)))

    stops = place(GIVES_WAY_S)
    return Trip(((meet_s - seen_s, *place(seen_s)), (meet_s - GIVES_WAY_S, *stops), (meet_s + _AFTERWARDS_S, *stops)),
                shown=(meet_s - seen_s, meet_s + _AFTERWARDS_S))


def steps_out(path: CameraPath, meet_s: float, side: int, out_s: float, takes_s: float) -> Trip:
    """Stands beside the walk, is in the walker's way ``out_s`` before they would meet, and leaves it at the last.

    Args:
        side: -1 left, +1 right. takes_s: for the 1.4 metres from the side.
    """
    x, z = path.ground(meet_s)
    beside = x + side * _BESIDE_M
    return Trip(((meet_s - out_s - takes_s - 12.0, beside, z), (meet_s - out_s - takes_s, beside, z),
                 (meet_s - out_s, x, z), (meet_s - GIVES_WAY_S, x, z), (meet_s - 0.3, x - side * 1.0, z),
                 (meet_s + _AFTERWARDS_S, x - side * 1.0, z)))


def same_way(path: CameraPath, from_s: float, ahead_m: float, speed_mps: float, aside_m: float, lasts_s: float) -> Trip:
    """Walks in the walker's direction, ``ahead_m`` in front at ``from_s``."""
    x, z = path.ground(from_s)
    start, end = (x + aside_m, z + ahead_m), (x + aside_m, z + ahead_m + speed_mps * lasts_s)
    return Trip(((from_s, *start), (from_s + lasts_s, *end)), shown=(from_s - 1.0, from_s + lasts_s))
