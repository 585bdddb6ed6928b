"""Keeping converted graphs and compiled models between starts, without ever trusting them blindly.

OpenVINO keys a compiled model by the graph alone: a model compiled for 32 bits is handed out again when bf16 is asked
for, and then computes wrong numbers without an error (seen with 2026.4). So every precision has a folder of its own,
and whatever comes out of the cache must first answer a test picture as it did when it was made.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov

log = logging.getLogger(__name__)

DEVICE = "CPU"
GRAPHS_KEPT = 3
"""Newest graphs of one grid and size that stay (250 MB each); older ones belong to weights no longer in use."""
PROBE_TOLERANCE = 0.02
"""Mean difference, as a share of an output's largest value, that another thread count or instruction set may make."""
_GRAPH_FILE = "stage_a.xml"
_ANSWERS_FILE = "answers.npz"
_SOURCES = Path(__file__).resolve().parents[2] / "models"


def graph_key(grid: str, input_size: int, weights_key: str) -> str:
    """Name of the cache folder: changes with the weights, the size, the network's own source and OpenVINO."""
    digest = hashlib.sha256(f"{weights_key} {ov.__version__}".encode())
    for source in (*sorted(_SOURCES.rglob("*.py")), Path(__file__).with_name("graph.py")):
        digest.update(source.read_bytes())
    return f"{_family(grid, input_size)}{digest.hexdigest()[:24]}"


def _family(grid: str, input_size: int) -> str:
    return f"stage_a-{grid}-{input_size}-"


def compile_cached(
    core: ov.Core, properties: dict[str, object], make_graph: Callable[[], ov.Model], folder: Path, precision: str,
) -> ov.CompiledModel:
    """A compiled model from ``folder``, or made and put there. A disk that refuses costs time, never the model.

    Args:
        make_graph: converts the network; called only when the folder has no usable graph.
        precision: name of the sub-folder for what is compiled.
    """
    kept = _from_cache(core, properties, folder, precision)
    if kept is not None:
        return kept
    try:
        return _into_cache(core, properties, make_graph, folder, precision)
    except OSError as error:
        log.warning("the graph cannot be kept in %s (%s)", folder.parent, error)
        return core.compile_model(make_graph(), DEVICE, properties)


def _from_cache(core, properties, folder: Path, precision: str) -> ov.CompiledModel | None:
    answers = folder / precision / _ANSWERS_FILE
    if not answers.exists():
        return None
    try:
        compiled = core.compile_model(
            str(folder / _GRAPH_FILE), DEVICE, {**properties, "CACHE_DIR": str(folder / precision)}
        )
        with np.load(answers, allow_pickle=False) as expected:
            wrong = _difference(probe(compiled), [expected[f"arr_{i}"] for i in range(len(expected.files))])
    except Exception as error:  # whatever is wrong with a cache, the network itself is not
        wrong = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no reason'}"
    if wrong is None:
        os.utime(folder)  # in use: not the one to go when there are too many
        return compiled
    log.warning("the cached graph %s is unusable (%s); it is made again", folder, wrong)
    shutil.rmtree(folder, ignore_errors=True)
    return None


def _into_cache(core, properties, make_graph, folder: Path, precision: str) -> ov.CompiledModel:
    shutil.rmtree(folder / precision, ignore_errors=True)  # what a broken-off start may have left
    graph = folder / _GRAPH_FILE
    if not graph.exists():
        _save(make_graph(), folder)
        _prune(folder)
    properties = {**properties, "CACHE_DIR": str(folder / precision)}
    try:
        compiled = core.compile_model(str(graph), DEVICE, properties)
    except RuntimeError as error:  # a graph of an earlier start, damaged since
        log.warning("the cached graph %s is unusable (%s); it is made again", folder, error)
        shutil.rmtree(folder, ignore_errors=True)
        _save(make_graph(), folder)
        compiled = core.compile_model(str(graph), DEVICE, properties)
    (folder / precision).mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder / precision, suffix=".tmp", delete=False) as temporary:
        np.savez(temporary, *probe(compiled))
    os.replace(temporary.name, folder / precision / _ANSWERS_FILE)
    return compiled


def probe(compiled: ov.CompiledModel) -> list[np.ndarray]:
    """What a compiled model answers to a fixed picture of random bytes, output by output."""
    shape = tuple(compiled.input(0).shape)
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    request = compiled.create_infer_request()
    request.infer([picture])
    return [np.array(request.get_output_tensor(i).data) for i in range(len(compiled.outputs))]


def _difference(found: list[np.ndarray], expected: list[np.ndarray]) -> str | None:
    """What is wrong with the answers, or None when they are the same within rounding."""
    if [x.shape for x in found] != [x.shape for x in expected]:
        return f"it answers with shapes {[x.shape for x in found]} instead of {[x.shape for x in expected]}"
    for index, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        scale = max(float(np.abs(theirs).max(initial=0.0)), np.finfo(np.float32).tiny)
        apart = float(np.abs(ours - theirs).mean()) / scale
        if not apart <= PROBE_TOLERANCE:  # also true for NaN
            return f"output {index} of the test picture is {apart:.1%} away from what it was"
    return None


def replace_graph(model: ov.Model, folder: Path) -> None:
    """Put a graph into ``folder``, in place of whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    _save(model, folder)
    _prune(folder)


def _save(model: ov.Model, folder: Path) -> None:
    """Write the graph into ``folder`` in one step; whoever comes second keeps the first one's."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as temporary:
        written = Path(temporary) / "graph"
        written.mkdir()
        ov.save_model(model, written / _GRAPH_FILE, compress_to_fp16=False)
        try:
            os.rename(written, folder)
        except OSError:
            if not (folder / _GRAPH_FILE).exists():
                raise


def _prune(folder: Path) -> None:
    family = folder.name.rsplit("-", 1)[0]
    others = sorted(folder.parent.glob(f"{family}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in others[GRAPHS_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
