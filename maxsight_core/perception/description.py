"""The scene in words, in three verbosities: a small grammar over what was measured.

Every clause is made from one output that is there, or from a detection; an output that is unavailable makes
none. Uncertain things are worded as uncertain ("perhaps a person"), and an empty picture is not called empty:
"nothing recognised" is what the system knows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from maxsight_core import taxonomy
from maxsight_core.alerts.wording import direction_words, distance_words
from maxsight_core.contracts import SceneView, Value

OUTPUTS = ("scene_description",)

LIMITS = {"brief": 2, "normal": 5, "full": 12}
"""Clauses per verbosity: brief fits one breath (about four seconds at 180 words a minute)."""
LINES_READ = {"brief": 1, "normal": 2, "full": 4}
MIN_NAMED_SCORE = 0.5
"""Below, a detection is only "perhaps"."""
UNCERTAIN_FROM = 0.7
"""The decision point's limit: from here things lose their names."""
MOVING_PX_PER_S = 25.0
"""Flow left after ego-motion that counts as movement: 2.5 degrees a second at 640 px and 66 degrees."""
MOVING_SHARE = 0.01
MIN_WAY_CONFIDENCE = 0.3
"""Confidence of the floor estimate from which the way is mentioned: false reassurance is worse than silence."""
_LIGHT = {"dark": "Very dark", "dim": "Dim light", "bright": "Very bright"}
_RELATION_WORDS = {"rides": "riding", "sits_on": "sitting on", "carries": "with", "wears": "wearing"}
_IRREGULAR = {"something": "things", "person": "people", "child": "children", "man": "men", "mouse": "mice",
              "knife": "knives", "shelf": "shelves"}
_UNCOUNTED = frozenset({"sheep", "stairs", "scissors", "skis", "glasses", "leaves", "buttons", "debris", "gravel",
                        "scaffolding", "paving", "broccoli", "toilet paper", "broken glass"})
"""Names that are plural already or have none."""
_AFTER_THE_NOUN = frozenset({"on", "up", "down"})


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement; a lower ``rank`` is said first, ``least`` is the shortest verbosity that may hold it."""

    rank: int
    text: str
    least: str = "brief"


def _value(view: SceneView, name: str) -> Any:
    held = view.so_far.get(name)
    return None if held is None or held.source == "unavailable" else held.value


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def clauses(view: SceneView) -> list[Clause]:
    """All that can honestly be said of this frame, most important first."""
    found = [*_picture(view), *_things(view), *_movement(view), *_people(view), *_text(view), *_way(view),
             *_glare(view), *_relations(view), *_place(view)]
    return sorted(found, key=lambda clause: clause.rank)


def _picture(view: SceneView) -> list[Clause]:
    if view.quality.uncertainty > UNCERTAIN_FROM:
        return [Clause(0, "The picture is not clear")]
    light = _LIGHT.get(view.quality.lighting)
    return [Clause(2 if view.quality.lighting == "dark" else 30, light)] if light else []


def _things(view: SceneView) -> list[Clause]:
    """Detections, grouped by name and direction, the urgent and near ones first."""
    blurred = view.quality.uncertainty > UNCERTAIN_FROM
    groups: dict[tuple[str, str, bool], list] = {}
    for thing in view.detections:
        unnamed = blurred or thing.class_id == taxonomy.SOMETHING_ID
        name = "something" if unnamed else _spoken(thing.class_id, thing.class_name)
        where = direction_words(thing.bearing_deg, view.settings) or ""
        groups.setdefault((name, where, thing.score >= MIN_NAMED_SCORE or unnamed), []).append(thing)
    result = []
    for (name, where, sure), things in groups.items():
        nearest = min(things, key=lambda thing: thing.distance_m if thing.distance_m is not None else 1e9)
        # A colour belongs to one thing: a group of several has none.
        said = _counted(name, len(things), _colour(view, things[0]) if len(things) == 1 else None)
        far = distance_words(nearest.distance_m, view.settings, distance_sd_m=nearest.distance_sd_m,
                             zone=nearest.zone)
        parts = [said if sure else f"perhaps {said}", where, far or ""]
        urgency = max(thing.urgency for thing in things)
        result.append(Clause(10 - 3 * urgency, _capital(", ".join(part for part in parts if part))))
    return result


def _spoken(class_id: int, class_name: str) -> str:
    try:
        return taxonomy.by_id(class_id).spoken
    except KeyError:
        return class_name


def _counted(name: str, count: int, colour: str | None) -> str:
    if count == 1:
        return f"{colour} {name}" if colour else name
    return f"{count} {plural(name)}"


def plural(name: str) -> str:
    """The plural of a spoken class name: "bus" -> "buses", "toy on floor" -> "toys on floor"."""
    words = name.split()
    noun = next((place for place, word in enumerate(words) if word in _AFTER_THE_NOUN), len(words)) - 1
    if name not in _UNCOUNTED and words[noun] not in _UNCOUNTED:
        words[noun] = _plural_noun(words[noun])
    return " ".join(words)


def _plural_noun(noun: str) -> str:
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"


def _colour(view: SceneView, thing) -> str | None:
    if view.settings.verbosity != "full" and view.settings.condition != "colour_blindness":
        return None
    if thing.colour:
        return thing.colour
    measured = _value(view, "colours")
    named = {row["id"]: row["name"] for row in measured["detections"]} if measured else {}
    return named.get(thing.track_id)


def _movement(view: SceneView) -> list[Clause]:
    result = []
    known = {thing.track_id for thing in view.detections}
    for thing in view.motion.approaching:
        if thing.track_id not in known:
            where = direction_words(thing.bearing_deg, view.settings)
            result.append(Clause(3, f"Something coming nearer, {where}" if where else "Something coming nearer"))
    if not result and not view.detections:
        where = moving_side(view)
        if where is not None:
            result.append(Clause(12, f"Something moving {where}"))
    return result


def moving_side(view: SceneView) -> str | None:
    """``ahead``, ``on the left`` or ``on the right``: where most of the residual motion is; None without."""
    residual, dt = view.motion.residual, view.motion.ego.dt_s
    if residual is None or dt <= 0 or view.motion.ego.cut:
        return None
    moving = residual / dt >= MOVING_PX_PER_S * view.frame.width / 640.0
    if moving.mean() < MOVING_SHARE:
        return None
    columns = moving.sum(axis=0)
    thirds = [part.sum() for part in (columns[: len(columns) // 3], columns[len(columns) // 3: -(len(columns) // 3)],
                                      columns[-(len(columns) // 3):])]
    return ("on the left", "ahead", "on the right")[max(range(3), key=lambda third: thirds[third])]


def _people(view: SceneView) -> list[Clause]:
    if any(thing.class_name == "person" for thing in view.detections):
        return []
    steady = [person for person in _value(view, "pedestrians") or [] if person.get("steady")]
    where = Counter(direction_words(person["bearing_deg"], view.settings) for person in steady)
    return [Clause(11, f"Perhaps {'a person' if count == 1 else f'{count} people'}, {side}")
            for side, count in where.items()]


def _text(view: SceneView) -> list[Clause]:
    lines = sorted(_value(view, "ocr") or [], key=lambda line: -line["confidence"] * line["box"][3])
    result = []
    for number, line in enumerate(lines[: LINES_READ["full"]]):
        where = direction_words(view.camera.bearing_deg(line["box"][0]), view.settings) or ""
        least = next(name for name, count in LINES_READ.items() if number < count)
        result.append(Clause(14 + number, f"Text {where}: {line['text']}".replace("  ", " "), least))
    return result


def _way(view: SceneView) -> list[Clause]:
    held, path = view.so_far.get("path_guidance"), _value(view, "path_guidance")
    if path is None or path["words"] == "Open floor unknown" or (held.confidence or 0.0) < MIN_WAY_CONFIDENCE:
        return []
    return [Clause(13, path["words"], "normal")]


def _glare(view: SceneView) -> list[Clause]:
    risk = _value(view, "glare_risk")
    return [Clause(9, "Strong glare")] if risk is not None and int(max(range(4), key=lambda i: risk[i])) == 3 else []


def _relations(view: SceneView) -> list[Clause]:
    graph = _value(view, "scene_graph")
    if not graph or view.quality.uncertainty > UNCERTAIN_FROM:
        return []
    names = {node["id"]: _said(node["name"]) for node in graph["nodes"]}
    return [Clause(20, _capital(f"{names[row['subject']]} {_RELATION_WORDS[row['relation']]} {names[row['object']]}"),
                   "full")
            for row in graph["relations"] if row["relation"] in _RELATION_WORDS]


def _said(name: str) -> str:
    """A node's name as it is spoken everywhere else: "couch" is said "sofa"."""
    try:
        return taxonomy.by_name(name).spoken
    except KeyError:
        return name


def _place(view: SceneView) -> list[Clause]:
    result = []
    difficulty = _value(view, "navigation_difficulty")
    if difficulty is not None and difficulty >= 0.65:
        result.append(Clause(21, "Crowded with detail here", "normal"))
    colours = _value(view, "colours")
    if colours and colours["dominant"]:
        result.append(Clause(40, "Mostly " + " and ".join(row["name"] for row in colours["dominant"][:2]), "full"))
    return result


def compose(found: list[Clause], verbosity: str) -> str:
    """The sentence(s) of one verbosity; says so when nothing was recognised."""
    order = tuple(LIMITS)
    allowed = [clause for clause in found if order.index(clause.least) <= order.index(verbosity)]
    said = list(dict.fromkeys(clause.text for clause in allowed))[: LIMITS[verbosity]]
    return ". ".join(said) + "." if said else "Nothing recognised."


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``scene_description``: ``{brief, normal, full}``."""
    found = clauses(view)
    return {"scene_description": Value.measured(
        "scene_description", {verbosity: compose(found, verbosity) for verbosity in LIMITS},
        "grammar over this frame's outputs", confidence=1.0 - view.quality.uncertainty)}
