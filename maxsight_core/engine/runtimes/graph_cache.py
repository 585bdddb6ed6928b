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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov

log = logging.getLogger(__name__)

DEVICE = "CPU"
GRAPHS_KEPT = 3
"""Newest graphs of one family (grid and size, or tier) that stay; older ones belong to weights no longer in use."""
PROBE_TOLERANCE = 0.02
"""Mean difference, as a share of an output's largest value, that another thread count or instruction set may make."""
STAGE_A_FILE = "stage_a.xml"
SLICE_FILE = "slice.xml"
"""Name of the graph's file: Stage A's, and that of one slice of Stage B (a folder for each)."""
_ANSWERS_FILE = "answers.npz"
_SOURCES = Path(__file__).resolve().parents[2] / "models"


def graph_key(grid: str, input_size: int, weights_key: str, with_map: bool = False) -> str:
    """Name of Stage A's cache folder: changes with the weights, the size, the outputs, the network's own source and
    OpenVINO. With the map for Stage B the graph is another one, and so is its family."""
    family = f"stage_a-{grid}-{input_size}{'-map' if with_map else ''}-"
    return f"{family}{_digest(weights_key)}"


def stage_b_key(tier: str, storage: str, weights_key: str) -> str:
    """Name of the cache folder of a tier's Stage B, with one folder a slice in it; ``storage``: see :class:`Kept`."""
    return f"stage_b-{tier}-{_digest(f'{weights_key} {storage}')}"


def _digest(weights_key: str) -> str:
    digest = hashlib.sha256(f"{weights_key} {ov.__version__}".encode())
    graphs = (Path(__file__).with_name(name) for name in ("graph.py", "stage_b_graphs.py"))
    for source in (*sorted(_SOURCES.rglob("*.py")), *graphs):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a graph is kept, and how.

    Args:
        folder: of the graph. precision: name of the sub-folder for what is compiled. file: name of the graph's file.
        storage: ``f32``, or ``f16`` for half the file; what is computed with is up to the compilation.
    """

    folder: Path
    precision: str
    file: str = STAGE_A_FILE
    storage: str = "f32"

    @property
    def graph(self) -> Path:
        return self.folder / self.file

    @property
    def compiled(self) -> Path:
        return self.folder / self.precision


def compile_cached(
    core: ov.Core, properties: dict[str, object], make_graph: Callable[[], ov.Model], kept: Kept,
) -> ov.CompiledModel:
    """A compiled model from where it is kept, or made and put there. A disk that refuses costs time, never the model.

    Args:
        make_graph: converts the network; called only when the folder has no usable graph.
    """
    found = _from_cache(core, properties, kept)
    if found is not None:
        return found
    try:
        return _into_cache(core, properties, make_graph, kept)
    except OSError as error:
        log.warning("the graph cannot be kept in %s (%s)", kept.folder.parent, error)
        return core.compile_model(make_graph(), DEVICE, properties)


def _from_cache(core, properties, kept: Kept) -> ov.CompiledModel | None:
    answers = kept.compiled / _ANSWERS_FILE
    if not answers.exists():
        return None
    try:
        compiled = core.compile_model(str(kept.graph), DEVICE, {**properties, "CACHE_DIR": str(kept.compiled)})
        with np.load(answers, allow_pickle=False) as expected:
            wrong = _difference(probe(compiled), [expected[f"arr_{i}"] for i in range(len(expected.files))])
    except Exception as error:  # whatever is wrong with a cache, the network itself is not
        wrong = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no reason'}"
    if wrong is None:
        os.utime(kept.folder)  # in use: not the one to go when there are too many
        return compiled
    log.warning("the cached graph %s is unusable (%s); it is made again", kept.folder, wrong)
    shutil.rmtree(kept.folder, ignore_errors=True)
    return None


def _into_cache(core, properties, make_graph, kept: Kept) -> ov.CompiledModel:
    shutil.rmtree(kept.compiled, ignore_errors=True)  # what a broken-off start may have left
    if not kept.graph.exists():
        _save(make_graph(), kept)
        prune(kept.folder)
    properties = {**properties, "CACHE_DIR": str(kept.compiled)}
    try:
        compiled = core.compile_model(str(kept.graph), DEVICE, properties)
    except RuntimeError as error:  # a graph of an earlier start, damaged since
        log.warning("the cached graph %s is unusable (%s); it is made again", kept.folder, error)
        shutil.rmtree(kept.folder, ignore_errors=True)
        _save(make_graph(), kept)
        compiled = core.compile_model(str(kept.graph), DEVICE, properties)
    kept.compiled.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=kept.compiled, suffix=".tmp", delete=False) as temporary:
        np.savez(temporary, *probe(compiled))
    os.replace(temporary.name, kept.compiled / _ANSWERS_FILE)
    return compiled


def probe(compiled: ov.CompiledModel) -> list[np.ndarray]:
    """What a compiled model answers to fixed random inputs (bytes, or fractions 0..1), output by output."""
    draw = np.random.default_rng(0)
    inputs = []
    for port in compiled.inputs:
        shape = tuple(port.shape)
        is_picture = port.get_element_type() == ov.Type.u8
        inputs.append(draw.integers(0, 256, shape, dtype=np.uint8) if is_picture else draw.random(shape, np.float32))
    request = compiled.create_infer_request()
    request.infer(inputs)
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


def replace_graph(model: ov.Model, kept: Kept) -> None:
    """Put a graph into its folder, in place of whatever was there."""
    shutil.rmtree(kept.folder, ignore_errors=True)
    _save(model, kept)
    prune(kept.folder)


def _save(model: ov.Model, kept: Kept) -> None:
    """Write the graph into its folder in one step; whoever comes second keeps the first one's."""
    kept.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.folder.parent, prefix=".making-") as temporary:
        written = Path(temporary) / "graph"
        written.mkdir()
        ov.save_model(model, written / kept.file, compress_to_fp16=kept.storage == "f16")
        try:
            os.rename(written, kept.folder)
        except OSError:
            if not kept.graph.exists():
                raise


def prune(folder: Path) -> None:
    """Remove all but the newest folders of this folder's family (the name up to its last hyphen)."""
    family = folder.name.rsplit("-", 1)[0]
    others = sorted((path for path in folder.parent.glob(f"{family}-*") if path.name.rsplit("-", 1)[0] == family),
                    key=lambda path: path.stat().st_mtime, reverse=True)
    for old in others[GRAPHS_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
