"""What moves where: ``||flow - flow_gt||^2 + 0.1 R(flow)``.

R is the mean total variation of the predicted field (Zach et al., "A duality based approach for realtime TV-L1 optical
flow", 2007): neighbours move alike, except across the borders of things.
"""

from __future__ import annotations

from torch import Tensor

from maxsight_core.models.stage_b_contract import INPUT_SIDE_PX
from training.losses.depth import nearest
from training.losses.known import mean_known, settled

SMOOTHNESS = 0.1
"""Weight of R (system description)."""


def flow(scene_motion: Tensor, flow_px: Tensor) -> Tensor:
    """Squared length of the error, mean over known locations, and the smoothness of pictures that know any.

    Args:
        scene_motion: [B, 2, h, w] pixels a frame of a picture 224 wide. flow_px: [B, 2, S, S] pixels a frame of the
            picture it covers, NaN unknown.
    """
    wanted = nearest(flow_px * (INPUT_SIDE_PX / flow_px.shape[-1]), scene_motion.shape[-1])
    truth, known = settled(wanted)
    both = known.all(dim=1)  # [B, h, w]
    error = mean_known((scene_motion - truth).square().sum(dim=1), both)
    return error + SMOOTHNESS * mean_known(roughness(scene_motion), both.flatten(1).any(dim=1))


def roughness(field: Tensor) -> Tensor:
    """[B] mean absolute difference of neighbours of a field [B, 2, h, w], right and below, both components added."""
    across = (field[..., :, 1:] - field[..., :, :-1]).abs().sum(dim=1).mean(dim=(1, 2))
    down = (field[..., 1:, :] - field[..., :-1, :]).abs().sum(dim=1).mean(dim=(1, 2))
    return across + down
