"""What a pretraining leaves behind: the tensors that learned, under the names of the network that will load them."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from maxsight_core.models.backbones.vit import PARTS
from maxsight_core.models.contract import STAGE_B_PREFIX
from maxsight_core.models.stage_a import StageA
from training.crops.network import CropClassifier
from training.ssl.config import PretrainConfig
from training.ssl.mae import VitMae
from training.ssl.masked_resnet import MaskedResNet
from training.ssl.simclr import SimClr

METADATA_KEY = "maxsight_pretraining"
BACKBONE = "backbone."
LEARNED = ("body.", "fpn.inner_blocks.", "fpn.layer_blocks.")
"""Of the backbone; the pyramid grid's P6 and P7 have nothing to learn from here."""
_COUNTER = "num_batches_tracked"
_IN_NETWORK = "parts."


def make_model(config: PretrainConfig) -> nn.Module:
    """The module that a run trains, new."""
    if config.part == "vit":
        return VitMae(share=config.share_hidden)
    backbone = StageA(config.grid).backbone
    if config.method == "simclr":
        return SimClr(backbone, config.temperature)
    return MaskedResNet(backbone, config.share_hidden)


def learned_tensors(model: nn.Module) -> dict[str, Tensor]:
    """``backbone.*`` of Stage A, or ``stage_b.vit_*`` of Stage B; in 32 bits on the CPU."""
    if isinstance(model, CropClassifier):
        found = {f"{BACKBONE}body.{name}": tensor for name, tensor in model.body.state_dict().items()
                 if not name.endswith(_COUNTER)}
    elif isinstance(model, VitMae):
        found = {f"{STAGE_B_PREFIX}vit_embedding.{name}": x for name, x in model.embedding.state_dict().items()}
        for number in range(PARTS):
            for name, tensor in model.parts[number].state_dict().items():
                if name.startswith(("blocks.", "norm.")):
                    found[f"{STAGE_B_PREFIX}vit_{number + 1}.{name}"] = tensor
    else:
        found = {BACKBONE + name: tensor for name, tensor in model.backbone.state_dict().items()
                 if name.startswith(LEARNED) and not name.endswith(_COUNTER)}
    return {name: tensor.detach().float().cpu().contiguous() for name, tensor in found.items()}


def save_start(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write learned tensors (:func:`learned_tensors`) as safetensors, in one step.

    Args:
        about: goes into the file's header: method, pictures, epochs.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    os.close(handle)
    try:
        save_file(tensors, temporary, metadata={METADATA_KEY: json.dumps(about)})
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def load_start(path: Path, stage_a: nn.Module, stage_b: nn.Module | None) -> tuple[str, ...]:
    """Load a file of :func:`save_start` into the stage it is for; the names of the tensors that were taken.

    Raises:
        ValueError: no such file, tensors that the stage does not have, or of another shape (another grid).
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path}: expected the safetensors file of python -m training.pretrain ({error})") from error
    for_b = {name for name in state if name.startswith(STAGE_B_PREFIX)}
    if for_b and stage_b is None:
        raise ValueError(f"{path}: is for Stage B, which this tier does not have. Use a tier from T2 on")
    model = stage_b if for_b else stage_a
    named = {(_IN_NETWORK + name.removeprefix(STAGE_B_PREFIX)) if for_b else name: x for name, x in state.items()}
    own = model.state_dict()
    wrong = [name for name, tensor in named.items() if name not in own or own[name].shape != tensor.shape]
    if wrong or not named:
        raise ValueError(f"{path}: tensors that this network does not have or that have another shape: "
                         f"{', '.join(wrong[:5]) or '(the file holds none)'}. It was made for another grid or tier. "
                         "Pretrain with the grid of the run")
    broken = [name for name, tensor in named.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ValueError(f"{path}: NaN or infinite values in {', '.join(broken[:5])}. Pretrain again")
    model.load_state_dict(named, strict=False)
    return tuple(named)
