"""From a configuration to a trainer: data sets, network, objective, validation, and the checkpoint that is saved."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection
from pathlib import Path

import torch
from torch import Tensor, nn

from maxsight_core.engine.manifest import CheckpointManifest, read_checkpoint, save_checkpoint
from maxsight_core.models.contract import CONTRACT
from maxsight_core.models.stage_b_contract import HEADS_BY_NAME, heads_of
from maxsight_core.models.state import checkpoint_state, current_names
from training.balance.balancer import Balancer
from training.data.augment.compose import Augmenter
from training.data.class_weights import class_weights, count_objects
from training.data.coco_folder import CocoFolder, image_names
from training.data.rendered import RenderedFrames
from training.data.sample import ClassTable
from training.data.splits import names_of_split
from training.data.stored import Samples, StoredSamples
from training.evaluate.stage_a import evaluate, network_infer
from training.loop.config import CocoSource, ConfigError, RenderedSource, TrainConfig
from training.loop.distributed import World
from training.loop.feed import MixtureFeed, Source
from training.loop.network import TrainedNetwork
from training.loop.trainer import SaveCheckpoint, Trainer
from training.losses.objective import Objective, default_weights
from training.ssl.start import load_start

STORE_VARIABLE = "MAXSIGHT_TRAINING_CACHE"
STORE_DEFAULT = Path("instance/training_cache")
MOST_WORKERS = 8
"""The description's: keeps a GPU fed."""


def build_trainer(config: TrainConfig, out: Path, device: torch.device, world: World) -> Trainer:
    """A trainer at the beginning of its run.

    Raises:
        SampleError: a data set cannot be read. ConfigError: nothing to train, or a start that does not fit.
    """
    classes = ClassTable.of_names(config.classes)
    known = (*CONTRACT, *(head.name for head in heads_of(config.tier)))
    unknown = set(config.train_heads) - set(known)
    if unknown:
        raise ConfigError(f"train_heads: expected outputs of {', '.join(known)}; got {', '.join(sorted(unknown))}")
    network = TrainedNetwork(config.tier, config.grid, classes.count, config.frozen_norm,
                             frozen_stages=config.frozen_stages)
    start_from(network, config)
    sources = training_sources(config, classes)
    objective = Objective(config.tier, config.grid, config.train_heads, config.box_loss, world.mean_count,
                          _class_weights(config, sources, classes))
    weights = {**default_weights(config.box_loss), **config.loss_weights}
    balancer = Balancer(config.run.balance, network, weights, world.mean_count)
    feed = MixtureFeed(
        sources, Augmenter(config.augment, config.input_px, classes.names), seed=config.seed,
        samples_per_epoch=config.data.samples_per_epoch, batch_size=config.batch_size, sizes=config.epoch_sizes,
        fit=config.fit, close_epochs=config.augment.close_epochs, workers=workers(config), world=world)
    return Trainer(config, network, objective, balancer, feed, out, device, world, validation(config, classes, device),
                   checkpoint_writer(config, classes))


def workers(config: TrainConfig) -> int:
    """Processes that load: as configured, else one per core less the one that learns, at most eight."""
    if config.data.workers is not None:
        return config.data.workers
    return max(1, min(MOST_WORKERS, (os.cpu_count() or 1) - 1))


# ---- data ----------------------------------------------------------------------------------------------------------


def training_sources(config: TrainConfig, classes: ClassTable) -> list[Source]:
    """The mixture to learn from."""
    coco = [Source(coco_samples(config, source, classes, "train"), source.weight) for source in config.data.coco]
    rendered = [Source(rendered_samples(source, classes), source.weight) for source in config.data.rendered]
    return [source for source in (*coco, *rendered) if len(source.samples)]


def _class_weights(config: TrainConfig, sources: list[Source], classes: ClassTable) -> Tensor | None:
    if not config.data.class_weights:
        return None
    photographs = [source.samples for source in sources if isinstance(source.samples, CocoFolder)]
    try:
        return torch.from_numpy(class_weights(count_objects(photographs, classes.count)))
    except ValueError as error:
        raise ConfigError(f"data.class_weights: {error}. It counts what photographs show; name some, or turn it off"
                          ) from error


def validation_sets(config: TrainConfig, classes: ClassTable) -> dict[str, list[Samples]]:
    """``real`` and ``rendered`` data sets that are only looked at."""
    return {
        "real": [coco_samples(config, source, classes, "val") for source in config.data.coco]
        if config.data.validation_share > 0 else [],
        "rendered": [rendered_samples(source, classes) for source in config.data.validation_rendered],
    }


def coco_samples(config: TrainConfig, source: CocoSource, classes: ClassTable, split: str) -> CocoFolder:
    """One split of a COCO source."""
    path = config.data.root / source.path
    keep = names_of_split(image_names(path), split, config.data.validation_share)
    return CocoFolder(path, classes, images=None if source.images is None else config.data.root / source.images,
                      leave_out=source.leave_out, heuristic_labels=config.data.heuristic_labels, keep=keep)


def rendered_samples(source: RenderedSource, classes: ClassTable) -> StoredSamples:
    """Rendered frames, kept on the disk once made."""
    frames = RenderedFrames(source.scenes, source.frames, classes, first_seed=source.first_seed, depth=source.maps,
                            flow=source.maps)
    return StoredSamples(frames, Path(os.environ.get(STORE_VARIABLE, STORE_DEFAULT)))


# ---- network -------------------------------------------------------------------------------------------------------


def start_from(network: TrainedNetwork, config: TrainConfig) -> None:
    """Load the configured start: a whole checkpoint, or a backbone alone.

    Raises:
        ConfigError: tensors that do not fit; CheckpointError: no usable file.
    """
    if config.init_checkpoint is not None:
        _, state = read_checkpoint(config.init_checkpoint, "a")
        _load(network.stage_a, {name: torch.from_numpy(array) for name, array in state.items()},
              f"init_checkpoint {config.init_checkpoint}")
    if config.init_backbone is not None:
        try:
            load_start(config.init_backbone, network.stage_a, network.stage_b)
        except ValueError as error:
            raise ConfigError(f"init_backbone: {error}") from error


def _load(model: nn.Module, state: dict[str, torch.Tensor], where: str) -> None:
    own = model.state_dict()
    state = current_names(state)
    wrong = [name for name, tensor in state.items() if name not in own or own[name].shape != tensor.shape]
    if wrong or not state:
        raise ConfigError(f"{where}: tensors that this network does not have or that have another shape: "
                          f"{', '.join(wrong[:5]) or '(the file holds none)'}. It was made for another grid, tier or "
                          "classes")
    model.load_state_dict(state, strict=False)


# ---- what comes out ------------------------------------------------------------------------------------------------


def validation(
    config: TrainConfig, classes: ClassTable, device: torch.device,
) -> Callable[[nn.Module], dict[str, float]]:
    """From an averaged network to figures: of photographs as they are, of rendered frames as ``rendered.<figure>``."""
    sets = validation_sets(config, classes)
    judged = frozenset(config.train_heads) & frozenset(CONTRACT)

    def validate(network: nn.Module) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, group in sets.items():
            samples = (one[index] for one in group for index in range(len(one)))
            figures = evaluate(network_infer(network.stage_a, device), samples, classes, grid=config.grid,
                               input_size_px=config.input_px, fit=config.fit, heads=judged)
            prefix = "" if name == "real" else f"{name}."
            found |= {prefix + key: value for key, value in figures.items()}
        return found

    return validate


def trained_outputs(grid: str, heads: Collection[str], learned: Collection[str]) -> frozenset[str]:
    """Outputs that a checkpoint may claim: of ``heads``, those whose loss was ever more than nothing.

    Args:
        learned: names of such losses. The pyramid's objectness is made of class and centre-ness.
    """
    found = set()
    for head in heads:
        needs = {"classification", "centerness"} if head == "objectness" and grid == "pyramid" else {head}
        if needs <= set(learned):
            found |= {head} if head in CONTRACT else set(HEADS_BY_NAME[head].outputs)
    return frozenset(found)


def checkpoint_writer(config: TrainConfig, classes: ClassTable) -> SaveCheckpoint:
    """Saves an averaged network as the app reads it."""
    sources = [str(source.path) for source in config.data.coco]
    scenes = sum(source.frames for source in config.data.rendered)
    data = ", ".join([*sources, *([f"{scenes} rendered frames"] if scenes else [])])

    def save(network: nn.Module, path: Path, figures: dict[str, float], learned: frozenset[str]) -> None:
        manifest = CheckpointManifest(
            tier=config.tier, grid=config.grid, classes=classes.ids,
            trained_heads=trained_outputs(config.grid, config.train_heads, learned),
            data=data, metrics={name: round(value, 5) for name, value in figures.items()}, git_revision=revision(),
            input_size_px=config.input_px, fit=config.fit)
        save_checkpoint(path, checkpoint_state(network.stage_a, network.stage_b), manifest, storage="f16")

    return save


def revision() -> str:
    """Of the training code; empty outside a repository."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True,
                              check=False)
    except OSError:
        return ""
    return done.stdout.strip()
