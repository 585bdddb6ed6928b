"""What a training run is: one YAML per run, read into typed models. An unknown key or a wrong value stops the run.

    config = load_config(Path("training/configs/t0_pyramid.yaml"), ["batch.size=16", "schedule.epochs=2"])
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from maxsight_core import taxonomy
from maxsight_core.engine.detect import FITS
from maxsight_core.models.grid import DEFAULT_INPUT_PX, GRIDS, check_input_size
from maxsight_core.models.tiers import tier
from training.loop.recipe import BATCH_SIZE, LEARNING_RATE, WARMUP_EPOCHS

LEAST_PYRAMID_PX = 96
"""Below, P6 is one cell, and the gradient of P7's convolution in bfloat16 on a CPU is uninitialised memory (torch 2.15,
seen as infinite or huge numbers on an Intel processor with AMX; right from two cells on)."""


class ConfigError(ValueError):
    """A configuration cannot be used; the message lists every wrong key with what was expected."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CocoSource(_Strict):
    """A folder in COCO format, or one annotation file with its images.

    Args:
        path: folder with ``instances.json`` and ``images/``, or the annotation file. images: folder, if not beside it.
        weight: how often its pictures are drawn, relative to the other sources. leave_out: licences not to use, as the
            data set writes them (parts of the text: ``NC`` leaves out every NonCommercial picture).
    """

    path: Path
    images: Path | None = None
    weight: float = Field(1.0, gt=0)
    leave_out: tuple[str, ...] = ()


class RenderedSource(_Strict):
    """Rendered walks (``maxsight_core.scenes``).

    Args:
        scenes: names. frames: how many pictures. first_seed: worlds are numbered from here; validation takes others.
        maps: with depth and flow, for Stage B's heads.
    """

    scenes: tuple[str, ...] = Field(min_length=1)
    frames: int = Field(gt=0)
    first_seed: int = Field(1, ge=0)
    maps: bool = False
    weight: float = Field(1.0, gt=0)


class DataConfig(_Strict):
    """Where the pictures come from.

    Args:
        root: folder that the sources' paths are relative to. coco, rendered: to learn from.
        validation_rendered: worlds that are only looked at.
        validation_share: share of every COCO folder's pictures kept apart, by image.
        heuristic_labels: zones and urgency of photographs by the description's rules (size of the box, kind of
            thing); False: unknown there.
        samples_per_epoch: pictures an epoch draws from the mixture; None: as many as there are.
        class_weights: weigh what answers for a class by how rare it is in the photographs (``data.class_weights``).
        workers: processes that load; None: by tier and machine.
    """

    root: Path = Path()
    coco: tuple[CocoSource, ...] = ()
    rendered: tuple[RenderedSource, ...] = ()
    validation_rendered: tuple[RenderedSource, ...] = ()
    validation_share: float = Field(0.15, ge=0, lt=0.9)
    heuristic_labels: bool = True
    samples_per_epoch: int | None = Field(None, gt=0)
    class_weights: bool = False
    workers: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _something(self) -> DataConfig:
        if not self.coco and not self.rendered:
            raise ValueError("name at least one source under data.coco or data.rendered")
        return self


class OptimiserConfig(_Strict):
    """AdamW or SGD. ``learning_rate`` None: the tier's of the description."""

    name: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float | None = Field(None, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    clip_norm: float = Field(1.0, gt=0)
    backbone_multiplier: float = Field(1.0, ge=0)


class SizeStage(_Strict):
    """The first epochs at a smaller input: a picture costs with its area (progressive resizing)."""

    epochs: int = Field(gt=0)
    px: int

    @field_validator("px")
    @classmethod
    def _px(cls, value: int) -> int:
        return check_input_size(value)


class ScheduleConfig(_Strict):
    """Warm-up, then a cosine down to ``min_learning_rate``. ``warmup_epochs`` None: the tier's.

    ``stages``: sizes of the first epochs, in order; the rest has the configuration's ``input_size_px``. ``unlock``:
    losses begin to count in the order of ``training.balance.unlock``; False: all from the beginning.
    """

    epochs: int = Field(100, gt=0)
    stages: tuple[SizeStage, ...] = ()
    unlock: bool = False
    warmup_epochs: float | None = Field(None, ge=0)
    min_learning_rate: float = Field(1e-6, ge=0)


class BatchConfig(_Strict):
    """``size`` None: the tier's. ``accumulate``: batches whose gradients are added before a step."""

    size: int | None = Field(None, gt=0)
    accumulate: int = Field(1, gt=0)


class AugmentConfig(_Strict):
    """Probabilities 0..1 of each change; ``strength`` scales the ranges of the geometric and photometric ones."""

    geometric: float = Field(1.0, ge=0, le=1)
    photometric: float = Field(0.8, ge=0, le=1)
    crop: float = Field(0.5, ge=0, le=1)
    cutout: float = Field(0.2, ge=0, le=1)
    mixup: float = Field(0.1, ge=0, le=1)
    mosaic: float = Field(0.3, ge=0, le=1)
    copy_paste: float = Field(0.3, ge=0, le=1)
    condition: float = Field(0.0, ge=0, le=1)
    strength: float = Field(1.0, gt=0, le=3)
    close_epochs: int = Field(10, ge=0, description="the last epochs see no mosaic, mixup or pasted things")


class RunConfig(_Strict):
    """How the run is kept: precision, averaging, checkpoints, validation.

    Args:
        precision: ``auto`` is bfloat16 where the machine has it. checkpoint_minutes: the state for resuming is also
            written that often within an epoch.
    """

    precision: Literal["auto", "f32", "bf16", "f16"] = "auto"
    ema_decay: float = Field(0.9998, gt=0, lt=1)
    ema_warmup_steps: int = Field(2000, ge=1)
    validate_every_epochs: int = Field(5, gt=0)
    checkpoint_minutes: float = Field(10.0, gt=0)
    balance: Literal["none", "gradnorm", "pcgrad"] = "none"
    tensorboard: bool = True
    threads: int | None = Field(None, gt=0)


class TrainConfig(_Strict):
    """One supervised run. Every field has the description's default for its tier.

    ``frozen_stages``: so many of Stage A's residual stages, with the stem, keep the weights and batch statistics that
    they begin with (``init_backbone``): fewer pictures teach the rest, and nothing is computed backwards through them.
    """

    tier: str = "T0"
    grid: str = "pyramid"
    input_size_px: int | None = None
    fit: str = "letterbox"
    classes: tuple[str, ...] = Field(min_length=1)
    seed: int = Field(1, ge=0)
    box_loss: Literal["smooth_l1", "giou", "ciou"] = "smooth_l1"
    train_heads: tuple[str, ...] = ("objectness", "classification", "boxes", "distance_zones", "urgency")
    init_backbone: Path | None = None
    init_checkpoint: Path | None = None
    frozen_norm: bool = False
    frozen_stages: int = Field(0, ge=0, le=4)
    loss_weights: dict[str, float] = {}
    data: DataConfig
    augment: AugmentConfig = AugmentConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    batch: BatchConfig = BatchConfig()
    run: RunConfig = RunConfig()

    @field_validator("tier")
    @classmethod
    def _tier(cls, value: str) -> str:
        return tier(value).key

    @field_validator("grid")
    @classmethod
    def _grid(cls, value: str) -> str:
        if value not in GRIDS:
            raise ValueError(f"expected one of {', '.join(GRIDS)}")
        return value

    @field_validator("fit")
    @classmethod
    def _fit(cls, value: str) -> str:
        if value not in FITS:
            raise ValueError(f"expected {' or '.join(FITS)}")
        return value

    @field_validator("input_size_px")
    @classmethod
    def _size(cls, value: int | None) -> int | None:
        return value if value is None else check_input_size(value)

    @field_validator("classes")
    @classmethod
    def _classes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            try:
                taxonomy.by_name(name)
            except KeyError as error:  # its words suggest near names
                raise ValueError(str(error.args[0])) from error
        if len(set(value)) != len(value):
            raise ValueError("every class once")
        return value

    @field_validator("loss_weights")
    @classmethod
    def _weights(cls, value: dict[str, float]) -> dict[str, float]:
        wrong = {name: weight for name, weight in value.items() if not weight >= 0}
        if wrong:
            raise ValueError(f"expected weights of 0 or more; got {wrong}")
        return value

    @model_validator(mode="after")
    def _pyramid_size(self) -> TrainConfig:
        small = [size for size in self.epoch_sizes if size < LEAST_PYRAMID_PX]
        if self.grid == "pyramid" and small:
            raise ValueError(f"the pyramid grid needs an input of at least {LEAST_PYRAMID_PX} px; got {min(small)}. "
                             "Use a larger input_size_px or stage, or the fused grid")
        return self

    @property
    def input_px(self) -> int:
        """Side of the square input."""
        return self.input_size_px or DEFAULT_INPUT_PX[self.grid]

    @property
    def epoch_sizes(self) -> list[int]:
        """Side of the input in every epoch, pixels."""
        sizes = [stage.px for stage in self.schedule.stages for _ in range(stage.epochs)]
        return (sizes + [self.input_px] * self.schedule.epochs)[: self.schedule.epochs]

    @property
    def batch_size(self) -> int:
        """Pictures per forward pass."""
        return self.batch.size or BATCH_SIZE[self.tier]

    @property
    def learning_rate(self) -> float:
        """Peak learning rate."""
        return self.optimiser.learning_rate or LEARNING_RATE[self.tier]

    @property
    def warmup_epochs(self) -> float:
        """Epochs until the peak."""
        given = self.schedule.warmup_epochs
        return WARMUP_EPOCHS[self.tier] if given is None else given

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the run's folder and for comparing a resumed run with its beginning."""
        return json.loads(self.model_dump_json())


def load_config(path: Path, overrides: Sequence[str] = (), base: dict[str, Any] | None = None) -> TrainConfig:
    """The configuration of a YAML file.

    Args:
        overrides: ``section.key=value``, value in YAML. base: values under the file's own (tuned hyperparameters go
            over it: see :func:`with_values`).

    Raises:
        ConfigError: no such file, no YAML, an unknown key, or a value out of range; every problem is listed.
    """
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"configuration {path}: cannot be read ({error.strerror}). Configurations that come with "
                          "MaxSight are in training/configs") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"configuration {path}: is no valid YAML: {error}") from error
    if not isinstance(body, dict):
        raise ConfigError(f"configuration {path}: expected keys and values; got {type(body).__name__}")
    merged = _merge(base or {}, body)
    for text in overrides:
        merged = _merge(merged, _override(text))
    return make_config(merged, str(path))


def make_config(body: dict[str, Any], where: str = "configuration") -> TrainConfig:
    """A checked configuration; ConfigError lists everything that is wrong, with the place it was read from."""
    try:
        return TrainConfig(**body)
    except ValidationError as error:
        lines = [_words(problem) for problem in error.errors()]
        heading = f"{where}: {len(lines)} problem{'s' if len(lines) > 1 else ''}"
        raise ConfigError("\n".join([heading, *lines])) from error


def _words(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"  {key}: unknown key; see training/loop/config.py for those there are"
    message = problem["msg"].removeprefix("Value error, ")
    return f"  {key}: {message}; got {problem['input']!r}"


def _override(text: str) -> dict[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise ConfigError(f"override {text!r}: expected section.key=value, for example schedule.epochs=2")
    body: Any = yaml.safe_load(value)
    for part in reversed(key.split(".")):
        body = {part: body}
    return body


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


