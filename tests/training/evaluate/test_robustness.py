"""Changes of pictures, and attacks on a real network."""

import numpy as np
import pytest
import torch
from support.training_samples import CLASSES, painted

from maxsight_core.models.contract import CONTRACT
from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA
from training.data.batch import collate
from training.data.sample import ClassTable
from training.evaluate.attack import ATTACKS, Attack, _widened, attacked
from training.evaluate.robustness import CHANGES, changed
from training.losses.objective import StageAObjective, default_weights

SIZE = 64


def pictures():
    return [painted([(1, 0.4, 0.5, 0.3, 0.6)], urgency=2), painted([(3, 0.6, 0.5, 0.2, 0.4)])]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_shape_truth_and_seed(name):
    samples = pictures()
    before = [sample.image.copy() for sample in samples]
    first, second = (list(changed(samples, CHANGES[name])) for _ in range(2))
    for sample, clean, one, two in zip(samples, before, first, second, strict=True):
        assert one.image.shape == clean.shape and one.image.dtype == np.uint8
        assert (one.image == two.image).all() and (one.image != clean).any()
        assert (sample.image == clean).all(), "the original was changed"
        assert (one.boxes == sample.boxes).all()


def test_light_does_not_wrap_around():
    white = painted([], size=(8, 8))
    white.image[:] = 250
    assert (next(changed([white], CHANGES["bright"])).image == 255).all()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return StageA("fused", 5).eval()


NETWORK_CLASSES = ClassTable.of_names(["car", "person", "bus", "door"]).ids  # another order than the samples' classes
HEADS = frozenset(CONTRACT)


def make(network, attack, samples):
    return list(attacked(network, samples, attack, classes=CLASSES, network_classes=NETWORK_CLASSES,
                         input_size_px=SIZE, fit="letterbox", heads=HEADS))


def loss_of(network, sample):
    columns = {number: column for column, number in enumerate(NETWORK_CLASSES)}
    lookup = np.array([columns[number] for number in CLASSES.ids])
    sample.columns = lookup[sample.columns]
    labelled = np.zeros(5, bool)
    labelled[lookup] = True
    sample.labelled = labelled
    batch = collate([sample], SIZE, "letterbox")
    with torch.no_grad():
        losses = StageAObjective("fused", HEADS - {"uncertainty", "scene_embedding"}, "giou")(
            network(Normalise()(batch.images)), batch)
    weights = default_weights("giou")
    return sum(float(value) * weights.get(name, 1.0) for name, value in losses.items())


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_stays_small_and_makes_the_loss_grow(network, name):
    clean = make(network, Attack(0.4, 1), pictures())  # rounds to nothing: the clean square picture
    hurt = make(network, ATTACKS[name], pictures())
    for one, two in zip(clean, hurt, strict=True):
        assert one.image.shape == two.image.shape == (SIZE, SIZE, 3)
        apart = np.abs(one.image.astype(int) - two.image.astype(int))
        assert 0 < apart.max() <= ATTACKS[name].epsilon
        assert (two.boxes[:, 1] < pictures()[0].boxes[:, 1]).all()  # in the letterboxed square it is higher up
        assert loss_of(network, two) > loss_of(network, one)


def test_the_network_is_asked_about_its_own_columns():
    columns = {number: column for column, number in enumerate(NETWORK_CLASSES)}
    wide = _widened(pictures()[1], np.array([columns[number] for number in CLASSES.ids]), len(NETWORK_CLASSES))
    assert wide.columns.tolist() == [4]  # door
    assert wide.labelled.tolist() == [True, True, True, False, True]  # nobody labelled the bus


def test_an_attack_without_steps_is_refused():
    with pytest.raises(ValueError, match="at least one step"):
        Attack(4.0, 0)
