"""The tier table: what a model of each capability tier consists of. Everything that builds or checks a model reads it.

Stage A is the same in every tier: ResNet50 + FPN and the six safety heads, nothing else (architectural guarantee 1).
A row lists the parts of Stage B's trunk in the order they run; its heads are those of
``maxsight_core.models.stage_b_contract``. No torch: manifests and the engine's configuration read this table too.
"""

from __future__ import annotations

from dataclasses import dataclass

from maxsight_core.models.stage_b_contract import HeadSpec, heads_of


@dataclass(frozen=True, slots=True)
class TierSpec:
    """One tier.

    Args:
        key: its short name, as checkpoints and training configurations write it. title: its long name.
        trunk: parts of its Stage B, in the order they run; empty: Stage B is measured, not learned.
        parameters_millions: size of Stage A (``fused`` grid) and Stage B together, from the system description.
    """

    key: str
    title: str
    trunk: tuple[str, ...]
    parameters_millions: float

    @property
    def heads(self) -> tuple[HeadSpec, ...]:
        """The heads of its Stage B."""
        return heads_of(self.key)

    @property
    def name(self) -> str:
        """Key and title, as the system description writes it: ``T2_HYBRID_VIT``."""
        return f"{self.key}_{self.title}"


_CNN = ("cnn_low", "cnn_mid")
_HYBRID = (*_CNN, "cnn_high", "pyramid", "vit_embedding", "vit_1", "vit_2", "vit_3", "vit_4", "exchange", "fusion")
_MAPS = ("decoder", "box_features")

TIERS: dict[str, TierSpec] = {row.key: row for row in (
    TierSpec("T0", "BASELINE_CNN", (), 29.0),
    TierSpec("T1", "ATTENTION", (*_CNN, "pyramid_t1", "cnn_context", *_MAPS), 50.0),
    TierSpec("T2", "HYBRID_VIT", (*_HYBRID, *_MAPS, "pair_motion"), 210.0),
    TierSpec("T3", "CROSS_TASK", (*_HYBRID, *_MAPS, "pair_motion", "cross_task"), 250.0),
    TierSpec("T4", "CROSS_MODAL", (*_HYBRID, *_MAPS, "pair_motion", "audio", "cross_modal", "cross_task"), 280.0),
    TierSpec("T5", "TEMPORAL", (*_HYBRID, *_MAPS, "temporal", "audio", "cross_modal", "cross_task"), 320.0),
)}


def tier(name: str) -> TierSpec:
    """The row of a tier, by key (``T2``), long name (``T2_HYBRID_VIT``) or title; ValueError names the tiers."""
    wanted = name.strip().upper()
    for row in TIERS.values():
        if wanted in (row.key, row.name, row.title):
            return row
    raise ValueError(f"tier: expected one of {', '.join(row.name for row in TIERS.values())}; got {name!r}")
