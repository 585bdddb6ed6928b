"""From checkpoints and a configuration to a trainer: T2 -> T5, held by EWC or not, with a teacher or without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from maxsight_core.engine.manifest import CheckpointManifest, read_checkpoint
from maxsight_core.models.contract import CONTRACT, STAGE_B_PREFIX
from maxsight_core.models.state import load_into
from training.data.batch import Batch, collate
from training.data.sample import ClassTable
from training.loop.build import build_trainer, training_sources
from training.loop.config import ConfigError, TrainConfig
from training.loop.distributed import World
from training.loop.network import TrainedNetwork
from training.losses.objective import Objective, default_weights
from training.transfer.distillation import Distilled
from training.transfer.ewc import EwcPenalty, fisher_diagonal
from training.transfer.freeze import FreezeSchedule
from training.transfer.t2_to_t5 import (
    RATE_SHARES,
    TransferError,
    group_of,
    learns_from,
    transferred,
)
from training.transfer.trainer import Penalised, TransferBalancer, TransferTrainer

SOURCE_TIER, TARGET_TIER = "T2", "T5"
FISHER_FILE = "fisher.safetensors"
"""In the run's folder, so that a resumed run is held by the same numbers."""


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """What a run starts from.

    Args:
        source: a T2 checkpoint; None: the configuration's own start, no freezing. teacher: a checkpoint to learn from.
        temperature, teacher_share: of the distillation. truth_epochs: the last so many epochs see the truth alone.
        ewc: strength of the penalty; 0: none. ewc_pictures: from which the Fisher information is estimated.
    """

    source: Path | None = None
    teacher: Path | None = None
    temperature: float = 4.0
    teacher_share: float = 0.7
    truth_epochs: int = 10
    ewc: float = 0.0
    ewc_pictures: int = 200


def build_transfer(
    config: TrainConfig, plan: TransferPlan, out: Path, device: torch.device, world: World,
) -> TransferTrainer:
    """A trainer at the beginning of its run.

    Raises:
        ConfigError: neither source nor teacher, a tier that does not fit, or EWC without a source. TransferError,
            CheckpointError: a checkpoint that cannot be used. SampleError: of the data.
    """
    _check(config, plan)
    classes = ClassTable.of_names(config.classes)
    base = build_trainer(config, out, device, world)
    network, objective = base.network, base.objective
    if plan.source is not None:
        old = load_network(plan.source, config.grid, classes, SOURCE_TIER)
        taken, _ = transferred(old.state_dict(), network.state_dict())
        network.load_state_dict(taken, strict=False)
        network.cool(1.0)  # before the trainer takes its average of the network
        if plan.ewc > 0:
            fisher = _fisher(old.to(device), config, classes, plan.ewc_pictures, out / FISHER_FILE, device)
            held = {name: tensor for name, tensor in fisher.items() if name in taken}
            objective = Penalised(objective, network, EwcPenalty(old.state_dict(), held, plan.ewc).to(device))
    teacher = None
    if plan.teacher is not None:
        objective = teacher = Distilled(objective, load_network(plan.teacher, config.grid, classes).to(device),
                                        config.grid, plan.temperature, plan.teacher_share)
    balancer = TransferBalancer(config.run.balance, network,
                                {**default_weights(config.box_loss), **config.loss_weights}, world.mean_count)
    moved = plan.source is not None
    return TransferTrainer(
        config, network, objective, balancer, base.feed, out, device, world, base.validate, base.save,
        group_of=group_of if moved else None, shares=RATE_SHARES if moved else None,
        freeze=FreezeSchedule(network, learns_from) if moved else None,
        teacher=teacher, truth_epochs=plan.truth_epochs)


def load_network(path: Path, grid: str, classes: ClassTable, tier: str | None = None) -> TrainedNetwork:
    """Both stages of a checkpoint.

    Raises:
        TransferError: another grid, other classes, another tier, or a Stage B that was not saved.
    """
    manifest, arrays = read_checkpoint(path)
    _require_like(path, manifest, grid, classes, tier)
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    of_b = {name: tensor for name, tensor in state.items() if name.startswith(STAGE_B_PREFIX)}
    network = TrainedNetwork(manifest.tier, grid, classes.count)
    missing = load_into(network.stage_a, {n: t for n, t in state.items() if n not in of_b},
                        manifest.trained_heads & frozenset(CONTRACT))
    if network.stage_b is not None:
        missing |= load_into(network.stage_b, of_b, manifest.trained_in_stage_b)
    if missing:
        raise TransferError(f"{path}: {len(missing)} tensors of a {manifest.tier} are not in it, such as "
                            f"{sorted(missing)[0]}. Take a checkpoint that training saved")
    return network


def _check(config: TrainConfig, plan: TransferPlan) -> None:
    if plan.source is None and plan.teacher is None:
        raise ConfigError("transfer: name a --source to move weights from, a --teacher to learn from, or both")
    if plan.source is not None and config.tier != TARGET_TIER:
        raise ConfigError(f"transfer: --source moves weights from {SOURCE_TIER} to {TARGET_TIER}; the configuration's "
                          f"tier is {config.tier}. Set tier={TARGET_TIER}, or start from init_checkpoint")
    if plan.ewc > 0 and plan.source is None:
        raise ConfigError("transfer: --ewc holds the weights of a --source; name one")
    if plan.teacher is not None and not 0 <= plan.truth_epochs <= config.schedule.epochs:
        raise ConfigError(f"transfer: --truth-epochs must be 0..{config.schedule.epochs}, the run's epochs; got "
                          f"{plan.truth_epochs}")


def _require_like(path: Path, manifest: CheckpointManifest, grid: str, classes: ClassTable, tier: str | None) -> None:
    for what, expected, got in (("tier", tier or manifest.tier, manifest.tier), ("grid", grid, manifest.grid),
                                ("classes", classes.ids, manifest.classes)):
        if tuple(expected) != tuple(got):
            raise TransferError(f"{path}: expected {what} {expected}, as the run's; got {got}")


def _fisher(
    old: TrainedNetwork, config: TrainConfig, classes: ClassTable, pictures: int, file: Path, device: torch.device,
) -> dict[str, Tensor]:
    """Of the old network on the run's pictures, kept in ``file``."""
    from safetensors.torch import load_file, save_file

    if file.exists():
        return load_file(file)
    objective = Objective(old.tier, config.grid, tuple(set(config.train_heads) & _heads_of(old)), config.box_loss)
    weights = {**default_weights(config.box_loss), **config.loss_weights}

    def loss(batch: Batch) -> Tensor:
        batch = batch.to(device)
        found = {name: tensor.float() for name, tensor in old(batch).items()}
        return sum(weights.get(name, 1.0) * one for name, one in objective(found, batch).items())

    fisher = fisher_diagonal(old, tqdm(_single(config, classes, pictures), total=pictures, desc="Fisher", leave=False),
                             loss)
    fisher = {name: tensor.cpu().contiguous() for name, tensor in fisher.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(f".{os.getpid()}.tmp")  # each of several processes may write it: the same numbers
    save_file(fisher, temporary)
    os.replace(temporary, file)
    return fisher


def _heads_of(network: TrainedNetwork) -> set[str]:
    parts = () if network.stage_b is None else tuple(network.stage_b.parts)
    return {*CONTRACT, *parts}


def _single(config: TrainConfig, classes: ClassTable, pictures: int) -> Iterator[Batch]:
    """Pictures of every source in turn, one a batch, unchanged."""
    sources = [source.samples for source in training_sources(config, classes)]
    given = 0
    for index in range(max(len(one) for one in sources)):
        for samples in sources:
            if index < len(samples) and given < pictures:
                given += 1
                yield collate([samples[index]], config.input_px, config.fit)
