"""The words of the scene description: place in :data:`WORDS` plus one is the word's number, 0 is CTC's blank. No torch.

They are what the sentences of ``maxsight_core.perception.description`` are made of, so that a learned description can
say whatever a measured one can, and function words for richer captions. The order is fixed: the grammar's words, the
numbers, then the classes' words in the order of the taxonomy's ids, so that new words of new classes come last.
:data:`WORDS_DIGEST` tells whether a checkpoint was trained with these words in this order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from maxsight_core import taxonomy
from maxsight_core.perception.description import plural

CLAUSE_END = "."
"""A word of its own: where one statement ends and the voice pauses."""
_GRAMMAR = (
    "a an the and with of to in on at by from is are there it no not nothing something thing things perhaps "
    "ahead left right centre behind above below near nearer far close middle distance within reach arm's length "
    "o'clock metre metres feet away towards beside between under over inside outside through along "
    "moving standing sitting walking riding wearing carrying coming approaching waiting crossing "
    "open closed free blocked empty crowded clear dark dim bright strong very light glare picture recognised text "
    "detail here floor most mostly more seen unknown way side path indoors outdoors several many few people person "
    "red orange yellow green turquoise blue purple pink brown black white grey beige"
)
_HALVES = ("0.5", "1.5", "2.5", "3.5", "4.5")
"""Distances up to 5 m are said in steps of half a metre."""
HIGHEST_NUMBER = 100
"""Of counts (the detector keeps 100 things) and of metres (the range of Stage B's distances)."""
HIGHEST_FEET, FEET_STEP = 330, 5
"""100 m, and the step in which large distances are said in feet."""
_NAMED_BY_RELATIONS = frozenset({"ride", "sit", "wear", "carry", "hold"})
"""Affordances of the classes that statements such as "person riding motorcycle" call by their class name."""
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_CLAUSE_SPLIT = re.compile(r"\.(?:\s+|$)")


def spoken_words(sentence: str) -> list[str]:
    """The words of a description in lower case, without commas; :data:`CLAUSE_END` between statements.

    What was read on a sign follows a colon in the grammar and is no word of the description: "Text ahead: EXIT." gives
    ``["text", "ahead"]``.
    """
    found: list[str] = []
    for clause in _CLAUSE_SPLIT.split(sentence):
        words = _TOKEN.findall(clause.partition(":")[0].lower().replace("’", "'"))
        found += [CLAUSE_END, *words] if found and words else words
    return found


def _of_classes() -> Iterator[str]:
    for entry in taxonomy.CLASSES:
        yield from spoken_words(entry.spoken)
        yield from spoken_words(plural(entry.spoken))
        if _NAMED_BY_RELATIONS & set(entry.affordances):
            yield from spoken_words(entry.name)


def _words() -> tuple[str, ...]:
    numbers = sorted({*range(1, HIGHEST_NUMBER + 1), *range(FEET_STEP, HIGHEST_FEET + 1, FEET_STEP)})
    return tuple(dict.fromkeys((CLAUSE_END, *_GRAMMAR.split(), *_HALVES, *map(str, numbers), *_of_classes())))


WORDS: tuple[str, ...] = _words()
WORDS_DIGEST: str = hashlib.sha256("\n".join(WORDS).encode()).hexdigest()
"""SHA-256 of the words in their order, for a checkpoint's manifest."""
