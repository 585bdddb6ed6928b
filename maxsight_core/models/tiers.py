"""Capability tiers: what a model of each tier consists of. One row each; a tier that is not built has no row."""

from __future__ import annotations

from dataclasses import dataclass

from maxsight_core.models.contract import COCO_COLUMNS, CONTRACT
from maxsight_core.models.grid import GRIDS
from maxsight_core.models.stage_a import StageA


@dataclass(frozen=True, slots=True)
class TierSpec:
    """One tier.

    Args:
        key: its short name, as checkpoints and training configurations write it. title: its long name.
        stage_a_grids: the detection grids it may have, the default first.
        stage_a_outputs: what its Stage A network tells; the same in every tier (guarantee 1).
        stage_b: parts of its Stage B network, in the order they run; empty: Stage B is measured, not learned.
        parameters_millions: size with the default grid, from the system description.
    """

    key: str
    title: str
    stage_a_grids: tuple[str, ...]
    stage_a_outputs: tuple[str, ...]
    stage_b: tuple[str, ...]
    parameters_millions: float

    def build_stage_a(self, grid: str | None = None, num_classes: int = COCO_COLUMNS) -> StageA:
        """A new, untrained Stage A of this tier; ValueError when the tier does not have the grid."""
        chosen = grid or self.stage_a_grids[0]
        if chosen not in self.stage_a_grids:
            raise ValueError(f"tier {self.key}: expected grid {' or '.join(self.stage_a_grids)}; got {chosen!r}")
        return StageA(chosen, num_classes)


_ROWS: tuple[TierSpec, ...] = (
    TierSpec("T0", "BASELINE_CNN", GRIDS, CONTRACT, (), 29.0),
)

TIERS: dict[str, TierSpec] = {row.key: row for row in _ROWS}
if len(TIERS) != len(_ROWS):  # a second row of one name would silently win
    raise RuntimeError("the tier table declares a tier twice")


def tier(key: str) -> TierSpec:
    """The row of a tier; ValueError names the tiers there are."""
    try:
        return TIERS[key]
    except KeyError:
        raise ValueError(f"tier: expected one of {', '.join(TIERS)}; got {key!r}") from None
