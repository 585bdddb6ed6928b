"""Both stages as training sees them: one forward pass from a batch to every named tensor that has a loss.

Stage B reads the pictures at 224, the truth's boxes in the place of Stage A's detections (teacher forcing: a head that
looks at a thing must not first wait for the detector), and Stage A's map of the same picture. Its gradients do not
reach Stage A through that map: safety heads never change for a context head.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.assemble import build_stage_b
from maxsight_core.models.layers.dynamic_convolution import END_TEMPERATURE, START_TEMPERATURE, DynamicConvolution
from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.stage_b_contract import INPUT_SIDE_PX, MAP_HISTORY, PROFILE_SIZE, inputs_of
from training.data.batch import Batch, box_slots

STEM = ("conv1", "bn1")
COOLING_SHARE = 0.1
"""Share of a run in which dynamic convolution's softmax cools from its start to its end temperature (Chen et al.,
"Dynamic Convolution: Attention over Convolution Kernels", 2020, cool over the first tenth of their epochs)."""


class TrainedNetwork(nn.Module):
    """Stage A and, from T1 on, Stage B.

    Args:
        tier, grid, classes: as in the manifest; ``classes`` counts the background. frozen_norm: keep the backbone's
            batch statistics fixed. checkpointing: compute Stage B's activations again on the way back (less memory);
            its batch norm statistics are then fixed, because a second forward pass would count every batch twice.
        frozen_stages: of Stage A's backbone, 0..4: these and the stem never change.
    """

    def __init__(
        self, tier: str, grid: str, classes: int, frozen_norm: bool = False, checkpointing: bool = False,
        frozen_stages: int = 0,
    ) -> None:
        super().__init__()
        self.tier = tier
        self.normalise = Normalise()
        self.stage_a = StageA(grid, classes, frozen_norm)
        self.stage_b = build_stage_b(tier, gradient_checkpointing=checkpointing)
        self._checkpointing = checkpointing
        names = (*STEM, *(f"layer{number + 1}" for number in range(frozen_stages))) if frozen_stages else ()
        self._frozen = [getattr(self.stage_a.backbone.body, name) for name in names]
        for module in self._frozen:
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> TrainedNetwork:
        super().train(mode)
        for module in self._frozen:
            module.eval()
        if mode and self._checkpointing and self.stage_b is not None:
            for module in self.stage_b.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Stage A's tensors by name and Stage B's by theirs; images come as [B, S, S, 3] uint8."""
        images = self.normalise(batch.images)  # [B, 3, S, S]
        found = self.stage_a(images)
        if self.stage_b is None:
            return found
        return found | self.stage_b(self._given(batch, images, found["fused_map"].detach()))

    def _given(self, batch: Batch, images: Tensor, shared: Tensor) -> dict[str, Tensor]:
        size, device = len(images), images.device
        boxes, valid = _padded(batch.targets.boxes, device)
        history = MAP_HISTORY[self.tier]
        given = {"images": F.interpolate(images, (INPUT_SIDE_PX, INPUT_SIDE_PX), mode="bilinear", antialias=True),
                 "boxes": boxes, "box_valid": valid, "audio": batch.audio, "audio_valid": batch.audio_valid,
                 "profile": torch.zeros(size, PROFILE_SIZE, device=device)}
        if history:  # single pictures: one map, the rest is before the beginning
            maps = torch.zeros(size, history, *shared.shape[1:], device=device, dtype=shared.dtype)
            maps[:, -1] = shared
            map_valid = torch.zeros(size, history, device=device)
            map_valid[:, -1] = 1.0
            given |= {"stage_a_maps": maps, "map_valid": map_valid}
        return {tensor.name: given[tensor.name] for tensor in inputs_of(self.tier)}

    def cool(self, share: float) -> None:
        """Dynamic convolution's temperature at ``share`` (0..1) of the run: down to its end in the first tenth."""
        left = max(0.0, 1.0 - share / COOLING_SHARE)
        for module in self.modules():
            if isinstance(module, DynamicConvolution):
                module.set_temperature(END_TEMPERATURE + (START_TEMPERATURE - END_TEMPERATURE) * left)


def channels_last(network: nn.Module) -> nn.Module:
    """The network itself, its convolutions' weights laid out channels last.

    ``Module.to(memory_format=...)`` also asks five-dimensional tensors (dynamic convolution's experts), which refuse.
    """
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def _padded(boxes: list[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """[B, 16, 4] the largest boxes of every picture first, and [B, 16] which are real."""
    slots = box_slots(boxes)
    padded = torch.zeros(*slots.shape, 4, device=device)
    for row, (found, chosen) in enumerate(zip(boxes, slots, strict=True)):
        real = chosen >= 0
        padded[row, real] = found[chosen[real]]
    return padded, (slots >= 0).float()
