"""Calibration against a slow reference; a temperature that was put in is found again."""

import numpy as np
import pytest

from maxsight_core.reliability import expected_calibration_error, reliability
from training.evaluate.calibration import best_temperature, cooled, cooled_score, figures


def slow_error(claimed, right, bins=15):
    total = 0.0
    for place in range(bins):
        low, high = place / bins, (place + 1) / bins
        inside = [i for i, c in enumerate(claimed) if low < c <= high or (place == 0 and c == 0)]
        if inside:
            mean = sum(claimed[i] for i in inside) / len(inside)
            share = sum(bool(right[i]) for i in inside) / len(inside)
            total += len(inside) / len(claimed) * abs(mean - share)
    return total


@pytest.mark.parametrize("seed", range(4))
def test_the_error_is_the_slow_reference(seed):
    rng = np.random.default_rng(seed)
    claimed = np.append(rng.random(300), [0.0, 1.0, 1 / 15, 0.5])
    right = rng.random(304) < claimed**2
    assert expected_calibration_error(claimed, right) == pytest.approx(slow_error(claimed, right), abs=1e-12)


def softmax_answers(seed, count, temperature, levels=4):
    """Answers drawn from their own probabilities, then claimed ``temperature`` times too surely."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (count, levels))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(levels, p=row) for row in honest])
    return cooled(honest, 1 / temperature), truth


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature):
    said, truth = softmax_answers(0, 4000, temperature)
    assert best_temperature(said, truth) == pytest.approx(temperature, rel=0.1)


def test_of_yes_or_no_answers_too():
    rng = np.random.default_rng(1)
    honest = rng.random(4000)
    right = rng.random(4000) < honest
    assert best_temperature(cooled_score(honest, 0.4), right) == pytest.approx(1 / 0.4, rel=0.1)


def test_scaling_mends_overconfidence_on_pictures_it_was_not_fitted_on():
    said, truth = softmax_answers(2, 3000, 4.0)
    found = figures(said, truth, np.arange(3000))
    assert found["ece"] > 0.15 and found["ece_held_out"] > 0.15 and found["ece_after"] < 0.05


def test_scaling_changes_no_answer():
    said, _ = softmax_answers(3, 200, 2.0)
    assert (cooled(said, 3.0).argmax(axis=1) == said.argmax(axis=1)).all()
    assert np.allclose(cooled(said, 1.0), said, atol=1e-6)


def test_a_temperature_is_the_root_that_is_taken():
    assert np.allclose(cooled(np.array([[0.8, 0.2]]), 2.0), [[2 / 3, 1 / 3]])  # sqrt(0.8) : sqrt(0.2) = 2 : 1
    assert cooled_score(np.array([0.8]), 2.0) == pytest.approx([2 / 3])


def test_a_bin_holds_its_upper_end():
    assert [one.count for one in reliability(np.array([0.25, 0.5, 0.51]), np.ones(3, bool), bins=2)] == [2, 1]


def test_few_answers_give_no_temperature_and_none_give_nothing():
    assert set(figures(np.array([0.9, 0.2]), np.array([True, False]), np.array([0, 1]))) == {"ece"}
    assert figures(np.zeros(0), np.zeros(0, bool), np.zeros(0, int)) == {}


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        reliability(np.array([1.2]), np.array([True]))
