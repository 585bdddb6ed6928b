"""Two processes under torchrun take the step that one process with the joint batch would take."""

import os
import subprocess
import sys

import pytest
import torch
from support import ddp_gradients
from support.data import REPOSITORY

SCRIPT = ddp_gradients.__file__


def gradients(out, *launcher):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *launcher, SCRIPT, str(out)], cwd=REPOSITORY, env=environment,
                          capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return torch.load(out, weights_only=True)


def test_two_processes_have_the_gradients_of_the_joint_batch(tmp_path):
    alone = gradients(tmp_path / "one.pt")
    together = gradients(tmp_path / "two.pt", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    assert alone.keys() == together.keys() and len(alone) > 60
    for name, wanted in alone.items():
        scale = float(wanted.abs().max())
        worst = float((together[name] - wanted).abs().max())
        assert worst <= 1e-4 * scale + 1e-9, f"{name}: {worst} of {scale}"


def test_the_processes_take_different_pictures_of_one_order():
    from training.loop.distributed import World
    from training.loop.feed import MixtureFeed, Source

    class Numbers:
        name = "numbers"

        def __len__(self):
            return 10

    def feed(world):
        return MixtureFeed([Source(Numbers(), 1.0)], None, seed=1, samples_per_epoch=8, batch_size=8 // world.size // 2,
                           sizes=[64], fit="stretch", close_epochs=0, workers=0, world=world)

    one, first, second = feed(World(0, 1, 0)), feed(World(0, 2, 0)), feed(World(1, 2, 1))
    assert one.order(3) == first.order(3) == second.order(3)
    assert one.order(3) != one.order(4)


@pytest.mark.parametrize("epochs", [1, 7])
def test_every_picture_of_a_source_comes_once_a_round(epochs):
    from training.loop.distributed import World
    from training.loop.feed import MixtureFeed, Source

    class Numbers:
        name = "numbers"

        def __len__(self):
            return 12

    feed = MixtureFeed([Source(Numbers(), 1.0), Source(Numbers(), 2.0)], None, seed=1, samples_per_epoch=18,
                       batch_size=6, sizes=[64], fit="stretch", close_epochs=0, workers=0, world=World(0, 1, 0))
    seen = [row for epoch in range(epochs * 2) for row in feed.order(epoch)]
    counts = [sorted(index for source, index in seen if source == number) for number in (0, 1)]
    assert counts[0] == sorted(list(range(12)) * epochs)  # a third of 18 in two epochs: all twelve once
    assert counts[1] == sorted(list(range(12)) * 2 * epochs)
