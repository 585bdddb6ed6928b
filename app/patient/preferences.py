"""What a person chose once and keeps: stored with the user, handed to every session."""

from __future__ import annotations

from typing import Any

from maxsight_core.contracts import CONDITIONS, DIRECTIONS, UNITS, VERBOSITIES

THEMES = ("auto", "light", "dark", "contrast")
MIN_WPM, MAX_WPM = 80, 450

DEFAULTS: dict[str, Any] = {
    "verbosity": "normal", "speech_wpm": 180, "units": "metres", "directions": "left_right", "condition": None,
    "theme": "auto",
}
_CHOICES = {
    "verbosity": VERBOSITIES, "units": UNITS, "directions": DIRECTIONS, "condition": CONDITIONS, "theme": THEMES,
}


class PreferenceError(ValueError):
    """A preference cannot be stored; the message says what is expected."""


def complete(stored: dict[str, Any] | None) -> dict[str, Any]:
    """Every preference, with the defaults for those never chosen."""
    return {**DEFAULTS, **{name: value for name, value in (stored or {}).items() if name in DEFAULTS}}


def changed(stored: dict[str, Any] | None, changes: Any) -> dict[str, Any]:
    """The preferences after ``changes`` (any subset).

    Raises:
        PreferenceError: an unknown name, or a value out of its range.
    """
    if not isinstance(changes, dict):
        raise PreferenceError(f"expected an object with any of {', '.join(DEFAULTS)}; got {type(changes).__name__}")
    for name, value in changes.items():
        if name not in DEFAULTS:
            raise PreferenceError(f"{str(name)[:40]!r} is no preference; expected any of {', '.join(DEFAULTS)}")
        if name == "speech_wpm":
            if not isinstance(value, int) or isinstance(value, bool) or not MIN_WPM <= value <= MAX_WPM:
                raise PreferenceError(
                    f"speech_wpm: expected a whole number from {MIN_WPM} to {MAX_WPM}; got {value!r:.40}"
                )
        elif value not in _CHOICES[name] and not (name == "condition" and value is None):
            raise PreferenceError(f"{name}: expected one of {', '.join(_CHOICES[name])}; got {value!r:.40}")
    return {**complete(stored), **changes}


def engine_settings(stored: dict[str, Any] | None) -> dict[str, Any]:
    """The preferences that are session settings; a condition never chosen is left out, not set to None."""
    chosen = complete(stored)
    del chosen["theme"]
    if chosen["condition"] is None:
        del chosen["condition"]
    return chosen
