"""A small Stage B with real steps of every kind: convolutions, attention, boxes, and a slice that reads the picture
again. Runtimes are tested with it in seconds; the tiers' own networks have tests beside it."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.engine.runtimes.stage_b_base import PICTURE, runtime_inputs
from maxsight_core.models.stage_b import StageB, Step
from maxsight_core.models.stage_b_contract import shape_of

WIDTH = 32


class Low(nn.Module):
    """images -> low [B, 32, 14, 14]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, 8, stride=8)
        self.norm = nn.BatchNorm2d(WIDTH)
        self.deep = nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"low": self.deep(F.relu(self.norm(self.stem(images))))}


class Mix(nn.Module):
    """low, images -> grid [B, 32, 14, 14] and scene [B, 32], with one layer of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.again = nn.Conv2d(3, WIDTH, 16, stride=16)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, low: Tensor, images: Tensor) -> dict[str, Tensor]:
        tokens = (low + self.again(images)).flatten(2).transpose(1, 2)  # [B, 196, 32]
        query, key, value = self.query_key_value(tokens).chunk(3, dim=-1)
        mixed = tokens + F.scaled_dot_product_attention(query, key, value)
        return {"grid": mixed.transpose(1, 2).reshape(low.shape), "scene": mixed.mean(dim=1)}


class Depth(nn.Module):
    """grid, scene -> depth_map and depth_uncertainty [B, 56, 56], 0..100 m."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Conv2d(WIDTH, 2, 3, padding=1)
        self.bias = nn.Linear(WIDTH, 2)

    def forward(self, grid: Tensor, scene: Tensor) -> dict[str, Tensor]:
        maps = self.out(grid) + self.bias(scene)[:, :, None, None]
        metres = 100 * F.interpolate(maps, size=(56, 56), mode="bilinear", align_corners=False).sigmoid()
        return {"depth_map": metres[:, 0], "depth_uncertainty": metres[:, 1]}


class Distance(nn.Module):
    """scene, boxes, box_valid -> precise_distances and their uncertainty [B, 16], 0 where there is no box."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(WIDTH + 4, 2)

    def forward(self, scene: Tensor, boxes: Tensor, box_valid: Tensor) -> dict[str, Tensor]:
        each = torch.cat((scene[:, None].expand(-1, boxes.shape[1], -1), boxes), dim=2)
        metres = 100 * self.out(each).sigmoid() * box_valid[..., None]
        return {"precise_distances": metres[..., 0], "precise_distance_uncertainty": metres[..., 1]}


OUTPUTS = ("depth_map", "depth_uncertainty", "precise_distances", "precise_distance_uncertainty")
SLICES = ("low", "mix", "heads")


def small_stage_b(seed: int = 0, spy: nn.Module | None = None) -> StageB:
    """A T1 plan of three slices; the same weights for the same seed. ``spy``: stands for the first part."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        steps = (
            Step("low", spy or Low(), ("images",), ("low",), "low"),
            Step("mix", Mix(), ("low", "images"), ("grid", "scene"), "mix"),
            Step("depth", Depth(), ("grid", "scene"), OUTPUTS[:2], "heads"),
            Step("precise_distance", Distance(), ("scene", "boxes", "box_valid"), OUTPUTS[2:], "heads"),
        )
        return StageB("T1", steps, OUTPUTS).eval()


def example_inputs(tier: str = "T1", seed: int = 0, boxes: int = 5) -> dict[str, np.ndarray]:
    """Inputs of a tier's runtime as a camera might give them: a picture with structure, some boxes, some invalid."""
    draw = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}
    for tensor in runtime_inputs(tier):
        shape = (1, *shape_of(tensor, tier))
        if tensor.name == PICTURE:
            coarse = draw.integers(0, 256, (14, 14, 3), dtype=np.uint8)
            found[PICTURE] = np.ascontiguousarray(np.kron(coarse, np.ones((16, 16, 1), np.uint8))[None])
        elif tensor.name.endswith("_valid"):
            found[tensor.name] = np.ones(shape, np.float32)
        elif tensor.name == "boxes":
            found["boxes"] = draw.uniform(0.1, 0.9, shape).astype(np.float32)
        else:
            found[tensor.name] = (0.5 * draw.standard_normal(shape)).clip(-1, 1).astype(np.float32)
    found["box_valid"][:, boxes:] = 0.0
    return found
