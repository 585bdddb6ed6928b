"""torchvision's published ImageNet weights into Stage B's two branches; the files are brought by whoever has them.

``resnet50`` fills the convolutional parts, ``vit_b_16`` the transformer's. Attention gates, pyramids, injections and
heads have no published weights and keep what they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from maxsight_core.models.backbones.vit import BLOCKS_PER_PART
from maxsight_core.models.stage_b import StageB
from maxsight_core.models.state import StateError

NAMES_SHOWN = 5
"""How many keys an error message lists before it counts the rest."""

_RESNET_PARTS = ("cnn_low", "cnn_mid", "cnn_high")
_VIT_PARTS = ("vit_embedding", "vit_1", "vit_2", "vit_3", "vit_4")
_COUNTER = ".num_batches_tracked"
_GATE = "gate"
_EMBEDDING = {"projection.weight": "conv_proj.weight", "projection.bias": "conv_proj.bias",
              "class_token": "class_token", "positions": "encoder.pos_embedding"}
_BLOCK = {"norm_1.": "ln_1.", "query_key_value.": "self_attention.in_proj_",
          "attention_out.": "self_attention.out_proj.", "norm_2.": "ln_2.", "mlp_in.": "mlp.0.", "mlp_out.": "mlp.3."}
_OLD_MLP = {".mlp.linear_1.": ".mlp.0.", ".mlp.linear_2.": ".mlp.3."}
"""The published ViT file still has torchvision 0.12's names."""


def load_resnet50(stage_b: StageB, state: Mapping[str, Tensor]) -> frozenset[str]:
    """Put a state dict of torchvision's ``resnet50`` into a Stage B of tier T1..T5.

    Args:
        stage_b: changed in place, and only if everything fits. T1 has no ``layer4``, whose tensors are then left out.
        state: with or without the classifier (``fc.*``, left out) and the batch counters.

    Returns:
        Names of ``stage_b.state_dict()`` that now hold published numbers.

    Raises:
        StateError: a Stage B without these parts; missing or surplus tensors, other shapes, NaN or infinite values.
    """
    parts = _parts(stage_b, _RESNET_PARTS, required=("cnn_low", "cnn_mid"))
    left_out = ("fc.",) if "cnn_high" in parts else ("fc.", "layer4.")
    return _load("resnet50", parts, _resnet_name, state, left_out)


def load_vit_b_16(stage_b: StageB, state: Mapping[str, Tensor]) -> frozenset[str]:
    """Put a state dict of torchvision's ``vit_b_16`` (224 px) into a Stage B of tier T2..T5.

    Args:
        stage_b: changed in place, and only if everything fits.
        state: with or without the classifier (``heads.*``, left out).

    Returns:
        Names of ``stage_b.state_dict()`` that now hold published numbers.

    Raises:
        StateError: as :func:`load_resnet50`; also for ``vit_b_16`` weights of other picture sizes.
    """
    parts = _parts(stage_b, _VIT_PARTS, required=_VIT_PARTS)
    return _load("vit_b_16", parts, _vit_name, _current_names(state), ("heads.",))


def _parts(stage_b: StageB, names: Iterable[str], required: Iterable[str]) -> dict[str, nn.Module]:
    if stage_b is None:
        raise StateError("expected a Stage B of a tier with a network; got None: T0's Stage B is measured, not learned")
    absent = [name for name in required if name not in stage_b.parts]
    if absent:
        raise StateError(f"StageB {stage_b.tier}: expected the parts {', '.join(absent)} for these weights; this tier "
                         f"has {', '.join(stage_b.parts)}")
    return {name: stage_b.parts[name] for name in names if name in stage_b.parts}


def _resnet_name(part: str, own: str) -> str | None:
    """torchvision's name of a tensor of ours; None for what has no published weights."""
    return None if own.startswith(_GATE) else own


def _vit_name(part: str, own: str) -> str | None:
    if part == "vit_embedding":
        return _EMBEDDING[own]
    if own.startswith("norm."):
        return f"encoder.ln.{own.removeprefix('norm.')}"
    if not own.startswith("blocks."):
        return None
    _, index, layer = own.split(".", 2)
    block = (int(part.removeprefix("vit_")) - 1) * BLOCKS_PER_PART + int(index)
    ours = next(prefix for prefix in _BLOCK if layer.startswith(prefix))
    return f"encoder.layers.encoder_layer_{block}.{_BLOCK[ours]}{layer.removeprefix(ours)}"


def _current_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    renamed = dict(state)
    for old, new in _OLD_MLP.items():
        renamed = {key.replace(old, new): tensor for key, tensor in renamed.items()}
    return renamed


def _load(
    network: str, parts: Mapping[str, nn.Module], published_name: Callable[[str, str], str | None],
    state: Mapping[str, Tensor], left_out: tuple[str, ...],
) -> frozenset[str]:
    wanted: dict[str, tuple[str, Tensor]] = {}  # published name -> our name, our tensor
    for part, module in parts.items():
        for own, tensor in module.state_dict().items():
            name = published_name(part, own)
            if name is not None:
                wanted[name] = (f"parts.{part}.{own}", tensor)
    given = {key: tensor for key, tensor in state.items() if not key.startswith(left_out)}
    _check(network, wanted, given)
    with torch.no_grad():
        for name, tensor in given.items():
            wanted[name][1].copy_(tensor)
    return frozenset(wanted[name][0] for name in given)


def _check(network: str, wanted: Mapping[str, tuple[str, Tensor]], given: Mapping[str, Tensor]) -> None:
    missing = [name for name in wanted if name not in given and not name.endswith(_COUNTER)]
    surplus = [name for name in given if name not in wanted]
    if missing or surplus:
        complaints = [f"missing {_some(missing)}"] if missing else []
        complaints += [f"surplus {_some(surplus)}"] if surplus else []
        raise StateError(f"expected the state dict of torchvision's {network}; got one with {', '.join(complaints)}")
    wrong = [f"{name} expected {list(wanted[name][1].shape)}, got {list(tensor.shape)}"
             for name, tensor in given.items() if tensor.shape != wanted[name][1].shape]
    if wrong:
        raise StateError(f"the {network} weights have other shapes than the network: {_some(wrong)}")
    broken = [name for name, tensor in given.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise StateError(f"the {network} weights hold NaN or infinite values: {_some(broken)}. Fetch them again")


def _some(names: list[str]) -> str:
    shown = "; ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown}; and {len(names) - NAMES_SHOWN} more"
