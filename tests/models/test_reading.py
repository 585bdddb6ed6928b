"""CTC: what logits say, against a slow reference, and targets that say which character or word is unknown."""

import itertools

import numpy as np
import pytest

from maxsight_core.models.reading import best_path, ctc_targets, read_text, read_words, word_targets
from maxsight_core.models.stage_b_contract import CHARACTERS, TEXT_STEPS, WORD_STEPS
from maxsight_core.models.words import WORDS


def _logits(numbers: list[int], classes: int, sure: float = 8.0) -> np.ndarray:
    logits = np.zeros((len(numbers), classes), np.float32)
    logits[np.arange(len(numbers)), numbers] = sure
    return logits


def _written(text: str) -> np.ndarray:
    """Logits that spell ``text``: every character twice, a blank between equal neighbours."""
    steps: list[int] = []
    for number in ctc_targets(text).tolist():
        steps += ([0] if steps and steps[-1] == number else []) + [number, number]
    return _logits([*steps, 0], len(CHARACTERS) + 1)


def test_the_best_path_equals_the_definition_on_random_logits():
    rng = np.random.default_rng(0)
    for _ in range(50):
        logits = rng.normal(size=(12, 4)) * 2
        path = [max(range(4), key=lambda c, row=row: row[c]) for row in logits]
        collapsed = [number for number, _ in itertools.groupby(path) if number != 0]
        runs = [(number, [step for step, _ in group]) for number, group in
                itertools.groupby(enumerate(path), key=lambda pair: pair[1])]
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        sure = [max(probabilities[step, number] for step in steps) for number, steps in runs if number != 0]
        numbers, confidence = best_path(logits)
        assert numbers == collapsed
        assert confidence == pytest.approx(np.prod(sure) ** (1 / len(sure)) if sure else 0.0)


def test_the_best_path_has_the_lowest_ctc_loss_when_logits_are_sure():
    torch = pytest.importorskip("torch")
    numbers = [1, 2, 2, 3]
    steps = torch.tensor(_logits([1, 1, 0, 2, 0, 2, 3, 0], 5)).log_softmax(dim=1)[:, None]
    loss = torch.nn.functional.ctc_loss(steps, torch.tensor([numbers]), torch.tensor([8]), torch.tensor([4]))
    assert best_path(steps[:, 0].numpy())[0] == numbers
    assert float(loss) < 0.01


def test_large_logits_do_not_overflow_and_blanks_say_nothing():
    assert best_path(np.array([[0.0, 1e5], [-1e5, 1e5]])) == ([1], 1.0)
    assert best_path(_logits([0, 0, 0], 5)) == ([], 0.0)


@pytest.mark.parametrize("text", ["EXIT 12", "Zoo", "Fußgängerzone", "10:30 € 2,50", "ll ll"])
def test_text_that_is_written_is_read_back(text):
    (read, confidence), = read_text(_written(text)[None])
    assert read == text
    assert 0.9 < confidence <= 1.0


def test_regions_are_read_apart_and_an_unsure_letter_costs_confidence():
    classes = len(CHARACTERS) + 1
    empty = _logits([0] * 12, classes)
    sure = np.concatenate((_written("EXIT"), empty))[:12]
    unsure = sure.copy()
    unsure[2:4] *= 0.4  # the X
    (first, high), (second, low), nothing = read_text(np.stack((sure, unsure, empty)))
    assert (first, second, nothing) == ("EXIT", "EXIT", ("", 0.0))
    assert low < 0.7 < high


def test_only_spaces_are_no_text():
    assert read_text(_logits([1, 0, 1], len(CHARACTERS) + 1)[None]) == [("", 0.0)]


def test_a_sentence_is_read_back_with_its_stops_and_capitals():
    numbers = word_targets("Bicycle, ahead, 2.5 metres. 2 people, left. Text right: EXIT.").tolist()
    sentence, confidence = read_words(_logits([*numbers, 0], len(WORDS) + 1, 20.0))
    assert sentence == "Bicycle ahead 2.5 metres. 2 people left. Text right."
    assert confidence > 0.99
    assert read_words(_logits([0] * 24, len(WORDS) + 1)) == ("", 0.0)
    assert read_words(_logits([1, 0, 1], len(WORDS) + 1)) == ("", 0.0)  # full stops alone


def test_targets_are_the_places_in_the_lists_after_the_blank():
    assert [CHARACTERS[number - 1] for number in ctc_targets("Gate 7")] == list("Gate 7")
    assert [WORDS[number - 1] for number in word_targets("Traffic light, 1 o'clock, near.")] == [
        "traffic", "light", "1", "o'clock", "near"]
    assert ctc_targets("").shape == word_targets("").shape == (0,)
    assert ctc_targets("A").dtype == word_targets("left").dtype == np.int64


def test_accents_in_two_parts_and_printers_quotes_are_understood():
    assert ctc_targets("Cafe\u0301 ’s – “x”").tolist() == ctc_targets("Café 's - \"x\"").tolist()


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ctc_targets("Ω 10 Ω"), r"'Ω' \(U\+03A9\) in 'Ω 10 Ω'"),
    (lambda: ctc_targets("a\nb"), r"U\+000A"),
    (lambda: ctc_targets("x" * (TEXT_STEPS // 2 + 1)), rf"at most {TEXT_STEPS} steps.*got 33"),
    (lambda: word_targets("A unicorn, ahead, 2 metres"), r"got 'unicorn' in 'A unicorn"),
    (lambda: word_targets("Car, 1000 metres"), r"'1000'"),
    (lambda: word_targets("left right " * (WORD_STEPS // 2) + "left"), rf"at most {WORD_STEPS} steps.*got 25"),
    (lambda: read_text(np.zeros((4, 130))), r"\[regions, steps, 130\]; got \[4, 130\]"),
    (lambda: read_text(np.zeros((4, 32, 12))), r"got \[4, 32, 12\]"),
    (lambda: read_words(np.zeros((24, 12))), r"got \[24, 12\]; were they made with another word list"),
    (lambda: best_path(np.full((3, 4), np.nan)), r"finite logits; got 12"),
    (lambda: best_path(np.zeros(4)), r"\[steps, classes\]; got \[4\]"),
])
def test_what_cannot_be_said_or_read_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_as_many_steps_as_there_are_can_be_filled():
    assert len(ctc_targets("ab" * (TEXT_STEPS // 2))) == TEXT_STEPS
