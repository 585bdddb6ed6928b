"""The ConvLSTM is the description's formulas, place by place and frame by frame."""

import math

import pytest
import torch
from support.network_parts import entries_are_apart, without_gradient

from maxsight_core.models.temporal.conv_lstm import ConvLSTM, ConvLSTMCell


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def convolved(weight, bias, maps, channel, row, column):
    """One number of a 3x3 convolution with zero padding, from lists."""
    total = bias
    for source, plane in enumerate(maps):
        for dy in range(3):
            for dx in range(3):
                y, x = row + dy - 1, column + dx - 1
                if 0 <= y < len(plane) and 0 <= x < len(plane[0]):
                    total += weight[channel][source][dy][dx] * plane[y][x]
    return total


def slow_cell(cell, x, h, c):
    """One step for one entry in plain Python; x, h, c: lists [channel][row][column]."""
    into, own = cell.from_input.weight.tolist(), cell.from_hidden.weight.tolist()
    bias = cell.from_input.bias.tolist()
    hidden, rows, columns = len(h), len(h[0]), len(h[0][0])
    new_h = [[[0.0] * columns for _ in range(rows)] for _ in range(hidden)]
    new_c = [[[0.0] * columns for _ in range(rows)] for _ in range(hidden)]
    for k in range(hidden):
        for row in range(rows):
            for column in range(columns):
                i, f, o, g = (convolved(into, bias[gate * hidden + k], x, gate * hidden + k, row, column)
                              + convolved(own, 0.0, h, gate * hidden + k, row, column) for gate in range(4))
                cell_state = sigmoid(f) * c[k][row][column] + sigmoid(i) * math.tanh(g)
                new_c[k][row][column] = cell_state
                new_h[k][row][column] = sigmoid(o) * math.tanh(cell_state)
    return new_h, new_c


def zeros(hidden, rows, columns):
    return [[[0.0] * columns for _ in range(rows)] for _ in range(hidden)]


@torch.no_grad()
def test_equals_a_slow_reference_over_frames_and_layers():
    torch.manual_seed(80)
    lstm = ConvLSTM(3, (4, 2))
    frames = torch.randn(2, 3, 3, 4, 5)
    found = lstm(frames, torch.ones(2, 3))
    assert found.shape == (2, 3, 2, 4, 5)
    for entry in range(2):
        below = frames[entry].tolist()
        for cell in lstm.cells:
            h, c = zeros(cell.hidden, 4, 5), zeros(cell.hidden, 4, 5)
            states = []
            for x in below:
                h, c = slow_cell(cell, x, h, c)
                states.append(h)
            below = states
        assert torch.allclose(found[entry], torch.tensor(below), atol=1e-5)


@torch.no_grad()
def test_a_frame_that_is_not_valid_changes_nothing_and_is_stepped_over():
    torch.manual_seed(81)
    lstm = ConvLSTM(3, (4, 4))
    frames = torch.randn(1, 5, 3, 6, 6)
    valid = torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0]])
    found = lstm(frames, valid)
    assert not found[:, 0].any()
    assert torch.equal(found[:, 3], found[:, 2])
    other = frames.clone()
    other[:, [0, 3]] = float("nan")
    assert torch.equal(found, lstm(other, valid))
    only = lstm(frames[:, [1, 2, 4]], torch.ones(1, 3))
    assert torch.allclose(found[:, [1, 2, 4]], only, atol=1e-6)


@torch.no_grad()
def test_the_past_has_influence_and_the_future_has_none():
    torch.manual_seed(82)
    lstm = ConvLSTM(2, (4,))
    frames, valid = torch.randn(1, 4, 2, 5, 5), torch.ones(1, 4)
    found = lstm(frames, valid)
    later = frames.clone()
    later[:, 2] += 1.0
    moved = lstm(later, valid)
    assert torch.equal(moved[:, :2], found[:, :2])
    assert (moved[:, 2:] - found[:, 2:]).abs().amax(dim=(0, 2, 3, 4)).min() > 1e-4


def test_it_remembers_at_first():
    cell = ConvLSTMCell(2, 4)
    bias = cell.from_input.bias.detach()
    assert torch.equal(bias, torch.cat((torch.zeros(4), torch.ones(4), torch.zeros(8))))


@torch.no_grad()
def test_states_stay_inside_their_bounds_whatever_comes():
    lstm = ConvLSTM(2, (3,))
    found = lstm(torch.randn(1, 6, 2, 4, 4) * 1e4, torch.ones(1, 6))
    assert found.isfinite().all() and found.abs().max() <= 1.0


def test_gradients_reach_every_parameter_and_the_first_frame():
    lstm = ConvLSTM(2, (3, 3))
    frames = torch.randn(2, 4, 2, 5, 5, requires_grad=True)
    assert not without_gradient(lstm, (frames, torch.ones(2, 4)))
    assert frames.grad[:, 0].abs().max() > 0


def test_entries_of_a_batch_do_not_influence_one_another():
    assert entries_are_apart(ConvLSTM(2, (3,)), (torch.randn(3, 4, 2, 5, 5), torch.ones(3, 4)))


def test_impossible_plans_are_refused():
    with pytest.raises(ValueError, match="expected an odd kernel; got 4"):
        ConvLSTMCell(2, 3, kernel=4)
    with pytest.raises(ValueError, match="at least one layer"):
        ConvLSTM(2, ())
