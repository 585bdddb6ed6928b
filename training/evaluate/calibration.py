"""Is a probability what it says? Expected calibration error, and the temperature that mends it.

Guo et al., "On Calibration of Modern Neural Networks", 2017: one temperature T divides all logits and is found by the
negative log-likelihood. A temperature is fitted on one half of the pictures and judged on the other.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from maxsight_core.reliability import expected_calibration_error

LEAST_SAMPLES = 20
"""Fewer on either half say nothing about a temperature."""
LOG_TEMPERATURE = (-3.0, 3.0)
"""Temperatures from 0.05 to 20."""
_SMALLEST = 1e-7


def cooled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """[n, k] softmax probabilities at another temperature; T above 1 makes them less sure."""
    logits = np.log(np.clip(probabilities, _SMALLEST, 1.0)) / temperature  # softmax forgets an added constant
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cooled_score(scores: np.ndarray, temperature: float) -> np.ndarray:
    """[n] scores of a yes-or-no answer at another temperature: sigmoid(logit / T)."""
    return cooled(_two_sided(scores), temperature)[:, 1]


def best_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature of the least negative log-likelihood.

    Args:
        probabilities: [n, k] softmax; or [n] scores of a yes-or-no answer. truth: [n] the right column; or whether.

    Raises:
        ValueError: nothing to fit on.
    """
    table = _two_sided(probabilities) if probabilities.ndim == 1 else probabilities
    if not len(table):
        raise ValueError("best_temperature: expected at least one answer; got none")
    rows, columns = np.arange(len(table)), np.asarray(truth, np.int64)

    def loss(log_temperature: float) -> float:
        likely = cooled(table, float(np.exp(log_temperature)))[rows, columns]
        return float(-np.log(np.clip(likely, _SMALLEST, 1.0)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_TEMPERATURE, method="bounded").x))


def figures(probabilities: np.ndarray, truth: np.ndarray, picture: np.ndarray) -> dict[str, float]:
    """Calibration of one head's answers.

    Args:
        probabilities, truth: as of :func:`best_temperature`. picture: [n] number of each answer's picture; answers
            about even pictures are fitted on, those about odd ones judge.

    Returns:
        ``ece`` as it is, over everything; and where there are enough answers ``temperature``, and over the judging half
        ``ece_held_out`` without and ``ece_after`` with it. Empty without answers.
    """
    if not len(truth):
        return {}
    claimed, right = _claims(probabilities, truth)
    result = {"ece": expected_calibration_error(claimed, right)}
    fitted, judged = picture % 2 == 0, picture % 2 == 1
    if min(fitted.sum(), judged.sum()) < LEAST_SAMPLES:
        return result
    temperature = best_temperature(probabilities[fitted], truth[fitted])
    change = cooled_score if probabilities.ndim == 1 else cooled
    after = _claims(change(probabilities[judged], temperature), truth[judged])
    return result | {"temperature": temperature, "ece_after": expected_calibration_error(*after),
                     "ece_held_out": expected_calibration_error(claimed[judged], right[judged])}


def _claims(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each answer the probability it claims for itself, and whether it was right."""
    if probabilities.ndim == 1:
        return probabilities, np.asarray(truth, bool)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == truth


def _two_sided(scores: np.ndarray) -> np.ndarray:
    """[n] probability of yes -> [n, 2] of no and yes."""
    return np.stack((1.0 - scores, scores), axis=1)
