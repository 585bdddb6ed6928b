"""Concepts and scenes looked up: prototypes are means seen from the mean scene, and chance is not shown."""

from __future__ import annotations

import numpy as np
import pytest

from maxsight_core.retrieval import ConceptTable, RetrievalError, SceneEntry, SceneIndex, SceneLookup


@pytest.fixture(scope="module")
def kitchens_and_streets():
    """Two kinds of scene, 40 of each, far apart from one another, with ambience in all of them."""
    rng = np.random.default_rng(0)
    middle, kitchen, street = rng.standard_normal((3, 256))
    offsets = np.where(np.arange(80)[:, None] < 40, kitchen, street)
    vectors = 3 * middle + offsets + 0.3 * rng.standard_normal((80, 256))
    entries = [
        SceneEntry(f"s{row}", f"{'kitchen' if row < 40 else 'street'} {row}",
                   ("ambience", "car" if row >= 40 else "stove", *(["cat"] if row == 0 else [])),
                   f"{'flat' if row < 40 else 'walk'} {row // 10}")
        for row in range(80)
    ]
    return SceneIndex.build(vectors, entries), vectors


def test_prototypes_are_the_means_of_their_scenes_seen_from_the_mean_scene(kitchens_and_streets):
    index, _ = kitchens_and_streets
    table = ConceptTable.of(index)
    stored = index.contents()[0].gather(np.arange(80)).astype(np.float64)
    for name, rows in (("stove", range(40)), ("car", range(40, 80)), ("cat", [0])):
        offset = stored[list(rows)].mean(axis=0) - stored.mean(axis=0)
        assert table.prototype(name) == pytest.approx(offset / np.linalg.norm(offset), abs=1e-5)
    assert table.names == ("ambience", "car", "cat", "stove") and table.counts.tolist() == [80, 40, 1, 40]


def test_a_query_is_nearest_to_what_its_kind_of_scene_holds(kitchens_and_streets):
    index, vectors = kitchens_and_streets
    table = ConceptTable.of(index)
    first, *_, last = table.nearest(vectors[60], 4)
    assert (first.name, first.scenes, first.class_id) == ("car", 40, 3)
    assert first.similarity > 0.8 and last.name == "stove" and last.similarity < -0.8
    both = {match.name: match.similarity for match in table.nearest(vectors[[5, 60]], 4)}
    assert both["car"] == pytest.approx(first.similarity) and both["stove"] > 0.8


def test_a_concept_of_every_scene_says_nothing(kitchens_and_streets):
    index, vectors = kitchens_and_streets
    table = ConceptTable.of(index)
    said = next(match for match in table.nearest(vectors[0], 4) if match.name == "ambience")
    assert said.similarity == 0.0 and said.class_id is None
    assert "ambience" not in [match.name for match in SceneLookup(index)(vectors[0]).concepts]


def test_removed_scenes_no_longer_shape_a_concept(kitchens_and_streets):
    _, vectors = kitchens_and_streets
    entries = [SceneEntry(f"s{row}", "t", ("stove",) if row < 40 else ("car",)) for row in range(80)]
    index = SceneIndex.build(vectors, entries)
    index.remove([f"s{row}" for row in range(40)])
    assert ConceptTable.of(index).names == ("car",)


def test_the_sums_are_those_of_a_slow_loop_over_several_blocks(large):
    table = ConceptTable.of(large)
    vectors, entries, _ = large.contents()
    stored = vectors.gather(np.arange(len(vectors))).astype(np.float64)
    rows = [row for row, entry in enumerate(entries) if "kind 3" in entry.concepts]
    offset = stored[rows].mean(axis=0) - stored.mean(axis=0)
    assert table.prototype("Kind 3") == pytest.approx(offset / np.linalg.norm(offset), abs=1e-4)
    assert table.counts.sum() == 50_000


def test_a_concept_nobody_has_seen_and_an_index_without_any(kitchens_and_streets):
    index, vectors = kitchens_and_streets
    with pytest.raises(RetrievalError, match=r"got 'whale'\. There are ambience, car, cat, stove"):
        ConceptTable.of(index).prototype("whale")
    with pytest.raises(RetrievalError, match="k of at least 1"):
        ConceptTable.of(index).nearest(vectors[0], 0)
    bare = SceneIndex.build(vectors[:1], [SceneEntry("a", "a")])
    found = SceneLookup(bare)(vectors[0])
    assert found.concepts == () and [match.entry.id for match in found.scenes] == ["a"]
    empty = SceneLookup(SceneIndex.build(np.empty((0, 256), np.float32), []))
    assert empty(vectors[0]).to_json() == {"advisory": True, "scenes": [], "concepts": []}


def test_each_source_is_shown_once_by_its_best_scene(kitchens_and_streets):
    index, vectors = kitchens_and_streets
    shown = SceneLookup(index)(vectors[3]).scenes
    assert shown[0].entry.id == "s3"
    assert [match.entry.source for match in shown].count("flat 0") == 1
    assert all(match.entry.title.startswith("kitchen") for match in shown)
    assert [match.similarity for match in shown] == sorted((match.similarity for match in shown), reverse=True)


def test_a_picture_unlike_all_scenes_resembles_none(kitchens_and_streets):
    index, _ = kitchens_and_streets
    lookup = SceneLookup(index)
    assert 0.9 < lookup.chance_similarity < 1.0
    assert lookup(np.random.default_rng(5).standard_normal(256)).scenes == ()


def test_paths_of_this_machine_do_not_leave_it(kitchens_and_streets):
    index, vectors = kitchens_and_streets
    shown = SceneLookup(index)(vectors[3]).to_json()
    assert set(shown["scenes"][0]) == {"scene", "similarity", "concepts"}
    assert shown["scenes"][0]["scene"] == "kitchen 3"
