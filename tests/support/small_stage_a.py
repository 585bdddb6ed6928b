"""A real Stage A with lively random weights on a small picture: quick, and every output differs from place to place."""

from __future__ import annotations

import torch
from support.engine_doubles import manifest
from support.networks import calibrate_norms, spread

from maxsight_core.engine.device import DevicePolicy
from maxsight_core.engine.runtimes import LoadedStageA
from maxsight_core.engine.runtimes.torch import TorchRuntime
from maxsight_core.models.contract import CONTRACT
from maxsight_core.models.stage_a import StageA

SIDE_PX = 64


def small_stage_a(seed: int = 3) -> LoadedStageA:
    """Every head counts as trained; 32 bits, with the map for Stage B."""
    torch.manual_seed(seed)
    model = StageA("fused").eval()
    calibrate_norms(model.backbone.body, seed)
    spread(model.detection.objectness, 0.3, bias=1.0, seed=seed)
    spread(model.detection.classification, 0.3, seed=seed)
    runtime = TorchRuntime(model, policy=DevicePolicy("cpu"), input_size=SIDE_PX, precision="f32", with_map=True)
    return LoadedStageA(runtime, manifest("T2", frozenset(CONTRACT)), "random")
