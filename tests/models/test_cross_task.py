"""Every head its own context, read from all sources and from the other heads."""

import pytest
import torch
from support.lively_parts import changed_entry, enliven, grid, millions
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.fusion.cross_task import CrossTaskAttention
from maxsight_core.models.stage_b_contract import heads_of

READERS = tuple(head.name for head in heads_of("T5"))


def inputs(sources: int = 3, batch: int = 2, seed: int = 70):
    generator = torch.Generator().manual_seed(seed)
    return *(torch.randn(batch, 768, generator=generator) for _ in range(sources)), grid(batch, seed)


@pytest.fixture(scope="module")
def module():
    torch.manual_seed(71)
    return enliven(CrossTaskAttention(READERS, 3))


@pytest.fixture(scope="module")
def found(module):
    with torch.no_grad():
        return module(*inputs())


def stacked(contexts):
    return torch.stack(list(contexts.values()), dim=1)  # [B, readers, 768]


def test_every_reader_has_its_own_context(found):
    assert list(found) == [f"context_{name}" for name in READERS]
    contexts = stacked(found)
    assert contexts.shape == (2, len(READERS), 768)
    apart = torch.cdist(contexts[0], contexts[0]) + torch.eye(len(READERS)) * 99
    assert apart.min() > 1e-2


@torch.no_grad()
def test_before_training_every_context_is_close_to_the_first_source():
    torch.manual_seed(72)
    given = inputs()
    for context in CrossTaskAttention(READERS, 3).eval()(*given).values():
        assert torch.cosine_similarity(context, given[0]).min() > 0.99
        assert torch.cosine_similarity(context, given[1]).max() < 0.2


@pytest.mark.parametrize("index", range(4), ids=["first", "second", "third", "grid"])
@torch.no_grad()
def test_every_source_and_the_grid_are_read(module, found, index):
    given = list(inputs())
    given[index] = changed_entry(given[index], 0)
    assert (stacked(module(*given)) - stacked(found))[0].abs().amax(dim=1).min() > 1e-4


@torch.no_grad()
def test_a_source_of_zeros_is_missing_and_has_exactly_no_weight(module):
    scene, _, temporal, places = inputs()
    nothing = torch.zeros_like(scene)
    silent = stacked(module(scene, nothing, temporal, places))
    kinds = module.source_kinds.clone()
    module.source_kinds[0, 1] = torch.randn(768) * 10  # what would be read of the missing source, were it read
    assert torch.equal(silent, stacked(module(scene, nothing, temporal, places)))
    module.source_kinds.copy_(kinds)
    assert not torch.equal(silent, stacked(module(scene, nothing + 1e-3, temporal, places)))


@torch.no_grad()
def test_the_heads_know_of_one_another(module, found):
    kept = module.queries.clone()
    module.queries[0, 4] = torch.randn(768)
    moved = stacked(module(*inputs())) - stacked(found)
    module.queries.copy_(kept)
    assert moved.abs().amax(dim=(0, 2)).min() > 1e-5


@torch.no_grad()
def test_the_places_of_the_grid_are_told_apart(module):
    *sources, places = inputs()
    mirrored = stacked(module(*sources, places.flip(-1)))
    assert (mirrored - stacked(module(*sources, places))).abs().max() > 1e-5


@pytest.mark.parametrize(("readers", "sources"), [((), 1), (("depth", "depth"), 1), (("depth",), 0)])
def test_impossible_plans_are_refused(readers, sources):
    with pytest.raises(ValueError, match="CrossTaskAttention: expected"):
        CrossTaskAttention(readers, sources)


def test_another_number_of_tensors_is_refused(module):
    with pytest.raises(ValueError, match="expected 3 contexts and the grid; got 3 tensors"):
        module(*inputs(sources=2))


def test_gradients_reach_every_parameter():
    assert not without_gradient(CrossTaskAttention(READERS, 3), inputs())


def test_entries_of_a_batch_do_not_influence_one_another(module):
    assert entries_are_apart(module, inputs())


def test_half_precision_stays_close(module):
    assert half_precision_error(lambda: module(*inputs())) < 0.03


def test_openvino_gives_the_same_numbers(module):
    scene, sound, temporal, places = inputs()
    sound[1] = 0.0  # missing in one entry
    assert openvino_difference(module, (scene, sound, temporal, places), inputs(batch=1, seed=73)) < OPENVINO_TOLERANCE


def test_it_has_the_size_that_was_planned(module):
    assert millions(module) == pytest.approx(19.5, rel=0.05)
