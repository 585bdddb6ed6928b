"""Vectors: unit length, 16 bits, and errors that name the row."""

from __future__ import annotations

import numpy as np
import pytest

from maxsight_core.retrieval import RetrievalError
from maxsight_core.retrieval.vectors import MAX_TAIL_BLOCKS, VectorTable, as_unit_vectors


def some(count, seed=0):
    return np.random.default_rng(seed).standard_normal((count, 256)).astype(np.float32)


def test_any_length_becomes_unit_length_and_the_input_is_left_alone():
    vectors = some(3) * np.float32([[1e-3], [1], [1e6]])
    before = vectors.copy()
    assert np.allclose(np.linalg.norm(as_unit_vectors(vectors), axis=1), 1, atol=1e-6)
    assert (vectors == before).all()
    assert as_unit_vectors(vectors[0]).shape == (1, 256)


@pytest.mark.parametrize(("wrong", "message"), [
    (np.nan, r"row 1 has NaN, infinity"), (np.inf, r"row 1 has NaN, infinity"), (0.0, r"row 1 has length zero"),
])
def test_a_vector_without_a_direction_is_refused_with_its_row(wrong, message):
    vectors = some(3)
    vectors[1] = wrong
    with pytest.raises(RetrievalError, match=message):
        as_unit_vectors(vectors)
    with pytest.raises(RetrievalError, match=message):
        VectorTable.of(vectors)


@pytest.mark.parametrize("vectors", [np.ones((2, 255)), np.ones((2, 256), int), np.ones((1, 2, 256)), np.ones(3)])
def test_another_shape_or_type_is_refused_with_what_arrived(vectors):
    with pytest.raises(RetrievalError, match=r"shape \[n, 256\]; got"):
        as_unit_vectors(vectors)


def test_16_bits_move_a_similarity_by_less_than_a_thousandth():
    vectors, queries = as_unit_vectors(some(500)), as_unit_vectors(some(20, 1))
    table = VectorTable.of(vectors)
    kept = table.gather(np.arange(500))
    assert np.abs(queries @ vectors.T - queries @ kept.T).max() < 5e-4
    assert table.array().dtype == np.float16


def test_rows_come_back_in_the_order_asked_across_any_number_of_blocks():
    whole = VectorTable.of(some(100)).array()
    table = VectorTable((whole[:10],))
    for start in range(10, 100, 3):
        table = table.extended(VectorTable((whole[start: start + 3],)))
    assert len(table._blocks) <= MAX_TAIL_BLOCKS + 1
    rows = np.random.default_rng(0).permutation(100)
    assert (table.gather(rows) == whole[rows].astype(np.float32)).all()
    assert (table.array() == whole).all()
    assert (table.selected(rows).array() == whole[rows]).all()
    joined = np.concatenate([block for _, block in table.blocks(block_rows=7)])
    assert (joined == whole).all() and [start for start, _ in table.blocks(7)][1] == 7
