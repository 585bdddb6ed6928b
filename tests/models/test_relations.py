"""Statements from probabilities: thresholds, absent boxes, and no two statements that exclude one another."""

import numpy as np
import pytest

from maxsight_core.models.relations import extract_relations
from maxsight_core.models.stage_b_contract import SEMANTIC_RELATIONS, SPATIAL_RELATIONS


def _picture(count: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (np.zeros((count, count, len(SPATIAL_RELATIONS)), np.float32),
            np.zeros((count, count, len(SEMANTIC_RELATIONS)), np.float32), np.ones(count, np.float32))


def _set(array: np.ndarray, names: tuple[str, ...], *said: tuple[int, str, int, float]) -> None:
    for i, name, j, probability in said:
        array[i, j, names.index(name)] = probability


def _said(*args, **more) -> list[tuple[int, str, int]]:
    return [(row["subject"], row["relation"], row["object"]) for row in extract_relations(*args, **more)]


def test_probabilities_from_the_threshold_on_become_statements_the_surest_first():
    spatial, semantic, valid = _picture()
    _set(spatial, SPATIAL_RELATIONS, (0, "near", 1, 0.5), (1, "above", 2, 0.7), (0, "near", 2, 0.49))
    _set(semantic, SEMANTIC_RELATIONS, (2, "supports", 1, 0.9))
    rows = extract_relations(spatial, semantic, valid)
    assert rows[0] == {"subject": 2, "relation": "supports", "object": 1, "confidence": pytest.approx(0.9),
                       "kind": "semantic"}
    assert [(row["relation"], row["kind"]) for row in rows[1:]] == [("above", "spatial"), ("near", "spatial")]
    assert all(type(row["subject"]) is int and type(row["confidence"]) is float for row in rows)
    assert _said(spatial, semantic, valid, threshold=0.8) == [(2, "supports", 1)]
    assert len(_said(spatial, semantic, valid, threshold=0.4)) == 4


def test_absent_boxes_and_a_thing_with_itself_state_nothing():
    spatial, semantic, valid = _picture()
    spatial[..., SPATIAL_RELATIONS.index("near")] = 0.9
    valid[2:] = 0
    assert _said(spatial, semantic, valid) == [(0, "near", 1), (1, "near", 0)]
    assert _said(spatial, semantic, np.zeros(4)) == []


@pytest.mark.parametrize(("one", "other"), [("left_of", "right_of"), ("above", "below"), ("in_front_of", "behind")])
def test_of_two_sides_only_the_surer_is_stated(one, other):
    spatial, semantic, valid = _picture()
    _set(spatial, SPATIAL_RELATIONS, (0, one, 1, 0.9), (1, other, 0, 0.9), (0, other, 1, 0.6), (1, one, 0, 0.6))
    assert _said(spatial, semantic, valid) == [(0, one, 1), (1, other, 0)]


def test_what_is_as_sure_as_its_contrary_is_not_stated():
    spatial, semantic, valid = _picture()
    _set(spatial, SPATIAL_RELATIONS, (0, "left_of", 1, 0.8), (0, "right_of", 1, 0.8))
    assert _said(spatial, semantic, valid) == []


@pytest.mark.parametrize("relation", ["contains", "supports", "part_of", "held_by", "rides"])
def test_one_way_relations_go_the_surer_way_and_mutual_ones_both(relation):
    spatial, semantic, valid = _picture()
    _set(semantic, SEMANTIC_RELATIONS, (0, relation, 1, 0.7), (1, relation, 0, 0.8), (2, "blocks", 3, 0.7),
         (3, "blocks", 2, 0.8))
    assert _said(spatial, semantic, valid) == [(1, relation, 0), (3, "blocks", 2), (2, "blocks", 3)]
    _set(spatial, SPATIAL_RELATIONS, (0, "inside", 1, 0.7), (1, "inside", 0, 0.8))
    assert (1, "inside", 0) in _said(spatial, semantic, valid)
    assert (0, "inside", 1) not in _said(spatial, semantic, valid)


def test_random_probabilities_never_give_contradictions():
    rng = np.random.default_rng(0)
    spatial, semantic, _ = (rng.random(array.shape) for array in _picture(8))
    said = set(_said(spatial, semantic, np.ones(8), threshold=0.2))
    assert len(said) > 200
    for i, relation, j in said:
        contrary = {"left_of": "right_of", "above": "below", "in_front_of": "behind"}.get(relation)
        assert contrary is None or (i, contrary, j) not in said
        assert contrary is None or (j, relation, i) not in said


@pytest.mark.parametrize(("change", "message"), [
    (lambda s, m, v: (s[:3], m, v), r"spatial of shape \[4, 4, 9\]; got \[3, 4, 9\]"),
    (lambda s, m, v: (s, m[..., :2], v), r"semantic of shape \[4, 4, 7\]; got \[4, 4, 2\]"),
    (lambda s, m, v: (s[None], m[None], v[None]), r"valid of shape \[K\]; got \[1, 4\]"),
    (lambda s, m, v: (s - 3.0, m, v), r"spatial probabilities within 0..1; got -3"),
    (lambda s, m, v: (s, m * np.nan, v), r"semantic probabilities within 0..1"),
])
def test_wrong_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        extract_relations(*change(*_picture()))


def test_a_threshold_outside_the_probabilities_is_named():
    with pytest.raises(ValueError, match=r"threshold of 0..1; got 50"):
        extract_relations(*_picture(), threshold=50)
