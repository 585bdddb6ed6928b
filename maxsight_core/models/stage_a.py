"""Stage A: ResNet50 + FPN and the six safety heads. Nothing else, on every frame.

``forward`` returns named tensors; decoding is in ``maxsight_core.engine.detect``, losses are in training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.backbones.resnet_fpn import PYRAMID_CHANNELS, ResNet50P2toP5, ResNet50P3toP7
from maxsight_core.models.contract import COCO_COLUMNS, SIDES
from maxsight_core.models.grid import check_grid, check_input_size, points_px, reach_px
from maxsight_core.models.heads.detection import TOWER_CHANNELS, FusedDetectionHead
from maxsight_core.models.heads.distance_zones import DistanceZonesHead
from maxsight_core.models.heads.fcos import PyramidDetectionHead, location_scores
from maxsight_core.models.heads.frame import UncertaintyHead, UrgencyHead
from maxsight_core.models.heads.scene import EMBEDDING_SIZE, SceneEmbeddingHead, mean_embedding
from maxsight_core.models.stage_b_contract import MAP_SIDE

FUSED_LEVELS = 3
"""P3, P4 and P5 are put together; P2 enters the scene embedding only."""

PARAMETERS: dict[str, dict[str, tuple[str, ...]]] = {
    "fused": {
        "objectness": ("backbone.", "detection.entry.", "detection.box_tower.", "detection.objectness."),
        "classification": ("backbone.", "detection.entry.", "detection.class_tower.", "detection.classification."),
        "boxes": ("backbone.", "detection.entry.", "detection.box_tower.", "detection.boxes."),
        "distance_zones": ("backbone.", "detection.entry.", "detection.box_tower.", "distance."),
        "urgency": ("backbone.", "detection.entry.", "scene.", "urgency."),
        "uncertainty": ("backbone.", "detection.entry.", "scene.", "uncertainty."),
        "scene_embedding": ("backbone.", "scene."),
    },
    "pyramid": {
        "objectness": ("backbone.", "head.classification_head.", "head.regression_head."),  # class x centre-ness
        "classification": ("backbone.", "head.classification_head."),
        "boxes": ("backbone.", "head.regression_head."),
        "distance_zones": ("backbone.", "distance."),
        "urgency": ("backbone.", "urgency."),
        "uncertainty": ("backbone.", "uncertainty."),
        "scene_embedding": ("backbone.",),
    },
}
"""Per grid and output: the parameters it is computed from. A trained output needs every one of them."""


class StageA(nn.Module):
    """The safety network.

    Args:
        grid: ``fused`` (one map at stride 16, 28.6 M parameters) or ``pyramid`` (P3..P7; ``backbone.*`` and ``head.*``
            are shaped like torchvision's ``fcos_resnet50_fpn``).
        num_classes: columns of the classifier, background included.
        frozen_norm: keep the backbone's batch statistics fixed.

    Input: [B, 3, S, S] float, normalised with ImageNet's mean and deviation; S a multiple of 32.

    Output, a dict of float tensors. HW is 196 (``fused``) or 1049 (``pyramid``) at S = 224.
        The contract, ready to use:
            objectness [B, HW] 0..1; classification [B, HW, num_classes] 0..1 (softmax on ``fused``, a sigmoid per class
            on ``pyramid``); boxes [B, HW, 4] cxcywh, fractions of the input; distance_zones [B, HW, 3] and
            urgency [B, 4], each summing to 1; uncertainty [B, 1] 0..1; scene_embedding [B, 256].
        For Stage B's temporal parts (architectural guarantee 3): fused_map [B, 768, 14, 14], P3 to P5 side by side.
        For losses and decoding:
            both: distance_zone_logits [B, HW, 3], urgency_logits [B, 4], uncertainty_logits [B, 1];
            ``fused``: objectness_logits [B, HW], classification_logits [B, HW, num_classes], sides [B, HW, 4] left,
            top, right, bottom as fractions of the input (not cut at the border, so that gradients pass);
            ``pyramid``: cls_logits [B, HW, num_classes], bbox_regression [B, HW, 4], bbox_ctrness [B, HW, 1].

    Raises:
        ValueError: unknown grid, fewer than two classes, or an input that is not square or not a multiple of 32.
    """

    def __init__(self, grid: str = "fused", num_classes: int = COCO_COLUMNS, frozen_norm: bool = False) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"num_classes: expected background and at least one class; got {num_classes}")
        self.grid = check_grid(grid)
        self.num_classes = num_classes
        if grid == "fused":
            self.backbone = ResNet50P2toP5(frozen_norm)
            self.detection = FusedDetectionHead(PYRAMID_CHANNELS * FUSED_LEVELS, num_classes)
            self.scene = SceneEmbeddingHead(PYRAMID_CHANNELS, FUSED_LEVELS + 1)
            self.distance = DistanceZonesHead(TOWER_CHANNELS)
        else:
            self.backbone = ResNet50P3toP7(frozen_norm)
            self.head = PyramidDetectionHead(PYRAMID_CHANNELS, num_classes)
            self.distance = DistanceZonesHead(PYRAMID_CHANNELS)
        context_features = EMBEDDING_SIZE + PYRAMID_CHANNELS
        self.urgency = UrgencyHead(context_features)
        self.uncertainty = UncertaintyHead(context_features)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        input_size_px = _square_side(images)
        found = self._forward_fused(images) if self.grid == "fused" else self._forward_pyramid(images)
        found["boxes"] = boxes_cxcywh(found[SIDES[self.grid]], self.grid, input_size_px)
        context = torch.cat((found["scene_embedding"], found.pop("peak")), dim=1)  # [B, 512]
        found["urgency_logits"] = self.urgency(context)  # [B, 4]
        found["uncertainty_logits"] = self.uncertainty(context)  # [B, 1]
        found["distance_zones"] = found["distance_zone_logits"].softmax(dim=2)
        found["urgency"] = found["urgency_logits"].softmax(dim=1)
        found["uncertainty"] = found["uncertainty_logits"].sigmoid()
        return found

    def _forward_fused(self, images: Tensor) -> dict[str, Tensor]:
        (p3, p4, p5), p2_mean = self.backbone.forward_safety(images)
        fused = fuse(p3, p4, p5)  # [B, 768, S/16, S/16]
        found = self.detection(fused)
        tower, entry = found.pop("tower"), found.pop("entry")
        level_means = [p2_mean, *(x.mean(dim=(2, 3)) for x in (p3, p4, p5))]  # four of [B, 256]
        found["objectness"] = found["objectness_logits"].sigmoid()
        found["classification"] = found["classification_logits"].softmax(dim=2)
        found["distance_zone_logits"] = self.distance([tower])  # [B, HW, 3]
        found["scene_embedding"] = self.scene(level_means)  # [B, 256]
        found["fused_map"] = shared_map(fused)  # [B, 768, 14, 14]
        found["peak"] = entry.amax(dim=(2, 3))  # [B, 256]: the one thing that matters may be small
        return found

    def _forward_pyramid(self, images: Tensor) -> dict[str, Tensor]:
        maps = list(self.backbone(images).values())  # P3..P7, each [B, 256, h, w]
        found = self.head(maps)
        found["objectness"] = location_scores(found["cls_logits"], found["bbox_ctrness"])
        found["classification"] = found["cls_logits"].sigmoid()
        found["distance_zone_logits"] = self.distance(maps)  # [B, HW, 3]
        found["scene_embedding"] = mean_embedding(maps[:3])  # [B, 256]
        found["fused_map"] = shared_map(fuse(*maps[:3]))  # [B, 768, 14, 14]
        found["peak"] = maps[1].amax(dim=(2, 3))  # [B, 256]
        return found

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """The backbone's maps by name (what the temporal encoder of the T5 tier reads).

        Returns:
            ``fused``: P2..P5 and ``fused`` [B, 768, S/16, S/16]; ``pyramid``: P3..P7.
        """
        _square_side(images)
        maps = self.backbone(images)
        if self.grid == "pyramid":
            return dict(zip(("P3", "P4", "P5", "P6", "P7"), maps.values(), strict=True))
        named = {f"P{level + 2}": maps[str(level)] for level in range(4)}
        named["fused"] = fuse(named["P3"], named["P4"], named["P5"])
        return named


def fuse(p3: Tensor, p4: Tensor, p5: Tensor) -> Tensor:
    """[B, 768, h, w]: P3 and P5 brought to P4's size, then all three side by side."""
    size = p4.shape[-2:]
    resized = [F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in (p3, p5)]
    return torch.cat((resized[0], p4, resized[1]), dim=1)


def shared_map(fused: Tensor) -> Tensor:
    """[B, 768, 14, 14]: the fused map at the size Stage B's temporal parts read, whatever the input's size."""
    return fused if fused.shape[-1] == MAP_SIDE else F.adaptive_avg_pool2d(fused, MAP_SIDE)


def boxes_cxcywh(sides: Tensor, grid: str, input_size_px: int) -> Tensor:
    """The tensor form of :func:`maxsight_core.models.grid.boxes_cxcywh`: [B, HW, 4] -> [B, HW, 4], 0..1."""
    points = torch.tensor(points_px(grid, input_size_px), device=sides.device) / input_size_px  # [HW, 2]
    reach = torch.tensor(reach_px(grid, input_size_px), device=sides.device) / input_size_px  # [HW, 1]
    sides = sides.float()  # half precision would round a box in a 640 px frame by a pixel
    low = (points - sides[..., :2] * reach).clamp(0.0, 1.0)
    high = (points + sides[..., 2:] * reach).clamp(0.0, 1.0)
    return torch.cat(((low + high) / 2, high - low), dim=-1)


def _square_side(images: Tensor) -> int:
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != images.shape[3]:
        raise ValueError(
            f"StageA: expected normalised images of shape [B, 3, S, S]; got {list(images.shape)}. "
            "Use maxsight_core.engine.detect.prepare to fit a frame into a square."
        )
    return check_input_size(int(images.shape[2]))
