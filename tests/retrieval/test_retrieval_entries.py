"""Entries: one spelling for each concept, and a table that reads the same in memory and from stored arrays."""

from __future__ import annotations

import numpy as np
import pytest

from maxsight_core.retrieval import RetrievalError, SceneEntry, concept_name
from maxsight_core.retrieval.entries import MAX_TEXT_LENGTH, EntryTable


def test_a_concept_has_one_spelling_and_is_kept_once():
    entry = SceneEntry("a", "Station", ("Sofa", "couch", " market   square ", "zebra crossing"))
    assert entry.concepts == ("couch", "crosswalk", "market square")
    assert concept_name("Pedestrian") == "person"


def test_a_line_holds_exactly_one_entry_whatever_its_texts_hold():
    entry = SceneEntry("a\nb", 'Café "Ü"\t{}', ("line\nbreak",), "x\u2028y")
    line = entry.to_line()
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert SceneEntry.from_line(line) == entry


@pytest.mark.parametrize(("fields", "message"), [
    (("", "t"), "id must be a text of 1"), (("a", "  "), "title must be"), ((3, "t"), "id must be a text"),
    (("a", "t", ("",)), "concept must be"), (("a", "t", "door"), r"Write \('door',\)"),
    (("a", "t", (), "x" * (MAX_TEXT_LENGTH + 1)), "source must be a text of 0 to 500"),
])
def test_texts_that_cannot_be_shown_are_refused(fields, message):
    with pytest.raises(RetrievalError, match=message):
        SceneEntry(*fields)


def test_a_table_of_several_blocks_reads_like_one():
    entries = [SceneEntry(f"s{i}", "t" * (i + 1), ("door",) * (i % 2)) for i in range(9)]
    table = EntryTable.of(entries[:2]).extended(EntryTable.of([])).extended(EntryTable.of(entries[2:]))
    assert [table[row] for row in range(9)] == entries == list(table)
    assert list(table.selected(np.array([1, 2, 8]))) == [entries[1], entries[2], entries[8]]
    assert list(EntryTable.from_arrays(*table.arrays())) == entries
    with pytest.raises(IndexError, match="row from 0 to 8; got 9"):
        table[9]


@pytest.mark.parametrize("offsets", [[0, 5], [0, 9, 4], [1, 4], [0, 0, 4], [0, 4, 2**63]])
def test_offsets_that_do_not_fit_the_lines_are_refused(offsets):
    with pytest.raises(RetrievalError, match="offsets that rise from 0 to 4"):
        EntryTable.from_arrays(np.zeros(4, np.uint8), np.asarray(offsets, np.uint64))


def test_a_line_that_is_no_entry_says_so():
    with pytest.raises(RetrievalError, match="expected a line of JSON with id, title"):
        SceneEntry.from_line(b'{"id": "a"}\n')
