"""What a pretraining run is; typed, so that a resumed run can be compared with its beginning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from maxsight_core.models.grid import check_grid, check_input_size
from maxsight_core.models.stage_b_contract import INPUT_SIDE_PX

LEARNING_RATE: dict[str, float] = {"simclr": 1e-3, "mae": 5e-4}
"""Peak of AdamW at the default batch. SimCLR's LARS is for batches of thousands (Chen et al. 2020, B.7)."""
TEMPERATURE = 0.1
"""Chen et al. 2020, table 5: best for long training, and batch size matters little there."""
HIDDEN_SHARE: dict[str, float] = {"backbone": 0.6, "vit": 0.75}
"""Tian et al. 2023 for convolutional networks; He et al. 2022 for transformers."""


class PretrainConfig(BaseModel):
    """One run.

    Args:
        method: ``simclr`` or ``mae``. part: ``backbone`` of Stage A, or ``vit``, the transformer of Stage B from T2 on.
        grid: of Stage A; its pyramid differs by grid. images: folders, searched with all their subfolders.
        scenes, frames: rendered pictures beside them. input_size_px: side of the square pictures.
        learning_rate: peak; None: the method's. temperature: of SimCLR. hidden_share: of the picture, for the masked
            autoencoder; None: by part. precision: as ``training.loop.precision`` takes it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["simclr", "mae"]
    part: Literal["backbone", "vit"] = "backbone"
    grid: str = "pyramid"
    images: tuple[Path, ...] = ()
    scenes: tuple[str, ...] = ()
    frames: int = Field(0, ge=0)
    input_size_px: int = INPUT_SIDE_PX
    epochs: int = Field(100, gt=0)
    batch_size: int = Field(64, ge=2)
    learning_rate: float | None = Field(None, gt=0)
    min_learning_rate: float = Field(1e-6, ge=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup_epochs: float = Field(5.0, ge=0)
    clip_norm: float = Field(5.0, gt=0)
    temperature: float = Field(TEMPERATURE, gt=0)
    hidden_share: float | None = Field(None, gt=0, lt=1)
    seed: int = Field(1, ge=0)
    precision: Literal["auto", "f32", "bf16", "f16"] = "auto"

    @field_validator("grid")
    @classmethod
    def _grid(cls, value: str) -> str:
        return check_grid(value)

    @field_validator("input_size_px")
    @classmethod
    def _size(cls, value: int) -> int:
        return check_input_size(value)

    @model_validator(mode="after")
    def _fits(self) -> PretrainConfig:
        if self.part == "vit" and self.method != "mae":
            raise ValueError("part vit is pretrained by mae; simclr is for the backbone")
        if self.part == "vit" and self.input_size_px != INPUT_SIDE_PX:
            raise ValueError(f"part vit sees pictures of {INPUT_SIDE_PX} px and no other size")
        if not self.images and not (self.scenes and self.frames):
            raise ValueError("name folders of images, or scenes and how many frames of them")
        return self

    @property
    def peak(self) -> float:
        """Peak learning rate."""
        return self.learning_rate or LEARNING_RATE[self.method]

    @property
    def share_hidden(self) -> float:
        """Share of a picture that a masked autoencoder does not see."""
        return self.hidden_share or HIDDEN_SHARE[self.part]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return json.loads(self.model_dump_json())
