"""Learned quantization loses less than plain product quantization, on vectors it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from maxsight_core.retrieval import RetrievalError, quantizer
from maxsight_core.retrieval.quantizer import CODES, ProductQuantizer

PARTS = 32


@pytest.fixture(scope="module")
def seen(clustered):
    return clustered(4096, seed=10)


@pytest.fixture(scope="module")
def held_out(clustered):
    return clustered(2000, seed=11)


@pytest.fixture(scope="module")
def learned(seen):
    return quantizer.train(seen, PARTS, seed=5, rotation_rounds=6, final_rounds=3)


def test_the_learned_rotation_halves_the_error_of_plain_quantization_on_held_out_vectors(seen, held_out, learned):
    import faiss

    plain = quantizer.train(seen, PARTS, seed=5, rotation_rounds=0, final_rounds=12)
    theirs = faiss.ProductQuantizer(256, PARTS, 8)
    theirs.train(seen)
    theirs_error = float(((theirs.decode(theirs.compute_codes(held_out)) - held_out) ** 2).sum(axis=1).mean())
    assert abs(plain.error(held_out) / theirs_error - 1) < 0.05  # ours without rotation is what FAISS trains
    assert learned.error(held_out) < 0.5 * min(plain.error(held_out), theirs_error)


def test_alternating_finds_axes_that_principal_components_cannot_see():
    """Corners of a turned hypercube: its variances are nearly equal in all directions, its axes are all there is."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((16, 16)))[0] * np.linspace(1.0, 1.3, 16)[:, None]
    seen, held_out = (((rng.integers(0, 2, (count, 16)) + 0.05 * rng.standard_normal((count, 16))) @ turn)
                      .astype(np.float32) for count in (4096, 2000))
    axes = quantizer.balanced_axes(seen, 4)
    on_axes = quantizer.train(seen @ axes.T, 4, rotation_rounds=0, final_rounds=30).error(held_out @ axes.T)
    assert quantizer.train(seen, 4).error(held_out) < 0.5 * on_axes


def test_the_rotation_is_one_and_decoding_undoes_it(held_out, learned):
    assert np.allclose(learned.rotation @ learned.rotation.T, np.eye(256), atol=1e-4)
    restored = learned.decode(learned.encode(held_out))
    assert ((restored - held_out) ** 2).sum(axis=1).mean() == pytest.approx(learned.error(held_out), rel=1e-3)
    assert (learned.encode(restored) == learned.encode(held_out)).all()


def test_each_part_gets_the_nearest_entry(held_out, learned):
    rotated = learned.rotate(held_out[:50])
    parts = rotated.reshape(50, PARTS, 1, -1)
    slow = ((parts - learned.codebooks[None]) ** 2).sum(axis=3).argmin(axis=2)
    assert (learned.encode(held_out[:50]) == slow).mean() > 0.999  # rounding may decide a tie otherwise


def test_parts_share_the_variance_out(seen):
    axes = quantizer.balanced_axes(seen, PARTS)
    variances = np.log((seen @ axes.T).var(axis=0)).reshape(PARTS, -1).sum(axis=1)
    unsorted = np.log((seen @ axes[np.argsort(-(seen @ axes.T).var(axis=0))].T).var(axis=0)).reshape(PARTS, -1)
    assert np.allclose(axes @ axes.T, np.eye(256), atol=1e-4)
    assert np.ptp(variances) < 0.2 * np.ptp(unsorted.sum(axis=1))


def test_equal_seeds_give_equal_quantizers_and_other_seeds_others(seen):
    first, again, other = (quantizer.train(seen[:4096], PARTS, seed=seed, rotation_rounds=1, final_rounds=1)
                           for seed in (1, 1, 2))
    assert (first.codebooks == again.codebooks).all() and (first.rotation == again.rotation).all()
    assert not (first.codebooks == other.codebooks).all()


def test_an_entry_that_nobody_uses_is_put_to_use():
    few = np.repeat(np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32), 10, axis=0)
    trained = quantizer.train(few, 2, rotation_rounds=0, final_rounds=12)
    used = [len(np.unique(trained.encode(few)[:, part])) for part in range(2)]
    assert min(used) > 0.85 * CODES


@pytest.mark.parametrize(("vectors", "parts", "message"), [
    (np.ones((5000, 256)), 33, "D a multiple of parts"), (np.ones((5000, 256)), 0, "D a multiple of parts"),
    (np.ones((100, 256)), 32, "at least 2048 vectors to learn from; got 100"),
])
def test_what_cannot_be_learned_from_is_refused(vectors, parts, message):
    with pytest.raises(RetrievalError, match=message):
        quantizer.train(vectors, parts)


@pytest.mark.parametrize(("rotation", "codebooks", "message"), [
    (np.eye(8), np.zeros((2, 256, 8)), r"rotation: expected shape \[16, 16\]"),
    (np.eye(16) * 2, np.zeros((2, 256, 8)), "orthonormal rotation"),
    (np.eye(16) * np.nan, np.zeros((2, 256, 8)), "orthonormal rotation"),
    (np.eye(16), np.full((2, 256, 8), np.nan), "finite codebooks"),
    (np.eye(16), np.zeros((2, 100, 8)), r"expected shape \[M, 256, D / M\]"),
])
def test_arrays_that_do_not_make_a_quantizer_are_refused(rotation, codebooks, message):
    with pytest.raises(RetrievalError, match=message):
        ProductQuantizer(rotation, codebooks)
