"""What MaxSight can name: COCO's 91 ids and its own accessibility classes, in one table.

``0`` is ``something``: its motion is known, its kind is not. ``1..91`` are COCO's ids (Lin et al.,
"Microsoft COCO", 2014). Eleven of them (:data:`COCO_GAP_IDS`) were named in the paper but never
annotated in the published data, which other software lists as ``N/A``: they keep their id here, so that
a 91-way head indexes straight into the table, but no detector trained on COCO reports them. ``1001``
onwards are the accessibility classes.

Heights are priors for pinhole ranging (distance = focal length x height / box height): mean and standard
deviation, over the instances one meets, of the vertical extent of the whole visible thing. None where a
height would mislead: flat markings, flights of stairs, openings. :data:`SIZE_SOURCES` says, group by
group, where the figures come from; they are priors, not measurements of the thing in view.

Standard library only.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from maxsight_core.taxonomy_access import ACCESS_GROUPS
from maxsight_core.taxonomy_coco import COCO_GROUPS

COCO_IDS: tuple[int, ...] = tuple(range(1, 92))
COCO_GAP_IDS: frozenset[int] = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91})
"""Named in the COCO paper, absent from its annotations ("N/A" in torchvision's list)."""

FIRST_ACCESS_ID = 1001
SOMETHING_ID = 0
NOT_ANNOTATED = "N/A"
_NEAR_NAMES_SHOWN = 5
_NEAR_NAME_CUTOFF = 0.55  # difflib ratio: one or two wrong letters in a short name still match

AFFORDANCES: frozenset[str] = frozenset({
    "ask", "avoid", "board", "carry", "climb", "cross", "descend", "drink", "duck", "eat", "fall", "follow",
    "grasp", "greet", "hear", "hold", "lie", "open", "pass", "pay", "play", "post", "press", "push", "read",
    "ride", "sit", "slip", "step_over", "touch", "trip", "wait", "walk_on", "wash", "watch", "wear",
})
"""What a thing offers or threatens. ``avoid``, ``fall``, ``trip``, ``slip``, ``duck`` are threats."""


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """One class.

    Args:
        id: 0, 1..91 (COCO) or from 1001 (accessibility). name: unique, lower case.
        group: key of :data:`SIZE_SOURCES`.
        height_m: (mean, standard deviation) of the visible height, metres; None where none is useful.
        default_urgency: 0 safe .. 3 danger, of the thing standing in the way, before motion is known.
        moving: True when it can move by itself.
        affordances: of :data:`AFFORDANCES`.
        spoken: what is said aloud, British English, no article.
    """

    id: int
    name: str
    group: str
    height_m: tuple[float, float] | None
    default_urgency: int
    moving: bool
    affordances: tuple[str, ...]
    spoken: str

    def __post_init__(self) -> None:
        if not 0 <= self.default_urgency <= 3:
            raise ValueError(f"class {self.name!r}: default_urgency must be 0..3; got {self.default_urgency}")
        if self.height_m is not None and not (self.height_m[0] > 0 and self.height_m[1] > 0):
            raise ValueError(f"class {self.name!r}: height_m must be (mean > 0, sd > 0); got {self.height_m}")
        unknown = set(self.affordances) - AFFORDANCES
        if unknown:
            raise ValueError(f"class {self.name!r}: unknown affordances {sorted(unknown)}; add them to AFFORDANCES")

    @property
    def is_coco(self) -> bool:
        """True for COCO's ids, 1..91."""
        return 1 <= self.id <= COCO_IDS[-1]

    @property
    def annotated_in_coco(self) -> bool:
        """True for the 80 classes that COCO's published boxes cover."""
        return self.is_coco and self.id not in COCO_GAP_IDS


_SOMETHING = ClassInfo(SOMETHING_ID, "something", "unknown", None, 1, True, ("avoid",), "something")

SIZE_SOURCES: dict[str, str] = {
    "unknown": "No prior: only motion is known.",
    **{group: why for group, why, _ in (*COCO_GROUPS, *ACCESS_GROUPS)},
}
"""Group -> where its size priors come from. The figures are rounded to what a prior can carry."""

ALIASES: dict[str, str] = {
    "bike": "bicycle", "bin": "litter bin", "cardboard box": "moving box", "cooker": "stove", "curb": "kerb",
    "electric scooter": "e-scooter", "elevator": "lift", "fridge": "refrigerator", "handle": "door handle",
    "lorry": "truck", "mobile phone": "cell phone", "motorbike": "motorcycle", "pedestrian": "person",
    "phone": "cell phone", "sidewalk sign": "a-board", "sofa": "couch", "steps": "stairs", "street lamp": "lamp post",
    "stroller": "pushchair", "table": "dining table", "television": "tv", "trash can": "litter bin",
    "walker": "walking frame", "zebra crossing": "crosswalk",
}
"""Other words for a class, which :func:`by_name` accepts too."""


def _build() -> tuple[ClassInfo, ...]:
    built = [_SOMETHING]
    for group, _, rows in (*COCO_GROUPS, *ACCESS_GROUPS):
        for class_id, name, height_m, urgency, moving, affordances, spoken in rows:
            built.append(ClassInfo(class_id, name, group, height_m, urgency, moving,
                                   tuple(affordances.split()), spoken or name))
    built.sort(key=lambda info: info.id)
    return tuple(built)


CLASSES: tuple[ClassInfo, ...] = _build()
"""Every class, by ascending id."""

_BY_ID = {info.id: info for info in CLASSES}
_BY_NAME = {info.name: info for info in CLASSES}

if len(_BY_ID) != len(CLASSES) or len(_BY_NAME) != len(CLASSES):  # the later row would silently win
    raise RuntimeError("the taxonomy declares an id or a name twice")


def by_id(class_id: int) -> ClassInfo:
    """The class with this id; KeyError names the valid ranges."""
    try:
        return _BY_ID[int(class_id)]
    except (KeyError, TypeError, ValueError):
        raise KeyError(
            f"no class has id {class_id!r}; expected 0, COCO's 1..{COCO_IDS[-1]}, or an accessibility id "
            f"{FIRST_ACCESS_ID}..{CLASSES[-1].id}") from None


def by_name(name: str) -> ClassInfo:
    """The class called ``name`` or one of its :data:`ALIASES`; case and surrounding space do not matter.

    Raises:
        KeyError: no class is called so; the message suggests near names.
    """
    key = str(name).strip().lower()
    key = ALIASES.get(key, key)
    try:
        return _BY_NAME[key]
    except KeyError:
        near = suggest(key)
        hint = f"did you mean {', '.join(near)}?" if near else f"see CLASSES for all {len(CLASSES)} names"
        raise KeyError(f"no class is called {name!r}; {hint}") from None


def suggest(name: str) -> tuple[str, ...]:
    """Known names that are spelled like ``name`` or contain it, best first, at most five."""
    key = str(name).strip().lower()
    close = difflib.get_close_matches(key, _BY_NAME, n=_NEAR_NAMES_SHOWN, cutoff=_NEAR_NAME_CUTOFF)
    spoken = [info.name for info in CLASSES if key and key == info.spoken]
    containing = [known for known in _BY_NAME if len(key) >= 3 and key in known]
    return tuple(dict.fromkeys((*spoken, *close, *containing)))[:_NEAR_NAMES_SHOWN]


def coco_names() -> tuple[str, ...]:
    """91 names for the indices 0..90 of a torchvision detector: background first, ``N/A`` at the gaps.

    Id 91 (hair brush) is one of the gaps and lies past the end, as in torchvision.
    """
    return ("__background__", *(NOT_ANNOTATED if i in COCO_GAP_IDS else _BY_ID[i].name for i in COCO_IDS[:-1]))


def in_group(group: str) -> tuple[ClassInfo, ...]:
    """The classes of one group; KeyError names the groups."""
    if group not in SIZE_SOURCES:
        raise KeyError(f"no group is called {group!r}; expected one of {', '.join(SIZE_SOURCES)}")
    return tuple(info for info in CLASSES if info.group == group)
