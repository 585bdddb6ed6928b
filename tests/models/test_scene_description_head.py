"""The description's decoder: what it reads, what it must not read, and that it can learn to say a sentence."""

import pytest
import torch
import torch.nn.functional as F
from support.network_parts import OPENVINO_TOLERANCE, openvino_difference, without_gradient

from maxsight_core.models.heads.scene_description import SceneDescriptionHead
from maxsight_core.models.reading import read_words, word_targets
from maxsight_core.models.stage_b_contract import HEADS_BY_NAME, WORD_STEPS, shape_of

COUNTS = (9, 0)


def _inputs(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    valid = torch.stack([(torch.arange(16) < count).float() for count in COUNTS])
    return {
        "grid": torch.randn(2, 256, 14, 14, generator=generator),
        "node_embeddings": torch.randn(2, 16, 256, generator=generator) * valid[..., None], "box_valid": valid,
        "context": torch.randn(2, 768, generator=generator),
    }


@pytest.fixture(scope="module")
def head():
    torch.manual_seed(0)
    return SceneDescriptionHead().eval()


@pytest.fixture(scope="module")
def logits(head):
    with torch.inference_mode():
        return head(**_inputs())["word_logits"]


def _again(head, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return head(**inputs)["word_logits"]


def test_logits_have_the_shape_of_the_contract(head, logits):
    (tensor,) = HEADS_BY_NAME["scene_description"].gives
    assert set(head(**_inputs())) == {tensor.name}
    assert tuple(logits.shape) == (2, *shape_of(tensor, "T3"))
    assert bool(logits.isfinite().all())


def test_absent_nodes_take_no_part_of_the_attention(head):
    """Empty places change what the nodes' projection gives for nothing (its bias), so they must have no weight."""
    inputs = {name: value[1:] for name, value in _inputs().items()}  # a picture without any node
    before = _again(head, inputs)
    bias = head.nodes.bias.data.clone()
    head.nodes.bias.data += 1.0
    again = _again(head, inputs)
    head.nodes.bias.data.copy_(bias)
    assert torch.equal(again, before)


def test_absent_nodes_change_nothing_and_present_ones_in_another_order_neither(head, logits):
    inputs = _inputs()
    inputs["node_embeddings"][inputs["box_valid"] == 0] = 40.0
    assert torch.equal(_again(head, inputs), logits)
    inputs = _inputs()
    order = torch.tensor([8, 3, 1, 0, 2, 5, 4, 7, 6, 9, 10, 11, 12, 13, 14, 15])
    inputs["node_embeddings"] = inputs["node_embeddings"][:, order]
    torch.testing.assert_close(_again(head, inputs), logits, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["grid", "node_embeddings", "context"])
def test_every_input_moves_its_own_picture_and_no_other(head, logits, name):
    inputs = _inputs()
    inputs[name][0] = -inputs[name][0]
    again = _again(head, inputs)
    assert float((again[0] - logits[0]).abs().max()) > 1e-3
    assert torch.equal(again[1], logits[1])


def test_where_a_thing_is_in_the_grid_matters(head, logits):
    inputs = _inputs()
    inputs["grid"] = inputs["grid"].flip(3)
    assert float((_again(head, inputs) - logits).abs().max()) > 1e-4


def test_positions_differ_from_one_another_before_training(logits):
    assert float(logits.std(dim=1).mean()) > 0.1


def test_gradients_reach_every_parameter():
    assert without_gradient(SceneDescriptionHead(), tuple(_inputs().values())) == []


def test_openvino_gives_the_same_for_any_batch(head):
    inputs = tuple(_inputs().values())
    assert openvino_difference(head, inputs, tuple(value[:1] for value in inputs)) < OPENVINO_TOLERANCE


def test_half_precision_stays_finite_and_near(head, logits):
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        half = head(**_inputs())["word_logits"].float()
    assert bool(half.isfinite().all())
    assert float((half - logits).abs().mean()) < 0.05


def test_it_has_22_million_parameters_and_an_untrained_one_is_silent(head, logits):
    assert sum(p.numel() for p in head.parameters()) == pytest.approx(22e6, rel=0.05)
    assert [read_words(picture.numpy()) for picture in logits] == [("", 0.0)] * 2
    assert 0.2 < float(logits.softmax(dim=-1)[..., 0].mean()) < 0.8


def test_it_learns_to_say_a_sentence_for_each_of_two_pictures():
    torch.manual_seed(0)
    head, inputs = SceneDescriptionHead(), _inputs()
    said = ("Bicycle ahead 2 metres. Person left.", "Text right. Most open floor is ahead.")
    targets = [torch.tensor(word_targets(sentence)) for sentence in said]
    lengths = torch.tensor([len(target) for target in targets])
    optimiser = torch.optim.AdamW(head.parameters(), lr=5e-4)
    losses = []
    for _ in range(18):
        steps = head(**inputs)["word_logits"].log_softmax(dim=2).transpose(0, 1)  # [24, 2, words + 1]
        loss = F.ctc_loss(steps, torch.cat(targets), torch.tensor([WORD_STEPS] * 2), lengths)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    answers = [read_words(picture.numpy()) for picture in _again(head.eval(), inputs)]
    assert [sentence for sentence, _ in answers] == list(said)
    assert min(confidence for _, confidence in answers) > 0.7
