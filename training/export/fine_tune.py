"""Training a pruned network on, with the same loop, data and losses as any run."""

from __future__ import annotations

from pathlib import Path

import torch

from maxsight_core.models.stage_a import StageA
from training.balance.balancer import Balancer
from training.data.augment.compose import Augmenter
from training.data.sample import ClassTable
from training.loop.build import checkpoint_writer, training_sources, validation, workers
from training.loop.config import TrainConfig
from training.loop.distributed import World
from training.loop.feed import MixtureFeed
from training.loop.network import TrainedNetwork
from training.loop.trainer import Trainer
from training.losses.objective import Objective, default_weights


def fine_tuner(config: TrainConfig, model: StageA, out: Path, device: torch.device, world: World) -> Trainer:
    """A trainer at the beginning of a run whose network is ``model``, however narrow its layers are.

    Args:
        config: of the run; where it would start from is not read. out: the run's folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    classes = ClassTable.of_names(config.classes)
    network = _around(config, model)
    objective = Objective(config.tier, config.grid, config.train_heads, config.box_loss, world.mean_count)
    weights = {**default_weights(config.box_loss), **config.loss_weights}
    balancer = Balancer(config.run.balance, network, weights, world.mean_count)
    feed = MixtureFeed(
        training_sources(config, classes), Augmenter(config.augment, config.input_px, classes.names), seed=config.seed,
        samples_per_epoch=config.data.samples_per_epoch, batch_size=config.batch_size, sizes=config.epoch_sizes,
        fit=config.fit, close_epochs=config.augment.close_epochs, workers=workers(config), world=world)
    return Trainer(config, network, objective, balancer, feed, out, device, world,
                   validation(config, classes, device), checkpoint_writer(config, classes))


def judge(config: TrainConfig, model: StageA, device: torch.device) -> dict[str, float]:
    """Figures of a network on the configuration's validation pictures."""
    classes = ClassTable.of_names(config.classes)
    return validation(config, classes, device)(_around(config, model).to(device).eval())


def _around(config: TrainConfig, model: StageA) -> TrainedNetwork:
    """``model`` where training has its Stage A; its batch norms learn, because pruning changed what they see."""
    network = TrainedNetwork(config.tier, config.grid, model.num_classes)
    network.stage_a = model
    return network
