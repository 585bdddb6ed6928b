"""The transformer layers equal torch's own with the same weights; absent entries have no weight at all."""

import pytest
import torch
from torch import nn

from maxsight_core.models.layers.blank_first import BlankFirstClassifier
from maxsight_core.models.layers.masked_attention import (
    DecoderLayer,
    MaskedAttention,
    SelfAttentionLayer,
    absence_bias,
)

WIDTH, HEADS = 32, 4


def _copy_attention(ours: MaskedAttention, theirs: nn.MultiheadAttention) -> None:
    theirs.in_proj_weight.data = torch.cat((ours.query.weight, ours.key_value.weight)).detach().clone()
    theirs.in_proj_bias.data = torch.cat((ours.query.bias, ours.key_value.bias)).detach().clone()
    theirs.out_proj.load_state_dict(ours.out.state_dict())


def _copy_feed(ours, theirs) -> None:
    theirs.linear1.load_state_dict(ours.feed[0].state_dict())
    theirs.linear2.load_state_dict(ours.feed[2].state_dict())


def _vary(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():  # norms start as the identity, which would hide a swapped one
        parameter.data += 0.1 * torch.randn_like(parameter)
    return layer


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_attention_equals_torchs():
    ours, theirs = _vary(MaskedAttention(WIDTH, HEADS)), nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    _copy_attention(ours, theirs)
    queries, memory, valid = torch.randn(2, 5, WIDTH), torch.randn(2, 7, WIDTH), torch.ones(2, 7)
    valid[0, 4:] = 0
    expected, _ = theirs(queries, memory, memory, key_padding_mask=valid == 0)
    torch.testing.assert_close(ours(queries, memory, absence_bias(valid)), expected, atol=1e-5, rtol=1e-4)
    memory[0, 4:] = 40.0
    torch.testing.assert_close(ours(queries, memory, absence_bias(valid)), expected, atol=1e-5, rtol=1e-4)


def test_the_encoder_layer_equals_torchs():
    ours = _vary(SelfAttentionLayer(WIDTH, HEADS))
    theirs = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
    _copy_attention(ours.attention, theirs.self_attn)
    _copy_feed(ours, theirs)
    theirs.norm1.load_state_dict(ours.norm.state_dict())
    theirs.norm2.load_state_dict(ours.feed_norm.state_dict())
    tokens = torch.randn(2, 6, WIDTH)
    torch.testing.assert_close(ours(tokens), theirs(tokens), atol=1e-5, rtol=1e-4)


def test_the_decoder_layer_equals_torchs():
    ours = _vary(DecoderLayer(WIDTH, HEADS))
    theirs = nn.TransformerDecoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
    _copy_attention(ours.self_attention, theirs.self_attn)
    _copy_attention(ours.cross_attention, theirs.multihead_attn)
    _copy_feed(ours, theirs)
    norms = ((ours.self_norm, theirs.norm1), (ours.cross_norm, theirs.norm2), (ours.feed_norm, theirs.norm3))
    for mine, other in norms:
        other.load_state_dict(mine.state_dict())
    queries, memory, valid = torch.randn(2, 5, WIDTH), torch.randn(2, 7, WIDTH), torch.ones(2, 7)
    valid[1, :3] = 0
    expected = theirs(queries, memory, memory_key_padding_mask=valid == 0)
    torch.testing.assert_close(ours(queries, memory, absence_bias(valid)), expected, atol=1e-5, rtol=1e-4)


def test_without_any_present_entry_nothing_is_nan():
    attention = MaskedAttention(WIDTH, HEADS)
    assert bool(attention(torch.randn(1, 2, WIDTH), torch.zeros(1, 3, WIDTH), absence_bias(torch.zeros(1, 3)))
                .isfinite().all())


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="divide the width 32; got 5"):
        MaskedAttention(32, 5)


def test_a_new_ctc_classifier_says_nothing_half_of_the_time():
    layer = BlankFirstClassifier(16, 130)
    probabilities = layer(torch.zeros(1, 16)).softmax(dim=1)[0]
    assert float(probabilities[0]) == pytest.approx(0.5)
    assert float(probabilities[1:].std()) == pytest.approx(0.0, abs=1e-6)
