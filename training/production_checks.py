"""What a production run needs before its first step: packages, device, space, data. Each check gives its problems."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from training.data.sample import ClassTable, SampleError
from training.data.stored import Samples
from training.loop.build import coco_samples, rendered_samples
from training.loop.config import TrainConfig
from training.loop.state import FREE_FACTOR
from training.loop.trainer import BYTES_PER_PARAMETER

LEAST_PYTHON = (3, 11)
LEARN_PACKAGES: tuple[str, ...] = ("torch", "torchvision", "numpy", "cv2", "yaml", "pydantic", "safetensors", "tqdm")
EXPORT_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "jit": (), "onnx": ("onnx", "onnxruntime"), "openvino": ("openvino",), "coreml": ("coremltools",),
    "executorch": ("executorch",),
}
"""Formats of ``python -m training.export``, and what writes and runs them."""
PARAMETERS_MILLIONS: Mapping[str, float] = {"T0": 33.0, "T1": 50.0, "T2": 210.0, "T3": 250.0, "T4": 280.0, "T5": 320.0}
"""For the space that a run needs; T0 is the pyramid grid's."""
READ_PICTURES = 50
"""Of every source, spread over it, that are read and checked."""


def environment_problems(config: TrainConfig, out: Path, device: str | None) -> list[str]:
    """Python, packages, device, free space."""
    found = []
    if sys.version_info < LEAST_PYTHON:
        found.append(f"Python {'.'.join(map(str, LEAST_PYTHON))} or newer is needed; this is {sys.version.split()[0]}")
    found += [f"package {name} is missing: pip install -r requirements.txt -r training/requirements.txt"
              for name in LEARN_PACKAGES if importlib.util.find_spec(name) is None]
    if (device or "").startswith("cuda") and not torch.cuda.is_available():
        found.append(f"device {device}: torch sees no CUDA device")
    parent = next(one for one in (out, *out.absolute().parents) if one.exists())
    needed = PARAMETERS_MILLIONS[config.tier] * 1e6 * BYTES_PER_PARAMETER * FREE_FACTOR
    free = shutil.disk_usage(parent).free
    if free < needed:
        found.append(f"{out}: {free / 2**30:.1f} GiB are free; a {config.tier} needs {needed / 2**30:.1f} GiB")
    return found


def export_problems(formats: Iterable[str]) -> list[str]:
    """Packages that the formats need and that are not installed; formats nobody knows."""
    found = []
    if importlib.util.find_spec("training.export") is None:
        found.append("python -m training.export is not there; use --no-export")
    for name in formats:
        if name not in EXPORT_PACKAGES:
            found.append(f"format {name}: expected one of {', '.join(EXPORT_PACKAGES)}")
        found += [f"format {name} needs the package {package}: pip install {package}"
                  for package in EXPORT_PACKAGES.get(name, ()) if importlib.util.find_spec(package) is None]
    return found


def data_problems(config: TrainConfig) -> list[str]:
    """Sources that cannot be opened or hold nothing to learn from."""
    found, learned = [], 0
    classes = ClassTable.of_names(config.classes)
    for source in config.data.coco:
        try:
            count = len(coco_samples(config, source, classes, "train"))
        except (SampleError, OSError, ValueError) as error:
            found.append(f"data.coco {source.path}: {error}")
            continue
        learned += count
        if not count:
            found.append(f"data.coco {source.path}: no pictures to learn from are left in it")
    learned += sum(source.frames for source in config.data.rendered)
    if learned < config.batch_size:
        found.append(f"data: {learned} pictures to learn from, less than a batch of {config.batch_size}")
    return found


def content_problems(config: TrainConfig) -> list[str]:
    """What a sample of every source says: pictures that cannot be read, values out of range, classes without a box."""
    found = []
    classes = ClassTable.of_names(config.classes)
    seen = np.zeros(classes.count, np.int64)
    sources: list[Samples] = [coco_samples(config, source, classes, "train") for source in config.data.coco]
    rendered = [rendered_samples(source, classes) for source in config.data.rendered]
    for samples in (*sources, *rendered):
        for index in np.unique(np.linspace(0, len(samples) - 1, min(len(samples), READ_PICTURES)).astype(int)):
            try:
                sample = samples[int(index)].check()
            except (SampleError, OSError, ValueError) as error:
                found.append(f"{samples.source(int(index))}: {error}")
                continue
            seen += np.bincount(sample.columns, minlength=classes.count)
    for samples in sources:  # all boxes of photographs, not only those of the pictures that were read
        for index in range(len(samples)):
            seen += np.bincount(samples.columns_of(index), minlength=classes.count)
    empty = [name for name, count in zip(classes.names[1:], seen[1:], strict=True) if not count]
    if empty:
        found.append(f"classes without a single box found: {', '.join(empty)}. Leave them out of classes, or add data")
    return found
