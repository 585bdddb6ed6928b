"""Learned quantization: a rotation and codebooks fitted to the data, so that 32 bytes stand for 256 numbers.

Product quantization (Jegou, Douze, Schmid, "Product Quantization for Nearest Neighbor Search", TPAMI 2011) cuts a
vector into equal parts and replaces each part by the nearest of 256 learned ones. It loses most where the parts carry
unequal variance or depend on each other, as the channels of a network do. Optimized product quantization (Ge, He, Ke,
Sun, "Optimized Product Quantization", TPAMI 2014) learns a rotation before the cut: it starts from the principal axes,
dealt out so that every part holds about the same product of variances, and then alternates between fitting the
codebooks and solving for the rotation (orthogonal Procrustes). NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maxsight_core.retrieval.errors import RetrievalError

CODES = 256
"""Entries of each codebook: one byte names one."""
MIN_TRAINING_ROWS = 8 * CODES
"""Fewer vectors than this leave most entries with a handful of examples, and held-out error rises."""
ROTATION_ROUNDS = 8
"""Alternations of codebooks and rotation; the error falls by under 0.5 % a round from there, and recall no longer
rises (docs/retrieval.md)."""
FINAL_ROUNDS = 8
"""Lloyd iterations of the codebooks once the rotation is fixed."""
_BLOCK_ROWS = 4096  # scores of one block, 4096 x 256 x 4 bytes, stay in the second-level cache
_SMALLEST_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True)
class ProductQuantizer:
    """A trained quantizer.

    Args:
        rotation: [D, D] float32, orthonormal; a vector is coded as ``rotation @ vector``.
        codebooks: [M, 256, D / M] float32.

    Raises:
        RetrievalError: shapes that do not belong together, or a rotation that is none.
    """

    rotation: np.ndarray
    codebooks: np.ndarray

    def __post_init__(self) -> None:
        if self.codebooks.ndim != 3 or self.codebooks.shape[1] != CODES:
            raise RetrievalError(f"codebooks: expected shape [M, {CODES}, D / M]; got {list(self.codebooks.shape)}")
        dimension = self.codebooks.shape[0] * self.codebooks.shape[2]
        if self.rotation.shape != (dimension, dimension):
            raise RetrievalError(f"rotation: expected shape [{dimension}, {dimension}] for these codebooks; got "
                                 f"{list(self.rotation.shape)}")
        apart = np.abs(self.rotation @ self.rotation.T - np.eye(dimension)).max()
        if not apart < 1e-3 or not np.isfinite(self.codebooks).all():
            raise RetrievalError("quantizer: expected an orthonormal rotation and finite codebooks; got a rotation "
                                 f"that is {apart:.3g} away from one. Train it again")

    @property
    def parts(self) -> int:
        """Number of parts, which is the number of bytes of a code."""
        return self.codebooks.shape[0]

    @property
    def dimension(self) -> int:
        return self.rotation.shape[0]

    def rotate(self, vectors: np.ndarray) -> np.ndarray:
        """[n, D] -> [n, D] float32 in the coordinates of the codebooks."""
        return vectors.astype(np.float32, copy=False) @ self.rotation.T

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """[n, D] float -> [n, M] uint8."""
        return _assign(self.rotate(vectors), self.codebooks)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """[n, M] uint8 -> [n, D] float32, the vectors that the codes stand for."""
        return _look_up(codes, self.codebooks) @ self.rotation

    def error(self, vectors: np.ndarray) -> float:
        """Mean squared distance between vectors and what their codes stand for."""
        rotated = self.rotate(vectors)
        return float(((rotated - _look_up(_assign(rotated, self.codebooks), self.codebooks)) ** 2).sum(axis=1).mean())


def train(
    vectors: np.ndarray, parts: int, *, seed: int = 0, rotation_rounds: int = ROTATION_ROUNDS,
    final_rounds: int = FINAL_ROUNDS,
) -> ProductQuantizer:
    """Fit a quantizer to vectors.

    Args:
        vectors: [n, D] float, n at least ``MIN_TRAINING_ROWS``. parts: M, a divisor of D.
        seed: the same vectors and seed give the same quantizer.
        rotation_rounds: 0 leaves the axes as they are: plain product quantization.

    Raises:
        RetrievalError: too few vectors, or a number of parts that does not divide D.
    """
    if vectors.ndim != 2 or parts < 1 or vectors.shape[1] % parts:
        raise RetrievalError(f"quantizer: expected [n, D] vectors with D a multiple of parts; got "
                             f"{list(vectors.shape)} and {parts} parts")
    if len(vectors) < MIN_TRAINING_ROWS:
        raise RetrievalError(f"quantizer: expected at least {MIN_TRAINING_ROWS} vectors to learn from; got "
                             f"{len(vectors)}. Use a flat index for so few")
    rng = np.random.default_rng(seed)
    vectors = vectors.astype(np.float32, copy=False)
    rotation = balanced_axes(vectors, parts) if rotation_rounds else np.eye(vectors.shape[1], dtype=np.float32)
    rotated = vectors @ rotation.T
    codebooks = _first_codebooks(rotated, parts, rng)
    for _ in range(rotation_rounds):
        codes = _assign(rotated, codebooks)
        codebooks = _updated(rotated, codes, codebooks, rng)
        rotation = _procrustes(vectors, _look_up(codes, codebooks))
        rotated = vectors @ rotation.T
    for _ in range(final_rounds):
        codebooks = _updated(rotated, _assign(rotated, codebooks), codebooks, rng)
    return ProductQuantizer(np.ascontiguousarray(rotation), codebooks)


def balanced_axes(vectors: np.ndarray, parts: int) -> np.ndarray:
    """[D, D] rotation onto principal axes, dealt out to equal parts of about equal product of variances.

    Greedy as in Ge et al., section 3.2.2: the next largest variance goes to the part with the smallest product that
    still has room. It is the best rotation for Gaussian data.
    """
    dimension = vectors.shape[1]
    variances, axes = np.linalg.eigh(np.cov(vectors, rowvar=False))
    log_variances = np.log(np.maximum(variances, _SMALLEST_VARIANCE))
    log_variances -= log_variances.min()  # so that every axis dealt makes its part's product larger
    chosen: list[list[int]] = [[] for _ in range(parts)]
    products = np.zeros(parts)
    for axis in np.argsort(-variances):
        part = int(np.argmin(products))
        chosen[part].append(int(axis))
        products[part] += log_variances[axis]
        if len(chosen[part]) == dimension // parts:
            products[part] = np.inf
    return np.ascontiguousarray(axes[:, np.concatenate(chosen)].T.astype(np.float32))


def _first_codebooks(rotated: np.ndarray, parts: int, rng: np.random.Generator) -> np.ndarray:
    picked = rotated[np.sort(rng.choice(len(rotated), CODES, replace=False))]
    return np.ascontiguousarray(picked.reshape(CODES, parts, -1).transpose(1, 0, 2))  # [M, 256, D / M]


def _assign(rotated: np.ndarray, codebooks: np.ndarray) -> np.ndarray:
    """[n, M] uint8: the nearest codebook entry of every part."""
    parts, _, width = codebooks.shape
    half_norms = 0.5 * (codebooks ** 2).sum(axis=2)  # [M, 256]
    codes = np.empty((len(rotated), parts), np.uint8)
    for start in range(0, len(rotated), _BLOCK_ROWS):
        block = rotated[start: start + _BLOCK_ROWS]
        for part in range(parts):
            scores = block[:, part * width: (part + 1) * width] @ codebooks[part].T
            scores -= half_norms[part]  # nearest = largest of <x, c> - |c|^2 / 2
            codes[start: start + _BLOCK_ROWS, part] = scores.argmax(axis=1)
    return codes


def _look_up(codes: np.ndarray, codebooks: np.ndarray) -> np.ndarray:
    """[n, D] float32: the codebook entries side by side."""
    return codebooks[np.arange(codebooks.shape[0]), codes].reshape(len(codes), -1)


def _updated(
    rotated: np.ndarray, codes: np.ndarray, codebooks: np.ndarray, rng: np.random.Generator,
) -> np.ndarray:
    """Codebooks moved to the means of what was assigned to them; an entry nobody uses moves beside a busy one."""
    parts, _, width = codebooks.shape
    moved = np.empty_like(codebooks)
    for part in range(parts):
        labels = codes[:, part]
        counts = np.bincount(labels, minlength=CODES)
        for axis in range(width):
            sums = np.bincount(labels, rotated[:, part * width + axis], minlength=CODES)
            moved[part, :, axis] = sums / np.maximum(counts, 1)
        unused = np.flatnonzero(counts == 0)
        if len(unused):
            busy = np.argsort(-counts)[: len(unused)]
            spread = rotated[:, part * width: (part + 1) * width].std() * 1e-3
            moved[part, unused] = moved[part, busy] + rng.normal(0.0, spread, (len(unused), width))
    return moved


def _procrustes(vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The rotation R that brings ``vectors @ R.T`` nearest to ``targets`` (Schoenemann 1966)."""
    left, _, right = np.linalg.svd(targets.T @ vectors)
    return left @ right
