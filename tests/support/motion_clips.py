"""Short synthetic sequences for the tests of the motion path, and the camera that looks at them."""

from __future__ import annotations

from maxsight_core.contracts import Camera, MotionResult
from maxsight_core.perception import motion_scenarios as scenarios
from maxsight_core.perception.motion import MotionTracker
from maxsight_core.perception.motion_scenarios import Scenario, Truth

CAMERA = Camera(scenarios.WIDTH_PX, scenarios.HEIGHT_PX)


def play(scenario: Scenario, tracker: MotionTracker | None = None) -> list[tuple[float, Truth, MotionResult]]:
    """Time, truth and result of every frame."""
    tracker = tracker or MotionTracker()
    return [(f.time_s, truth, tracker.update(f, CAMERA)) for f, truth in scenario.frames()]


def backdrop(seed: int = 1):
    return scenarios.synthetic_texture(seed)


def camera_only(
    pose=scenarios.still, *, duration_s=2.0, fps=10.0, jitter=0.0, gain=None, seed=1, start_s=0.0
) -> Scenario:
    """Nothing moves but the camera (and the light)."""
    times = scenarios.frame_times(duration_s, fps, jitter, seed, start_s)
    return Scenario("camera", backdrop(seed), times, pose=pose, gain=gain, seed=seed)


def approach(
    contact_s=3.5, height_at_1s_px=260.0, *, x_px=320.0, fps=10.0, jitter=0.0, pose=scenarios.still, until_s=1.0,
    aspect=0.6, seed=1, cross_px=0.0, grow=True,
) -> Scenario:
    """A textured thing that closes at constant speed, until ``until_s`` seconds are left."""
    return Scenario(
        "approach", backdrop(seed), scenarios.frame_times(contact_s - until_s, fps, jitter, seed), pose=pose,
        sprite=scenarios.synthetic_sprite(seed, aspect),
        placement=scenarios.closing(contact_s, height_at_1s_px, x_px=x_px, cross_px=cross_px, grow=grow), seed=seed)


def reports(played) -> list:
    """Every report of something approaching, in order."""
    return [one for _, _, result in played for one in result.approaching]
