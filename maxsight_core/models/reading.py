"""From logits to text and back: what the reading head and the scene description say, and the targets that teach them.

Connectionist temporal classification (Graves et al., ICML 2006): the surest class of every step, repetitions merged,
then blanks removed; class 0 is the blank. NumPy only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from maxsight_core.models.stage_b_contract import CHARACTERS, TEXT_STEPS, WORD_STEPS
from maxsight_core.models.words import CLAUSE_END, WORDS, spoken_words

BLANK = 0
_CHARACTER_NUMBERS = {character: number for number, character in enumerate(CHARACTERS, start=1)}
_WORD_NUMBERS = {word: number for number, word in enumerate(WORDS, start=1)}
_ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})
"""Printers' characters that a sign's reader would type with the plain key."""


def best_path(logits: np.ndarray) -> tuple[list[int], float]:
    """CTC's best path.

    Args:
        logits: [T, C], finite; class 0 is the blank.

    Returns:
        the classes without repetitions and blanks, and a confidence 0..1: the geometric mean of their probabilities
        (each at its surest step), 0 when there is none.

    Raises:
        ValueError: another shape, or numbers that are not finite.
    """
    array = np.asarray(logits, dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"best_path: expected logits of shape [steps, classes]; got {list(array.shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"best_path: expected finite logits; got {int((~np.isfinite(array)).sum())} that are not")
    shifted = array - array.max(axis=1, keepdims=True)
    highest = 1.0 / np.exp(shifted).sum(axis=1)  # [T], probability of the surest class
    found: list[int] = []
    sure: list[float] = []
    before = BLANK
    for number, probability in zip(array.argmax(axis=1).tolist(), highest.tolist(), strict=True):
        if number == BLANK:
            pass
        elif number == before:
            sure[-1] = max(sure[-1], probability)
        else:
            found.append(number)
            sure.append(probability)
        before = number
    return found, float(np.exp(np.log(sure).mean())) if sure else 0.0


def read_text(text_logits: np.ndarray) -> list[tuple[str, float]]:
    """What each region of one picture says: (text, confidence 0..1), "" and 0 where nothing is written.

    Args:
        text_logits: [R, T, characters + 1], one picture of the head's ``text_logits``.

    Raises:
        ValueError: another shape, or numbers that are not finite.
    """
    array = np.asarray(text_logits)
    if array.ndim != 3 or array.shape[2] != len(CHARACTERS) + 1:
        raise ValueError(f"read_text: expected logits of one picture, [regions, steps, {len(CHARACTERS) + 1}]; got "
                         f"{list(array.shape)}")
    result = []
    for numbers, confidence in map(best_path, array):
        text = "".join(CHARACTERS[number - 1] for number in numbers).strip()
        result.append((text, confidence if text else 0.0))
    return result


def read_words(word_logits: np.ndarray) -> tuple[str, float]:
    """The sentence of one picture and its confidence 0..1; ("", 0) when nothing is said.

    Args:
        word_logits: [T, words + 1], one picture of the head's ``word_logits``.

    Raises:
        ValueError: another shape, or numbers that are not finite.
    """
    array = np.asarray(word_logits)
    if array.ndim != 2 or array.shape[1] != len(WORDS) + 1:
        raise ValueError(f"read_words: expected logits of one picture, [steps, {len(WORDS) + 1}]; got "
                         f"{list(array.shape)}; were they made with another word list?")
    numbers, confidence = best_path(array)
    sentence = _sentence([WORDS[number - 1] for number in numbers])
    return sentence, confidence if sentence else 0.0


def _sentence(words: Sequence[str]) -> str:
    """Words with a capital at the beginning of every statement and a full stop at its end."""
    clauses: list[list[str]] = [[]]
    for word in words:
        if word == CLAUSE_END:
            clauses.append([])
        else:
            clauses[-1].append(word)
    said = [" ".join(clause) for clause in clauses if clause]
    return " ".join(f"{clause[0].upper()}{clause[1:]}." for clause in said)


def ctc_targets(text: str) -> np.ndarray:
    """[N] int64, the classes that spell ``text`` for a CTC loss; empty for an empty text.

    Typographic quotes, dashes and spaces count as the plain ones, accents as one character with their letter.

    Raises:
        ValueError: a character that the head cannot write, or a text that 32 steps cannot hold.
    """
    plain = unicodedata.normalize("NFC", text).translate(_ALIKE)
    unknown = [character for character in dict.fromkeys(plain) if character not in _CHARACTER_NUMBERS]
    if unknown:
        raise ValueError(f"ctc_targets: expected characters that the reading head can write; got "
                         f"{', '.join(f'{c!r} (U+{ord(c):04X})' for c in unknown)} in {text!r}")
    return _targets([_CHARACTER_NUMBERS[character] for character in plain], TEXT_STEPS, "ctc_targets", text)


def word_targets(sentence: str) -> np.ndarray:
    """[N] int64, the classes that say ``sentence`` (a description of the grammar, or a caption) for a CTC loss.

    Read text after a colon is left out, see :func:`maxsight_core.models.words.spoken_words`.

    Raises:
        ValueError: a word that the head does not know, or a sentence that 24 positions cannot hold.
    """
    words = spoken_words(sentence)
    unknown = [word for word in dict.fromkeys(words) if word not in _WORD_NUMBERS]
    if unknown:
        raise ValueError(f"word_targets: expected words of maxsight_core.models.words; got "
                         f"{', '.join(map(repr, unknown))} in {sentence!r}")
    return _targets([_WORD_NUMBERS[word] for word in words], WORD_STEPS, "word_targets", sentence)


def _targets(numbers: list[int], steps: int, name: str, said: str) -> np.ndarray:
    # CTC can only tell two equal neighbours apart with a blank between them, which takes a step too.
    needed = len(numbers) + sum(a == b for a, b in pairwise(numbers))
    if needed > steps:
        raise ValueError(f"{name}: expected at most {steps} steps, counting one between equal neighbours; got {needed} "
                         f"for {said!r}; make it shorter")
    return np.asarray(numbers, dtype=np.int64)
