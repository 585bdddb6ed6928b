"""Weights in eight bits on the disk: a fourth of the file, read back as 32 bits.

Each output channel of a convolution or matrix has its own scale, symmetric about zero (Jacob et al., "Quantization and
Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018; per channel: Krishnamoorthi,
"Quantizing deep convolutional networks for efficient inference", 2018). Small tensors, where a bit matters and a byte
does not, stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SCALE_SUFFIX = ".scale_of_i8"
LEAST_NUMBERS = 4096
"""Tensors with fewer numbers stay in 32 bits."""
_LARGEST = 127.0


def pack(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """What is stored for one tensor: itself, or int8 of its shape and [C] float32 scales under ``name`` + suffix."""
    if array.dtype.kind != "f" or array.ndim < 2 or array.size < LEAST_NUMBERS:
        return {name: array.astype(np.float32) if array.dtype.kind == "f" else array}
    rows = array.astype(np.float32).reshape(len(array), -1)  # [C, ...]
    scale = np.abs(rows).max(axis=1) / _LARGEST
    scale[scale == 0.0] = 1.0
    whole = np.rint(rows / scale[:, None]).astype(np.int8)
    return {name: whole.reshape(array.shape), name + SCALE_SUFFIX: scale.astype(np.float32)}


def unpack(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors that were packed, in 32 bits; all others as they are."""
    found = {}
    for name, array in arrays.items():
        if name.endswith(SCALE_SUFFIX):
            continue
        scale = arrays.get(name + SCALE_SUFFIX)
        found[name] = array if scale is None else (
            array.astype(np.float32) * scale.reshape(-1, *[1] * (array.ndim - 1)))
    return found
