"""What to render: ``scene:corridor?seed=1&fps=10&seconds=60&size=640x480``."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from maxsight_core.contracts import DEFAULT_HFOV_DEG

SCENE_NAMES: tuple[str, ...] = ("corridor", "street", "room", "stairwell", "station", "crossing")
LIGHTS: tuple[str, ...] = ("day", "dim", "night", "glare")
PREFIX = "scene:"

_SIZE = re.compile(r"^(\d{2,4})x(\d{2,4})$")
_LIMITS: dict[str, tuple[float, float]] = {
    "seed": (0, 2**31 - 1), "fps": (1, 120), "seconds": (0.1, 300), "noise": (0, 0.3), "fog": (0, 1),
    "blur": (0, 1), "shake": (0, 3), "hfov": (30, 110), "rain": (0, 1),
}
_SIDES_PX = (64, 1920)


class SceneError(ValueError):
    """A scene specification that cannot be rendered; the message says what is wrong and what is expected."""


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """One rendered walk. Equal specifications give byte-identical frames on one machine.

    Args:
        scene: one of :data:`SCENE_NAMES`. seed: which walk, actors and decoration.
        fps: frames a second of the frame clock. seconds: length. width, height: pixels.
        light: one of :data:`LIGHTS`. noise: sensor noise, standard deviation as a share of full scale.
        fog: 0 clear .. 1 thick (about 6 m of sight). blur: shutter open time as a share of the frame interval.
        shake: 0 steady camera, 1 a walking person's gait, up to 3. hfov: horizontal field of view, degrees.
        rain: 0 dry .. 1 downpour, seen where there is sky (see ``World.open_air``).
    """

    scene: str
    seed: int = 1
    fps: float = 10.0
    seconds: float = 60.0
    width: int = 640
    height: int = 480
    light: str = "day"
    noise: float = 0.0
    fog: float = 0.0
    blur: float = 0.0
    shake: float = 1.0
    hfov: float = DEFAULT_HFOV_DEG
    rain: float = 0.0

    def __post_init__(self) -> None:
        _choose("scene", self.scene, SCENE_NAMES)
        _choose("light", self.light, LIGHTS)
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise SceneError(f"{name}: expected a number from {low:g} to {high:g}; got {value!r}")
        for name in ("width", "height"):
            value = getattr(self, name)
            if not _SIDES_PX[0] <= value <= _SIDES_PX[1]:
                raise SceneError(f"size: each side must be {_SIDES_PX[0]}..{_SIDES_PX[1]} pixels; got {name} {value!r}")

    @property
    def frames(self) -> int:
        """Number of frames, at least one."""
        return max(1, round(self.seconds * self.fps))

    def with_changes(self, **changes: object) -> SceneSpec:
        """A copy with some fields replaced (validated again)."""
        return dataclasses.replace(self, **changes)

    def __str__(self) -> str:
        return (f"{PREFIX}{self.scene}?seed={self.seed}&fps={self.fps:g}&seconds={self.seconds:g}"
                f"&size={self.width}x{self.height}&light={self.light}&noise={self.noise:g}&fog={self.fog:g}"
                f"&blur={self.blur:g}&shake={self.shake:g}&hfov={self.hfov:g}"
                + (f"&rain={self.rain:g}" if self.rain else ""))


def _choose(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SceneError(f"{name}: expected one of {', '.join(choices)}; got {value!r}")


def parse_spec(text: str) -> SceneSpec:
    """Reads ``scene:NAME?key=value&...``.

    Keys: seed, fps, seconds, size (WIDTHxHEIGHT), light, noise, fog, blur, shake, hfov, rain; see :class:`SceneSpec`.

    Raises:
        SceneError: not a scene, an unknown scene or key, a key given twice, or a value out of range.
    """
    if not isinstance(text, str) or not text.startswith(PREFIX):
        raise SceneError(f"expected a text like 'scene:corridor?seed=1'; got {text!r}")
    name, _, query = text[len(PREFIX):].partition("?")
    _choose("scene", name, SCENE_NAMES)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise SceneError(f"expected key=value pairs joined by '&' after '?'; got {query!r}") from None
    fields: dict[str, object] = {"scene": name}
    for key, value in pairs:
        parsed = _parse_value(key, value)
        if fields.keys() & parsed.keys():
            raise SceneError(f"{key}: given twice in {text!r}; give it once")
        fields.update(parsed)
    return SceneSpec(**fields)


def _parse_value(key: str, value: str) -> dict[str, object]:
    if key == "size":
        match = _SIZE.match(value)
        if not match:
            raise SceneError(f"size: expected WIDTHxHEIGHT such as 640x480; got {value!r}")
        return {"width": int(match[1]), "height": int(match[2])}
    if key == "light":
        return {"light": value}
    if key not in _LIMITS:
        known = ", ".join((*_LIMITS, "size", "light"))
        raise SceneError(f"unknown parameter {key!r}; expected one of {known}")
    try:
        return {key: int(value) if key == "seed" else float(value)}
    except ValueError:
        kind = "a whole number" if key == "seed" else "a number"
        raise SceneError(f"{key}: expected {kind}; got {value!r}") from None
