"""What an index knows about each vector besides its numbers: id, title, concepts, source.

A million Python objects would take longer to make than the search index itself, so entries are kept as lines of JSON
with their offsets and become objects when they are read. The lines are the same in memory and on disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.retrieval.errors import RetrievalError

MAX_TEXT_LENGTH = 500
"""Characters of an id, a title, a source or a concept: a sentence; more is a mistake in what feeds the index."""


@dataclass(frozen=True, slots=True)
class SceneEntry:
    """One remembered scene.

    Args:
        id: unique within an index. title: what is shown to people. source: where the picture came from.
        concepts: what is in it, as taxonomy names or free labels; kept sorted, each once, aliases resolved.

    Raises:
        RetrievalError: an empty or overlong text, or something that is no text.
    """

    id: str
    title: str
    concepts: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        for name, least in (("id", 1), ("title", 1), ("source", 0)):
            _require_text(f"entry: {name}", getattr(self, name), least)
        if isinstance(self.concepts, str):
            raise RetrievalError(f"entry {self.id!r}: concepts must be a tuple of names; got the text "
                                 f"{self.concepts!r}. Write ({self.concepts!r},)")
        object.__setattr__(self, "concepts", tuple(sorted({concept_name(c) for c in self.concepts})))

    def to_line(self) -> bytes:
        body = {"id": self.id, "title": self.title, "concepts": self.concepts, "source": self.source}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> SceneEntry:
        """The entry that ``to_line`` gave; RetrievalError when the line is something else."""
        try:
            body = json.loads(line)
            return cls(body["id"], body["title"], tuple(body["concepts"]), body["source"])
        except (ValueError, KeyError, TypeError) as error:
            raise RetrievalError(f"entry: expected a line of JSON with id, title, concepts and source; got "
                                 f"{line[:80]!r} ({error}). Build the index again") from None


def concept_name(label: str) -> str:
    """One spelling for a concept: the taxonomy's name where it has one, else the label in lower case.

    Raises:
        RetrievalError: an empty or overlong label.
    """
    _require_text("concept", label, 1)
    tidy = " ".join(label.lower().split())
    return taxonomy.ALIASES.get(tidy, tidy)  # not by_name: for an unknown name it looks for near ones, which is slow


def _require_text(name: str, text: object, least: int) -> None:
    if not isinstance(text, str) or not least <= len(text.strip()) or len(text) > MAX_TEXT_LENGTH:
        shown = repr(text)[:80]
        raise RetrievalError(f"{name} must be a text of {least} to {MAX_TEXT_LENGTH} characters; got {shown}")


@dataclass(frozen=True, slots=True)
class _Block:
    """``lines``: bytes or a read-only map of a file. ``offsets``: [n + 1] uint64, where each line begins and ends."""

    lines: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def entry(self, row: int) -> SceneEntry:
        return SceneEntry.from_line(self.lines[int(self.offsets[row]): int(self.offsets[row + 1])].tobytes())


class EntryTable:
    """Entries by row. Immutable: adding or selecting gives another table that shares the lines it can share."""

    def __init__(self, blocks: tuple[_Block, ...] = ()) -> None:
        self._blocks = tuple(block for block in blocks if len(block))
        self._starts = np.cumsum([0, *(len(block) for block in self._blocks)])

    @classmethod
    def of(cls, entries: Iterable[SceneEntry]) -> EntryTable:
        """A table of these entries, in their order."""
        lines = bytearray()
        offsets = [0]
        for entry in entries:
            if not isinstance(entry, SceneEntry):
                raise RetrievalError(f"entries: expected SceneEntry objects; got {type(entry).__name__}")
            lines += entry.to_line()
            offsets.append(len(lines))
        return cls((_Block(np.frombuffer(bytes(lines), np.uint8), np.asarray(offsets, np.uint64)),))

    @classmethod
    def from_arrays(cls, lines: np.ndarray, offsets: np.ndarray) -> EntryTable:
        """A table over stored arrays.

        Args:
            lines: [bytes] uint8. offsets: [n + 1] uint64, rising from 0 to the length of ``lines``.

        Raises:
            RetrievalError: the offsets do not fit the lines.
        """
        steps = np.diff(offsets.astype(np.int64))
        if len(offsets) < 1 or offsets[0] != 0 or int(offsets[-1]) != len(lines) or (steps <= 0).any():
            raise RetrievalError(f"entries: expected offsets that rise from 0 to {len(lines)}; got "
                                 f"{offsets[:3].tolist()} ... {offsets[-1:].tolist()}. Build the index again")
        return cls((_Block(lines, offsets),))

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, row: int) -> SceneEntry:
        if not 0 <= row < len(self):
            raise IndexError(f"entries: expected a row from 0 to {len(self) - 1}; got {row}")
        block = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._blocks[block].entry(row - int(self._starts[block]))

    def __iter__(self) -> Iterator[SceneEntry]:
        for block in self._blocks:
            for row in range(len(block)):
                yield block.entry(row)

    def extended(self, more: EntryTable) -> EntryTable:
        """This table followed by ``more``."""
        return EntryTable((*self._blocks, *more._blocks))

    def selected(self, rows: np.ndarray) -> EntryTable:
        """The entries of ``rows`` (ascending), as one block."""
        lines, offsets = self.arrays()
        wanted = np.zeros(len(self), bool)
        wanted[rows] = True
        sizes = np.diff(offsets.astype(np.int64))
        kept = np.asarray(lines)[np.repeat(wanted, sizes)]
        return EntryTable((_Block(kept, np.concatenate(([0], np.cumsum(sizes[wanted]))).astype(np.uint64)),))

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """``lines`` [bytes] uint8 and ``offsets`` [n + 1] uint64 of the whole table."""
        if len(self._blocks) == 1:
            return self._blocks[0].lines, self._blocks[0].offsets
        if not self._blocks:
            return np.empty(0, np.uint8), np.zeros(1, np.uint64)
        lines = np.concatenate([block.lines for block in self._blocks])
        sizes = np.concatenate([np.diff(block.offsets) for block in self._blocks])
        return lines, np.concatenate(([0], np.cumsum(sizes))).astype(np.uint64)
