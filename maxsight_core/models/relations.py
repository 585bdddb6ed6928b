"""From the scene graph's probabilities to statements: who is how to whom. NumPy only.

A pair can be told from both sides ("the cup is left of the plate" and "the plate is right of the cup"); both are kept,
as the measured scene graph keeps them. Of two statements that cannot both be true only the surer one is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from maxsight_core.models.stage_b_contract import SEMANTIC_RELATIONS, SPATIAL_RELATIONS

DEFAULT_THRESHOLD = 0.5
"""More likely than not."""
SPATIAL_INVERSES: tuple[tuple[str, str], ...] = (("left_of", "right_of"), ("above", "below"),
                                                 ("in_front_of", "behind"))
"""``a r b`` says the same as ``b s a``; ``a r b`` and ``a s b`` exclude one another."""
SYMMETRIC: tuple[str, ...] = ("near", "overlaps")
"""``a r b`` says the same as ``b r a``."""
ONE_WAY: tuple[str, ...] = ("inside", "contains", "supports", "part_of", "held_by", "rides")
"""``a r b`` excludes ``b r a``. The others (``blocks``, ``leads_to``) may hold both ways, as for two doors."""


def extract_relations(
    spatial: np.ndarray, semantic: np.ndarray, valid: np.ndarray, threshold: float = DEFAULT_THRESHOLD,
) -> list[dict[str, Any]]:
    """The statements that a picture's relation probabilities support, the surest first.

    Args:
        spatial: [K, K, S] probabilities, ``spatial[i, j, r]`` that ``i`` is ``SPATIAL_RELATIONS[r]`` ``j``.
        semantic: [K, K, M], likewise of ``SEMANTIC_RELATIONS``.
        valid: [K], over 0.5 where there is a box.
        threshold: 0..1; a probability of at least this makes a statement.

    Returns:
        ``{subject: int, relation: str, object: int, confidence: float, kind: "spatial" | "semantic"}`` each;
        subject and object are places in the list of boxes.

    Raises:
        ValueError: other shapes, numbers outside 0..1 or not finite, a threshold outside 0..1.
    """
    mask = np.asarray(valid)
    if mask.ndim != 1:
        raise ValueError(f"extract_relations: expected valid of shape [K]; got {list(mask.shape)}; give one picture")
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"extract_relations: expected a threshold of 0..1; got {threshold!r}")
    found: list[dict[str, Any]] = []
    for kind, names, values in (("spatial", SPATIAL_RELATIONS, spatial), ("semantic", SEMANTIC_RELATIONS, semantic)):
        found += _statements(kind, names, _checked(kind, names, values, len(mask)), mask > 0.5, threshold)
    return sorted(found, key=lambda row: (-row["confidence"], row["subject"], row["object"], row["relation"]))


def _checked(kind: str, names: tuple[str, ...], values: np.ndarray, count: int) -> np.ndarray:
    array = np.asarray(values, dtype=np.float32)
    if array.shape != (count, count, len(names)):
        raise ValueError(f"extract_relations: expected {kind} of shape {[count, count, len(names)]}; got "
                         f"{list(array.shape)}")
    if not (np.isfinite(array).all() and array.min(initial=0.0) >= 0.0 and array.max(initial=0.0) <= 1.0):
        raise ValueError(f"extract_relations: expected {kind} probabilities within 0..1; got "
                         f"{array.min(initial=0.0)}..{array.max(initial=0.0)}; give probabilities, not logits")
    return array


def _statements(
    kind: str, names: tuple[str, ...], values: np.ndarray, valid: np.ndarray, threshold: float,
) -> list[dict[str, Any]]:
    pairs = valid[:, None] & valid[None, :] & ~np.eye(len(valid), dtype=bool)
    made = (values >= threshold) & (values > _against(names, values)) & pairs[..., None]
    return [{"subject": int(i), "relation": names[r], "object": int(j), "confidence": float(values[i, j, r]),
             "kind": kind} for i, j, r in np.argwhere(made)]


def _against(names: tuple[str, ...], values: np.ndarray) -> np.ndarray:
    """[K, K, R]: the highest probability of a statement that cannot hold together with ``i r j``; -1 without one."""
    against = np.full_like(values, -1.0)
    place = {name: index for index, name in enumerate(names)}
    for first, second in SPATIAL_INVERSES:
        for one, other in ((first, second), (second, first)):
            if one in place:
                against[..., place[one]] = np.maximum(values[..., place[other]], values[..., place[one]].T)
    for name in ONE_WAY:
        if name in place:
            against[..., place[name]] = values[..., place[name]].T
    return against
