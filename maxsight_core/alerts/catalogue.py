"""Every word MaxSight says in an alert, in one place, keyed so that another language can be added.

A language is complete when it has every key of English with the same placeholders
(:func:`missing_keys`); names of classes come from the taxonomy unless ``class.<name>`` overrides them.
"""

from __future__ import annotations

import string

DEFAULT_LANGUAGE = "en"

CATALOGUE: dict[str, dict[str, str]] = {
    "en": {
        # directions
        "direction.ahead": "ahead", "direction.centre": "centre",
        "direction.left": "left", "direction.right": "right",
        "direction.clock": "{hour} o'clock",
        # distances
        "distance.arm": "arm's length",
        "distance.metre": "1 metre", "distance.metres": "{number} metres", "distance.feet": "{number} feet",
        "distance.near": "near", "distance.far": "far",
        "distance.zone1": "within reach", "distance.zone2": "arm's length", "distance.zone3": "close",
        "distance.zone4": "middle distance", "distance.zone5": "far",
        # sentences: hazard, direction, distance
        "stop": "Stop.",
        "pattern.standard": "{hazard}, {direction}, {distance}.",
        "pattern.standard.no_distance": "{hazard}, {direction}.",
        "pattern.standard.no_direction": "{hazard}.",
        "pattern.something_ahead": "{hazard} {direction}.",
        "pattern.fixed": "{hazard}. {direction}.",
        "pattern.fixed.no_direction": "{hazard}.",
        "hazard.something": "something", "hazard.something_approaching": "something approaching",
        "hazard.approaching": "{hazard} approaching", "hazard.coloured": "{colour} {hazard}",
        # context
        "context.pedestrian": "perhaps a person",
        "context.text": "Text, {direction}: {text}.", "context.text.no_direction": "Text: {text}.",
        "context.glare": "strong glare",
        "context.lighting.dark": "It is dark here.", "context.lighting.dim": "The light is low here.",
        "context.lighting.lighter": "It is lighter here.", "context.lighting.bright": "It is very bright here.",
        # lost perception
        "perception.camera_lost": "Vision paused. Camera lost.",
        "perception.engine_stalled": "Vision paused. Please wait.",
        "perception.stale_frame": "Vision paused. Picture late.",
        "perception.vision_paused": "Vision paused.",
        "perception.unclear": "Cannot see. Too dark, too bright, or camera covered.",
        "perception.resumed": "Seeing again.",
        # answers
        "answer.none.describe": "Nothing to describe yet. Ask again in a moment.",
        "answer.none.find": "Not found in view.",
        "answer.none.read": "No text found in view.",
        "answer.none.repeat": "Nothing was said yet.",
        "answer.none.other": "No answer yet. Ask again in a moment.",
        # stages, for people who read
        "stage.P0": "Stop", "stage.P1": "Soon", "stage.P2": "Around you", "stage.P3": "Answer",
    },
}


def say(key: str, language: str = DEFAULT_LANGUAGE, **words: object) -> str:
    """The catalogue's text for ``key`` with ``words`` filled in.

    Raises:
        KeyError: no such language or key; the message says which.
    """
    try:
        texts = CATALOGUE[language]
    except KeyError:
        raise KeyError(f"no language {language!r} in the alert catalogue; expected one of {', '.join(CATALOGUE)}") \
            from None
    try:
        text = texts[key]
    except KeyError:
        raise KeyError(f"the alert catalogue has no text {key!r} in {language!r}; add it there") from None
    return text.format(**words)


def has(key: str, language: str = DEFAULT_LANGUAGE) -> bool:
    """True when the language has a text of this key."""
    return key in CATALOGUE.get(language, {})


def placeholders(text: str) -> set[str]:
    """Names in braces of a catalogue text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def missing_keys(language: str) -> list[str]:
    """Keys of English that ``language`` lacks, or has with other placeholders: empty when it is complete."""
    english, other = CATALOGUE[DEFAULT_LANGUAGE], CATALOGUE[language]
    return sorted(
        key for key, text in english.items()
        if key not in other or placeholders(other[key]) != placeholders(text)
    )
