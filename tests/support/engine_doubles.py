"""Networks that answer at once, or fail as a test wants them to; everything around them is the real engine."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from maxsight_core.contracts import Value
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.manifest import CheckpointManifest, coco_classes
from maxsight_core.engine.packets import FramePacket
from maxsight_core.engine.runtimes import LoadedStageA, LoadedStageB
from maxsight_core.models.contract import CONTRACT
from maxsight_core.models.grid import boxes_cxcywh
from maxsight_core.models.stage_b_contract import heads_of, inputs_of, shape_of
from maxsight_core.perception.stage_b_estimators import Estimator
from maxsight_core.process import offline
from maxsight_core.scenes import light_jpeg

SCENE = "scene:corridor?seed=1&fps=10"
SIDE_PX, LOCATIONS = 64, 16


def manifest(tier: str = "T0", trained: frozenset[str] = frozenset()) -> CheckpointManifest:
    return CheckpointManifest(tier=tier, grid="fused", classes=coco_classes(), trained_heads=trained, data="test")


class StageADouble:
    """Stage A's runtime: numbers that depend on the picture's bytes, so that a mixed-up frame is noticed.

    ``before``: called with the batch before every answer; it may raise, block or count.
    """

    name, device, precision, grid, input_size, with_map = "double", "cpu", "f32", "fused", SIDE_PX, True

    def __init__(self, before: Callable[[np.ndarray], None] = lambda batch: None) -> None:
        self.before = before
        self.batches: list[int] = []
        self.renewed = 0
        self.spoil: tuple[str, ...] = ()

    def infer(self, batch_rgb: np.ndarray) -> dict[str, np.ndarray]:
        self.batches.append(len(batch_rgb))
        self.before(batch_rgb)
        level = batch_rgb.reshape(len(batch_rgb), -1).mean(axis=1, dtype=np.float64).astype(np.float32) / 255.0  # [B]
        place = np.linspace(0.0, 0.9, LOCATIONS, dtype=np.float32)
        raw = {
            "objectness": level[:, None] * place, "sides": np.ones((len(level), LOCATIONS, 4), np.float32) * 0.1,
            "classification": np.broadcast_to(level[:, None, None] / 91, (len(level), LOCATIONS, 91)).copy(),
            "distance_zones": np.full((len(level), LOCATIONS, 3), 1 / 3, np.float32),
            "urgency": np.full((len(level), 4), 0.25, np.float32),
            "uncertainty": np.clip(1.0 - 1.5 * level, 0.0, 1.0)[:, None],  # black: 1
            "scene_embedding": np.outer(level, np.linspace(-1, 1, 256, dtype=np.float32)),
            "fused_map": level[:, None, None, None] * np.ones((1, 768, 14, 14), np.float32),
        }
        for name in self.spoil:
            raw[name][..., -1] = np.nan
        raw["boxes"] = boxes_cxcywh(raw["sides"], self.grid, self.input_size)
        return raw

    def renew(self) -> None:
        self.renewed += 1

    def close(self) -> None: ...


class StageBDouble:
    """Stage B's runtime of a tier: slices that take no time, outputs in range.

    ``during``: called with the name of each slice while it runs; it may raise or block. ``spoil``: tensors that come
    out as NaN.
    """

    name, device, precision = "double", "cpu", "f32"
    slices = ("first", "second", "third")

    def __init__(self, tier: str = "T2", during: Callable[[str], None] = lambda name: None) -> None:
        self.tier, self.during = tier, during
        self.inputs = inputs_of(tier)
        self.spoil: tuple[str, ...] = ()
        self.calls: list[dict[str, np.ndarray]] = []
        self.renewed = 0
        self.closed = False

    def run(self, inputs, between=lambda: True, timings=None):
        self.calls.append(inputs)
        for name in self.slices:
            if not between():
                return None
            started = time.perf_counter()
            self.during(name)
            if timings is not None:
                timings[f"stage_b.{name}"] = (time.perf_counter() - started) * 1000.0
        raw = {tensor.name: np.full((1, *shape_of(tensor, self.tier)), 0.5, np.float32)
               for head in heads_of(self.tier) for tensor in head.gives}
        for name in self.spoil:
            raw[name][...] = np.nan
        return raw

    def renew(self) -> None:
        self.renewed += 1

    def close(self) -> None:
        self.closed = True


def make_engine(
    stage_a: StageADouble | None = None, stage_b: StageBDouble | None = None, *,
    trained_a: frozenset[str] | None = None, trained_b: frozenset[str] = frozenset(),
    config: EngineConfig | None = None,
) -> Engine:
    """An engine over doubles; Stage A is trained in everything unless told otherwise."""
    heads = frozenset(CONTRACT) if trained_a is None else trained_a
    tier = "T0" if stage_b is None else stage_b.tier
    return Engine(
        offline(config or EngineConfig()),
        stage_a=LoadedStageA(stage_a or StageADouble(), manifest(tier, heads), "double"),
        stage_b=None if stage_b is None else LoadedStageB(stage_b, manifest(tier, trained_b), "double"),
    )


def estimator(name: str, *outputs: str, value: object = 1.0, during: Callable[[], object] = lambda: None) -> Estimator:
    """An estimator that takes no time."""
    def estimate(view):
        during()
        return {output: Value.measured(output, value, f"estimator {name}") for output in outputs}

    return Estimator(name, outputs, estimate)


QUICK = (estimator("depth", "depth_map", "depth_uncertainty"), estimator("contrast", "contrast_map"),
         estimator("glare", "glare_risk", "glare_confidence"))
"""Some estimators for tests of the lanes, where the real ones' quarter of a second is not the subject."""


class Recorder:
    """Keeps everything a session's sink was told."""

    def __init__(self):
        self.results, self.dropped, self.scenes, self.alerts = [], [], [], []
        self.answers, self.lock = Counter(), threading.Lock()

    def on_result(self, result):
        with self.lock:
            self.answers[result.seq] += 1
            self.results.append(result)

    def on_dropped(self, seq, t_cap_ms, reason):
        with self.lock:
            self.answers[seq] += 1
            self.dropped.append((seq, reason))

    def on_scene(self, result):
        self.scenes.append(result)

    def on_alerts(self, decisions):
        self.alerts.extend(decisions)

    def wait(self, condition, seconds=20.0):
        return wait_for(lambda: condition(self), seconds)


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.005)
    return False


def packet(seq: int, data: bytes | None = None) -> FramePacket:
    return FramePacket(seq, seq * 100.0, 640, 480, data or light_jpeg(SCENE, seq))
