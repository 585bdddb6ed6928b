"""Started by torchrun, or alone: the gradients of one joint batch, each process with its share. Rank 0 writes them."""

import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from support.training_samples import CLASSES, painted  # noqa: E402

from training.data.batch import collate  # noqa: E402
from training.loop.distributed import join, leave  # noqa: E402
from training.loop.network import TrainedNetwork  # noqa: E402
from training.losses.objective import StageAObjective  # noqa: E402

HEADS = ("objectness", "classification", "boxes", "distance_zones", "urgency")


def samples():
    """Pictures with none, one, two and three boxes, zones and urgencies known in some: shares that differ a lot."""
    made = [
        painted([(1, 0.5, 0.5, 0.4, 0.4), (2, 0.2, 0.3, 0.2, 0.3), (3, 0.8, 0.7, 0.2, 0.4)], urgency=3),
        painted([], urgency=-1), painted([(2, 0.6, 0.5, 0.5, 0.6)], urgency=0), painted([], urgency=-1),
        painted([(1, 0.3, 0.5, 0.3, 0.6), (3, 0.7, 0.4, 0.3, 0.5)], urgency=2), painted([(3, 0.5, 0.5, 0.6, 0.6)]),
    ]
    for number, sample in enumerate(made):
        sample.zones[:] = number % 3 if number < 4 else -1
    return made


def main(out: Path) -> None:
    torch.set_num_threads(1)
    world = join()
    torch.manual_seed(5)
    network = TrainedNetwork("T0", "pyramid", CLASSES.count, frozen_norm=True)
    model = world.wrap(network, torch.device("cpu"))
    batch = collate(samples()[world.rank::world.size], 64, "stretch")
    losses = StageAObjective("pyramid", HEADS, "giou", world.mean_count)(model(batch), batch)
    sum(losses.values()).backward()
    if world.first:
        torch.save({name: parameter.grad for name, parameter in network.named_parameters()
                    if parameter.grad is not None}, out)
    world.barrier()
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
