"""Losses of Stage B's heads against slow references; what is unknown has no part and no gradient."""

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from training.losses import guidance, sound, vision
from training.losses.contrastive import info_nce, likeness_within, retrieval, same_place
from training.losses.ctc import ctc
from training.losses.depth import FARTHEST_M, LOWEST_LOSS, depth, laplace
from training.losses.flow import flow
from training.losses.probability import one_of, yes_or_no
from training.losses.scene_graph import relations

NAN = float("nan")


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow_yes_or_no(p, t):
    own = sum(x * math.log(x) for x in (t, 1 - t) if x > 0)
    return own - t * math.log(p) - (1 - t) * math.log(1 - p)


def finite_gradient(loss, *leaves):
    loss.backward()
    return all(leaf.grad is not None and bool(leaf.grad.isfinite().all()) for leaf in leaves)


def test_yes_or_no_is_the_divergence_of_known_answers():
    p, wanted = draw(2, 3), torch.tensor([[0.0, 1.0, 0.3], [NAN, 0.8, NAN]], dtype=torch.float64)
    known = [(a, b) for a, b in zip(p.flatten().tolist(), wanted.flatten().tolist(), strict=True) if not math.isnan(b)]
    assert float(yes_or_no(p, wanted)) == pytest.approx(sum(slow_yes_or_no(*pair) for pair in known) / 4)
    assert float(yes_or_no(wanted[1, 1], wanted[1, 1])) == pytest.approx(0.0, abs=1e-9)


def test_one_of_is_the_divergence_of_known_choices_with_their_weights():
    p = draw(4, 3).softmax(dim=1)
    wanted = torch.tensor([[0, 1, 0], [0.5, 0.25, 0.25], [NAN] * 3, [0, 0, 1]], dtype=torch.float64)
    slow = 0.0
    for row in (0, 1, 3):
        divergence = sum(t * math.log(t / q) for t, q in zip(wanted[row].tolist(), p[row].tolist(), strict=True) if t)
        slow += divergence * sum(t * w for t, w in zip(wanted[row].tolist(), (1.0, 2.0, 4.0), strict=True))
    assert float(one_of(p, wanted, (1.0, 2.0, 4.0))) == pytest.approx(slow / 3)


def test_certain_and_wrong_is_still_a_finite_loss():
    p = torch.tensor([0.0, 1.0], requires_grad=True)
    loss = yes_or_no(p, torch.tensor([1.0, 0.0])) + one_of(torch.stack((p, 1 - p)), torch.tensor([[0.0, 1.0], [1, 0]]))
    assert loss.isfinite() and finite_gradient(loss, p)


def test_the_depth_loss_is_the_descriptions_formula_and_its_best_doubt_is_the_standard_deviation():
    d, sd = draw(5) * 10, draw(5, seed=1) + 0.2
    wanted = torch.tensor([3.0, NAN, 8.0, math.inf, 0.0], dtype=torch.float64)
    slow = 0.0
    for distance, doubt, truth in ((d[0], sd[0], 3.0), (d[2], sd[2], 8.0), (d[3], sd[3], FARTHEST_M)):
        u = math.log(float(doubt) / math.sqrt(2))
        slow += abs(float(distance) - truth) * math.exp(-u) + u
    assert float(laplace(d, sd, wanted)) == pytest.approx(slow / 3)
    errors = torch.tensor([1.0, -1.0, 3.0, -3.0])  # Laplace's scale is their mean size 2; its deviation is 2 sqrt(2)
    doubts = torch.linspace(0.5, 6.0, 5501)
    found = [float(laplace(errors, torch.full((4,), float(doubt)), torch.full((4,), 1e-9))) for doubt in doubts[::50]]
    assert float(doubts[::50][found.index(min(found))]) == pytest.approx(2 * math.sqrt(2), abs=0.06)
    assert float(laplace(torch.ones(1), torch.zeros(1), torch.ones(1))) == pytest.approx(LOWEST_LOSS)


def test_depth_is_compared_where_it_is_known_at_the_maps_places():
    truth = torch.full((1, 8, 8), NAN)
    truth[0, 6, 2], truth[0, 2, 6] = 4.0, 6.0  # middles of the lower left and the upper right of 2x2 cells
    truth[0, 5, 1] = 99.0  # not the middle of its cell
    found, sd = torch.full((1, 2, 2), 5.0, requires_grad=True), torch.full((1, 2, 2), math.sqrt(2.0))
    loss = depth(found, sd, truth)
    assert loss.item() == pytest.approx(1.0)
    loss.backward()
    assert found.grad[0].tolist() == [[0.0, -0.5], [0.5, 0.0]]


def test_flow_is_squared_error_in_pixels_at_224_and_a_tenth_of_the_roughness():
    found = draw(1, 2, 3, 3).requires_grad_()
    truth = torch.full((1, 2, 3, 3), NAN, dtype=torch.float64)
    truth[0, :, 1, 2] = torch.tensor([0.03, -0.01])  # pixels of a picture 3 wide
    error = sum((found[0, c, 1, 2].item() - v * 224 / 3) ** 2 for c, v in ((0, 0.03), (1, -0.01)))
    rough = 0.0
    for c, y, x in itertools.product(range(2), range(3), range(3)):
        rough += abs(found[0, c, y, x] - found[0, c, y, x + 1]).item() / 6 if x < 2 else 0.0
        rough += abs(found[0, c, y, x] - found[0, c, y + 1, x]).item() / 6 if y < 2 else 0.0
    loss = flow(found, truth)
    assert loss.item() == pytest.approx(error + 0.1 * rough)
    assert finite_gradient(loss, found)
    assert flow(found, torch.full((1, 2, 3, 3), NAN, dtype=torch.float64)).item() == 0.0


def test_maps_are_compared_by_quotient_above_their_unit():
    found, truth = draw(1, 2, 2) * 5, torch.tensor([[[1.0, NAN], [0.0, 20.0]]], dtype=torch.float64)
    for compare, unit in ((vision.contrast_map, 1.0), (vision.edges, 0.03)):
        slow = sum(abs(math.log((unit + f) / (unit + t))) for f, t in zip(
            found.flatten().tolist(), truth.flatten().tolist(), strict=True) if not math.isnan(t)) / 3
        assert float(compare(found, truth)) == pytest.approx(slow)


def test_confidence_of_glare_learns_whether_the_likeliest_level_is_right():
    risk = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.2, 0.6, 0.1, 0.1], [0.25] * 4], dtype=torch.float64)
    wanted = torch.tensor([[1, 0, 0, 0], [0, 0, 0, 1], [NAN] * 4], dtype=torch.float64)
    sure = torch.tensor([[0.9], [0.4], [0.5]], dtype=torch.float64)
    slow = (-math.log(0.7) - math.log(0.1)) / 2 + (-math.log(0.9) - math.log(1 - 0.4)) / 2
    assert float(vision.glare(risk, sure, wanted)) == pytest.approx(slow)


def test_what_is_not_heard_is_not_learned():
    heard = torch.tensor([[1.0], [0.0]])
    events = torch.tensor([[0.5, 0.5], [0.0, 0.0]], requires_grad=True)
    loss = sound.sound_events(events, torch.tensor([[1.0, NAN], [1.0, 1.0]]), heard)
    assert loss.item() == pytest.approx(math.log(2)) and finite_gradient(loss, events)
    assert events.grad[1].tolist() == [0.0, 0.0]
    assert float(sound.sound_direction(torch.tensor([[20.0], [0.0]]), torch.tensor([[80.0], [NAN]]), heard)
                 ) == pytest.approx(60 / 30 - 0.5)
    urgency = torch.tensor([[0.5, 0.3, 0.1, 0.1], [0, 0, 0, 0]])
    assert float(sound.sound_urgency(urgency, torch.eye(4)[[3, 3]], heard)) == pytest.approx(-3 * math.log(0.1))


def test_times_are_compared_by_quotient_and_thresholds_by_smooth_l1():
    found, wanted = torch.tensor([[3.0], [9.0]]), torch.tensor([[1.0], [NAN]])
    assert float(guidance.time_to_hazard(found, wanted)) == pytest.approx(math.log(4 / 2))
    shifts, truth = torch.tensor([[0.05, 0.5, 0.0, 0.3]]), torch.tensor([[0.0, 0.0, 0.0, NAN]])
    assert float(guidance.threshold_shifts(shifts, truth)) == pytest.approx((0.5 * 0.25 + (5.0 - 0.5)) / 3)


def test_relations_count_between_different_things_that_are_there():
    p, wanted = draw(1, 3, 3, 2), (draw(1, 3, 3, 2, seed=1) > 0.5).double()
    wanted[0, 0, 1, 1] = NAN
    valid = torch.tensor([[True, True, False]])
    known = [(0, 1, 0), (1, 0, 0), (1, 0, 1)]
    slow = sum(slow_yes_or_no(float(p[0][at]), float(wanted[0][at])) for at in known) / 3
    assert float(relations(p, wanted, valid)) == pytest.approx(slow)


# ---- sequences ---------------------------------------------------------------------------------------------------


def slow_ctc(logits, wanted):
    """Sum over every path of classes that collapses to ``wanted``."""
    shares = logits.softmax(dim=1).tolist()
    total = 0.0
    for path in itertools.product(range(logits.shape[1]), repeat=len(shares)):
        merged = [c for place, c in enumerate(path) if c and (place == 0 or path[place - 1] != c)]
        if merged == wanted:
            total += math.prod(shares[step][c] for step, c in enumerate(path))
    return -math.log(total)


def test_ctc_is_the_sum_over_all_alignments():
    logits = draw(4, 5, 4) * 3
    numbers = torch.tensor([[1, 2, 0], [3, 3, 1], [0, 0, 0], [-1, -1, -1]])
    slow = (slow_ctc(logits[0], [1, 2]) / 2 + slow_ctc(logits[1], [3, 3, 1]) / 3 + slow_ctc(logits[2], [])) / 3
    assert float(ctc(logits, numbers)) == pytest.approx(slow)


def test_ctc_without_anything_known_or_possible_is_nothing():
    logits = draw(1, 2, 3).requires_grad_()
    for numbers in ([[-1, -1]], [[1, 1]]):  # two equal ones need a step between them
        loss = ctc(logits, torch.tensor(numbers))
        assert loss.item() == 0.0 and finite_gradient(loss, logits)
    assert float(ctc(logits[:0], torch.zeros(0, 4, dtype=torch.int64))) == 0.0
    assert float(ctc(logits, torch.zeros(1, 0, dtype=torch.int64))) == pytest.approx(slow_ctc(logits[0].detach(), []))


# ---- vectors -----------------------------------------------------------------------------------------------------


def cosine(a, b):
    return float(a @ b / (a.norm() * b.norm()))


def test_info_nce_finds_the_other_view_both_ways():
    first, second = draw(4, 6) - 0.5, draw(4, 6, seed=1) - 0.5
    slow = 0.0
    for one, other in ((first, second), (second, first)):
        for i in range(4):
            likeness = [math.exp(cosine(one[i], other[j]) / 0.1) for j in range(4)]
            slow -= math.log(likeness[i] / sum(likeness)) / 8
    assert float(info_nce(first, second)) == pytest.approx(slow)


def test_pictures_of_one_place_attract_each_other():
    vectors, places = (draw(6, 5) - 0.5), [7, 7, 2, 7, 3, -1]
    slow, anchors = 0.0, 0
    for i in range(6):
        friends = [j for j in range(6) if j != i and places[j] == places[i] != -1]
        others = [j for j in range(6) if j != i and places[j] != -1]
        if friends:
            likeness = {j: math.exp(cosine(vectors[i], vectors[j]) / 0.1) for j in others}
            slow -= sum(math.log(likeness[j] / sum(likeness.values())) for j in friends) / len(friends)
            anchors += 1
    assert float(same_place(vectors, torch.tensor(places))) == pytest.approx(slow / anchors)


@pytest.mark.parametrize("places", [[-1, -1, -1], [1, 2, 3], [1, -1, -1], [5]])
def test_without_a_pair_there_is_nothing_to_attract(places):
    vectors = draw(len(places), 4).requires_grad_()
    loss = same_place(vectors, torch.tensor(places))
    assert loss.item() == 0.0 and finite_gradient(loss, vectors)


def test_concepts_of_a_picture_stay_apart():
    assert float(likeness_within(torch.eye(4)[None])) == 0.0
    same = torch.ones(2, 4, 8)
    assert float(likeness_within(same)) == pytest.approx(1.0)
    scene, concepts, places = draw(4, 6), draw(4, 3, 6, seed=2), torch.tensor([1, 1, 2, 2])
    slow = same_place(scene, places) + sum(same_place(concepts[:, k], places) for k in range(3)) / 3
    unit = F.normalize(concepts, dim=2)
    apart = sum(float(unit[b, i] @ unit[b, j]) ** 2 for b in range(4) for i in range(3) for j in range(3) if i != j)
    assert float(retrieval(scene, concepts, places)) == pytest.approx(float(slow) + apart / 4 / 6)
