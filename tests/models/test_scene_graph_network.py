"""The scene graph's network: masks, equivariance, the meaning of its relations, and that it can learn them."""

import numpy as np
import pytest
import torch
from support.network_parts import OPENVINO_TOLERANCE, openvino_difference, without_gradient
from support.networks import spread

from maxsight_core.models.layers.masked_attention import absence_bias
from maxsight_core.models.scene_graph import NodeUpdate, SceneGraphEncoder, pair_geometry
from maxsight_core.models.stage_b_contract import HEADS_BY_NAME, SEMANTIC_RELATIONS, SPATIAL_RELATIONS, shape_of

GIVES = tuple(tensor.name for tensor in HEADS_BY_NAME["scene_graph"].gives)
COUNTS = (11, 16, 0)
"""Valid boxes of the three pictures of the batch."""


def _inputs(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    sides = 0.05 + 0.4 * torch.rand(3, 16, 2, generator=generator)
    centres = sides / 2 + (1 - sides) * torch.rand(3, 16, 2, generator=generator)
    valid = torch.stack([(torch.arange(16) < count).float() for count in COUNTS])
    boxes = torch.cat((centres, sides), dim=2) * valid[..., None]
    features = torch.randn(3, 16, 256, generator=generator) * valid[..., None]
    return {"box_features": features, "boxes": boxes, "box_valid": valid}


def _lively(mps_stable: bool = False) -> SceneGraphEncoder:
    torch.manual_seed(0)
    model = SceneGraphEncoder(mps_stable)
    spread(model.spatial.out, 0.5, 0.0)
    spread(model.semantic.out, 0.5, 0.0)
    return model.eval()


@pytest.fixture(scope="module")
def network():
    return _lively()


@pytest.fixture(scope="module")
def found(network):
    with torch.inference_mode():
        return network(**_inputs())


def test_outputs_have_the_shapes_and_ranges_of_the_contract(found):
    for tensor in HEADS_BY_NAME["scene_graph"].gives:
        value = found[tensor.name]
        assert tuple(value.shape) == (3, *shape_of(tensor, "T3"))
        assert bool(value.isfinite().all())
        if tensor.low is not None:
            assert tensor.low <= float(value.min()) < float(value.max()) <= tensor.high
    assert set(found) == set(GIVES)


def test_absent_boxes_and_pairs_of_a_thing_with_itself_are_zero(found):
    for picture, count in enumerate(COUNTS):
        assert not found["node_embeddings"][picture, count:].any()
        for name in GIVES[1:]:
            pairs = found[name][picture]
            assert not pairs[count:].any()
            assert not pairs[:, count:].any()
            assert not pairs[torch.arange(16), torch.arange(16)].any()
            assert bool(pairs.any()) == (count > 1)


def test_what_stands_in_absent_boxes_changes_nothing(network, found):
    inputs = _inputs()
    absent = inputs["box_valid"] == 0
    inputs["box_features"][absent] = 50.0
    inputs["boxes"][absent] = 0.4
    with torch.inference_mode():
        again = network(**inputs)
    for name in GIVES:
        assert torch.equal(again[name], found[name]), name


def test_absent_things_take_no_part_of_the_attention():
    """Eleven things tell one another the same, whether or not five empty places follow."""
    generator = torch.Generator().manual_seed(2)
    update = NodeUpdate().eval()
    nodes, edges = torch.randn(1, 16, 256, generator=generator), torch.randn(1, 16, 16, 64, generator=generator)
    valid = (torch.arange(16) < 11).float()[None]
    with torch.inference_mode():
        padded = update(nodes, edges, absence_bias(valid))[:, :11]
        alone = update(nodes[:, :11], edges[:, :11, :11], absence_bias(valid[:, :11]))
    torch.testing.assert_close(padded, alone, atol=1e-5, rtol=1e-4)


def test_another_order_of_the_boxes_gives_the_same_graph_in_that_order(network, found):
    order = torch.tensor([4, 2, 9, 0, 1, 10, 3, 5, 8, 6, 7, 11, 12, 13, 14, 15])
    with torch.inference_mode():
        again = network(**{name: value[:, order] for name, value in _inputs().items()})
    torch.testing.assert_close(again["node_embeddings"], found["node_embeddings"][:, order], atol=1e-5, rtol=1e-4)
    for name in GIVES[1:]:
        torch.testing.assert_close(again[name], found[name][:, order][:, :, order], atol=1e-5, rtol=1e-4)


def test_pictures_of_a_batch_do_not_influence_each_other(network, found):
    with torch.inference_mode():
        alone = network(**{name: value[:1] for name, value in _inputs().items()})
    for name in GIVES:
        torch.testing.assert_close(alone[name], found[name][:1], atol=1e-5, rtol=1e-4, msg=name)


def test_a_relation_and_its_inverse_have_one_probability(found):
    spatial = found["spatial_relations"]
    place = {name: index for index, name in enumerate(SPATIAL_RELATIONS)}
    for name, inverse in (("left_of", "right_of"), ("above", "below"), ("behind", "in_front_of"), ("near", "near"),
                          ("overlaps", "overlaps")):
        torch.testing.assert_close(spatial[..., place[name]], spatial[..., place[inverse]].transpose(1, 2))
    inside = spatial[1, :, :, place["inside"]]
    assert float((inside - inside.T).abs().max()) > 0.01


def test_nodes_know_of_their_neighbours_and_edges_of_third_things(network, found):
    inputs = _inputs()
    inputs["box_features"][1, 15] += 1.0
    with torch.inference_mode():
        again = network(**inputs)
    assert float((again["node_embeddings"][1, 0] - found["node_embeddings"][1, 0]).abs().max()) > 1e-3
    assert float((again["edge_embeddings"][1, 0, 1] - found["edge_embeddings"][1, 0, 1]).abs().max()) > 1e-3
    assert torch.equal(again["node_embeddings"][0], found["node_embeddings"][0])


def test_pair_geometry_equals_the_definitions_written_out():
    boxes = torch.tensor([[[0.3, 0.4, 0.2, 0.4], [0.35, 0.5, 0.1, 0.2], [0.9, 0.5, 0.1, 0.1]]])
    features = pair_geometry(boxes)[0]
    ratio = np.log(0.5)
    expected = [0.05 / 0.15, 0.1 / 0.3, 0.05, 0.1, ratio, ratio, -0.1 / 0.15, -0.2 / 0.3, 0.2, 0.0,
                0.02 / 0.08, 1.0, 0.02 / 0.08, 0.06]
    np.testing.assert_allclose(features[0, 1], expected, atol=1e-5)
    assert float(features[0, 2, 6]) == pytest.approx(0.45 / 0.15)  # a gap is positive
    assert float(features[0, 2, 10:13].abs().max()) == 0.0
    far_apart = pair_geometry(torch.tensor([[[0.1, 0, 0, 0], [1.0, 1, 0.01, 0.01]]]))
    assert float(far_apart.abs().max()) == 8.0


def test_gradients_reach_every_parameter():
    assert without_gradient(SceneGraphEncoder(), tuple(_inputs().values())) == []


def _reached(network: SceneGraphEncoder, output: str) -> set[str]:
    network.zero_grad(set_to_none=True)
    network(**_inputs())[output].square().sum().backward()
    return {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and bool(p.grad.any())}


def test_mps_stable_gives_the_same_numbers_and_passes_messages_without_gradients_of_the_edges(network, found):
    stable = _lively(mps_stable=True)
    with torch.inference_mode():
        again = stable(**_inputs())
    assert all(torch.equal(again[name], found[name]) for name in GIVES)
    edges = {"geometry", "edge_updates"}
    assert edges <= _reached(network, "node_embeddings")
    assert not edges & _reached(stable, "node_embeddings")
    assert "geometry" not in _reached(stable, "spatial_relations")  # the description: edge features are not learned
    assert {"spatial", "edge_updates", "node_updates"} <= _reached(stable, "spatial_relations")


def test_no_step_forward_or_back_uses_index_add():
    network = SceneGraphEncoder(mps_stable=True)
    with torch.profiler.profile() as profile:
        sum(value.sum() for value in network(**_inputs()).values()).backward()
    used = {event.key for event in profile.key_averages()}
    assert "aten::sigmoid" in used
    assert not [name for name in used if any(word in name for word in ("index_add", "scatter", "index_put"))]


def test_openvino_gives_the_same_for_any_batch(network):
    inputs = tuple(_inputs().values())
    example = tuple(value[:1] for value in inputs)
    assert openvino_difference(network, inputs, example) < OPENVINO_TOLERANCE


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_finite_and_near(network, found, dtype):
    with torch.inference_mode(), torch.autocast("cpu", dtype=dtype):
        half = network(**_inputs())
    for name in GIVES:
        assert bool(half[name].isfinite().all())
        assert float((half[name].float() - found[name]).abs().mean()) < 0.05
    assert float(half["spatial_relations"].max()) <= 1.0


def test_it_has_3_2_million_parameters_and_an_untrained_one_states_nothing():
    torch.manual_seed(3)
    network = SceneGraphEncoder()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(3.2e6, rel=0.05)
    with torch.inference_mode():
        found = network(**_inputs())
    assert 0.02 < float(found["spatial_relations"][1].mean()) < 0.2
    assert SceneGraphEncoder.extract_relations(found, _inputs()["box_valid"]) == [[], [], []]


def test_it_learns_the_relations_of_a_picture_and_extracts_them_again():
    torch.manual_seed(0)
    network = SceneGraphEncoder()
    inputs = {name: value[:1] for name, value in _inputs().items()}
    centres = inputs["boxes"][0, :, 0]
    left = (centres[:, None] < centres[None] - 0.1).float()
    wanted = torch.zeros(16, 16, len(SPATIAL_RELATIONS))
    wanted[..., SPATIAL_RELATIONS.index("left_of")] = left
    wanted[..., SPATIAL_RELATIONS.index("right_of")] = left.T
    rides = torch.zeros(16, 16, len(SEMANTIC_RELATIONS))
    rides[3, 5, SEMANTIC_RELATIONS.index("rides")] = 1.0
    pairs = inputs["box_valid"][0, :, None] * inputs["box_valid"][0] * (1 - torch.eye(16))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(60):
        found = network(**inputs)
        loss = sum(torch.nn.functional.binary_cross_entropy(found[name][0], target * pairs[..., None], reduction="sum")
                   for name, target in (("spatial_relations", wanted), ("semantic_relations", rides)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    with torch.inference_mode():
        stated = SceneGraphEncoder.extract_relations(network(**inputs), inputs["box_valid"])[0]
    expected = {(i, "left_of", j) for i in range(11) for j in range(11) if left[i, j]}
    expected |= {(j, "right_of", i) for i, _, j in expected} | {(3, "rides", 5)}
    assert {(row["subject"], row["relation"], row["object"]) for row in stated} == expected
