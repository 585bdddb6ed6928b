"""The index: exact when small, nearly exact when large, and the same through additions, removals and rebuilds."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from maxsight_core.bench.retrieval import exact_rows, recall
from maxsight_core.retrieval import RetrievalError, SceneEntry, SceneIndex, ivf
from maxsight_core.retrieval import index as index_module
from maxsight_core.retrieval.index import FLAT_LIMIT

K = 10


@pytest.fixture
def small(clustered, entries_for):
    """300 scenes, flat."""
    return SceneIndex.build(clustered(300, seed=4), entries_for(300))


@pytest.fixture
def coded(lists_of_3000):
    """3000 scenes in lists: large by decree; a test may change it."""
    return SceneIndex(*lists_of_3000.contents(), seed=1)


def ids(matches):
    return [match.entry.id for match in matches]


# ---- finding --------------------------------------------------------------------------------------------------------


def test_flat_search_is_exactly_numpys(clustered, small):
    queries = clustered(40, seed=5) * 3.0  # any length
    stored = small.contents()[0].gather(np.arange(300))
    exact = stored @ (queries / np.linalg.norm(queries, axis=1, keepdims=True)).T  # [300, 40]
    rows, similarities = small.search_rows(queries, K)
    for query in range(40):
        order = np.argsort(-exact[:, query], kind="stable")[:K]
        assert rows[query].tolist() == order.tolist()
        assert similarities[query] == pytest.approx(exact[order, query], abs=1e-6)
    assert ids(small.search(queries[0], K)) == [f"s{row}" for row in rows[0]]


def test_the_second_stage_brings_a_large_index_to_99_percent_recall(clustered, large, large_vectors):
    assert large.kind == "ivf_pq" and len(large) == 50_000
    queries = clustered(200, seed=6)
    exact = exact_rows(large_vectors, queries, K)
    with_rerank = recall(large.search_rows(queries, K)[0], exact)
    without = recall(large.search_rows(queries, K, rerank=False)[0], exact)
    assert with_rerank >= 0.99
    assert with_rerank > without + 0.05
    assert recall(large.search_rows(queries, K, candidates=K)[0], exact) == pytest.approx(without)


def test_similarities_of_a_large_index_are_those_of_its_16_bit_vectors(clustered, large):
    query = clustered(1, seed=7)[0]
    rows, similarities = large.search_rows(query, K)
    stored = large.contents()[0].gather(rows[0])
    assert similarities[0] == pytest.approx(stored @ (query / np.linalg.norm(query)), abs=1e-6)
    assert (np.diff(similarities[0]) <= 0).all()


def test_the_size_decides_the_kind(clustered, entries_for, monkeypatch):
    assert FLAT_LIMIT == 20_000
    monkeypatch.setattr(index_module, "FLAT_LIMIT", 2100)
    vectors = clustered(2200)
    assert SceneIndex.build(vectors[:2100], entries_for(2100)).kind == "flat"
    assert SceneIndex.build(vectors, entries_for(2200)).kind == "ivf_pq"


@pytest.mark.parametrize(("count", "lists"), [(0, 16), (1000, 128), (50_000, 1024), (1_000_000, 4096),
                                              (10**9, 65536)])
def test_lists_grow_with_the_root_of_the_size(count, lists):
    assert ivf.list_count(count) == lists


def test_faiss_codes_as_the_quantizer_says(clustered, large):
    learned = large.contents()[2]
    vectors = large.contents()[0].gather(np.arange(500))
    expected = learned.quantizer.encode(vectors - learned.centres[learned.lists[:500]])
    assert (learned.codes[:500] == expected).mean() > 0.999  # rounding may decide a tie otherwise


def test_equal_vectors_are_all_found_in_the_order_of_their_rows(clustered, entries_for):
    vectors = clustered(20)
    vectors[[3, 7, 11]] = vectors[3]
    index = SceneIndex.build(vectors, entries_for(20))
    assert ids(index.search(vectors[3], 3)) == ["s3", "s7", "s11"]


def test_fewer_scenes_than_asked_for_and_none_at_all(small, coded, clustered):
    query = clustered(1, seed=8)[0]
    assert len(small.search(query, 1000)) == 300
    rows, similarities = small.search_rows(query, 302)
    assert (rows[0, 300:] == -1).all() and np.isnan(similarities[0, 300:]).all()
    empty = SceneIndex.build(np.empty((0, 256), np.float32), [])
    assert len(empty) == 0 and empty.search(query) == ()
    empty.add(query, [SceneEntry("first", "first")])
    assert ids(empty.search(query)) == ["first"]


def test_the_same_seed_gives_the_same_index(clustered, entries_for, lists_of_3000):
    first = lists_of_3000.contents()[2]
    again, other = (SceneIndex.build(clustered(3000, seed=4), entries_for(3000), kind="ivf_pq", seed=seed).contents()[2]
                    for seed in (1, 2))
    assert (first.codes == again.codes).all() and (first.lists == again.lists).all()
    assert (first.centres == again.centres).all()
    assert not (first.centres == other.centres).all()


# ---- changing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["small", "coded"])
def test_what_is_added_is_found_at_once(request, kind, clustered):
    index = request.getfixturevalue(kind)
    before = len(index)
    new = clustered(5, seed=9)
    index.add(new, [SceneEntry(f"new{row}", "new") for row in range(5)])
    assert len(index) == before + 5
    for row in range(5):
        assert index.search(new[row], 1)[0].entry.id == f"new{row}"


@pytest.mark.parametrize("kind", ["small", "coded"])
def test_what_is_removed_is_never_found_again(request, kind, clustered):
    index = request.getfixturevalue(kind)
    before = len(index)
    query = clustered(1, seed=9)[0]
    gone = ids(index.search(query, 5))
    assert index.remove([*gone, gone[0], "nobody"]) == 5
    assert len(index) == before - 5
    assert not set(gone) & set(ids(index.search(query, 250)))
    vector = clustered(1, seed=10)[0]
    index.add(vector, [SceneEntry(gone[0], "back")])
    assert index.search(vector, 1)[0].entry == SceneEntry(gone[0], "back")
    assert index.remove(gone[:1]) == 1 and index.remove(gone[:1]) == 0
    assert gone[0] not in ids(index.search(vector, 50))


@pytest.mark.parametrize("kind", ["flat", "ivf_pq"])
def test_a_rebuild_keeps_every_scene_and_lets_go_of_removed_ones(coded, clustered, kind):
    queries = clustered(20, seed=12)
    coded.remove([f"s{row}" for row in range(0, 2700, 3)])
    before = [ids(coded.search(query, K)) for query in queries]
    coded.rebuild(kind)
    assert coded.kind == kind and len(coded) == 2100 == len(coded.contents()[0])
    assert np.mean([len(set(old) & set(ids(coded.search(query, K)))) for old, query in
                    zip(before, queries, strict=True)]) > 0.98 * K


def test_an_index_says_when_learning_anew_would_help(small, coded, clustered, entries_for, monkeypatch):
    assert small.rebuild_due is None and coded.rebuild_due is None
    coded.remove([f"s{row}" for row in range(601)])
    assert coded.rebuild_due == "601 of 3000 vectors were removed and are still looked at"
    coded.add(clustered(4000, seed=13), entries_for(4000, first=5000))
    assert coded.rebuild_due == "the lists were learned from 3000 vectors and now hold 6399"
    monkeypatch.setattr(index_module, "FLAT_LIMIT", 299)
    assert small.rebuild_due == "300 vectors are searched one by one; above 299 lists are faster"


def test_a_refused_addition_leaves_the_index_as_it_was(small, clustered, entries_for):
    new = clustered(2, seed=9)
    for entries, message in (
        (entries_for(2, first=299), "'s299' is. Remove it first"),
        ([SceneEntry("n", "n")] * 2, "every id once; 'n' is at rows 0 and 1"),
        (entries_for(3, first=900), "got 2 vectors and 3 entries"),
    ):
        with pytest.raises(RetrievalError, match=message):
            small.add(new, entries)
    with pytest.raises(RetrievalError, match="row 0 has NaN"):
        small.add(new * np.nan, entries_for(2, first=900))
    assert len(small) == 300
    small.add(new, entries_for(2, first=300))
    assert len(small) == 302


def test_searches_go_on_while_the_index_is_rebuilt(small, clustered, monkeypatch):
    reached, go_on = threading.Event(), threading.Event()

    def slow(vectors, seed):
        reached.set()
        assert go_on.wait(10)
        raise RetrievalError("broken off")

    monkeypatch.setattr(ivf, "train", slow)
    failed = []

    def rebuild():
        try:
            small.rebuild("ivf_pq")
        except RetrievalError as error:
            failed.append(str(error))

    thread = threading.Thread(target=rebuild)
    thread.start()
    assert reached.wait(10)
    assert len(small.search(clustered(1)[0], 5)) == 5
    go_on.set()
    thread.join(10)
    assert failed == ["broken off"] and small.kind == "flat" and len(small.search(clustered(1)[0], 5)) == 5


def test_a_search_sees_one_state_while_others_write(coded, clustered, entries_for):
    query = clustered(1, seed=14)[0]
    done, problems = threading.Event(), []

    def read():
        while not done.is_set():
            found = coded.search(query, 20)
            if len({match.entry.id for match in found}) != 20:
                problems.append(ids(found))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(10):
        coded.add(query + clustered(3, seed=20 + turn) * 0.01, entries_for(3, first=10_000 + 3 * turn))
        coded.remove([f"s{10_000 + 3 * turn}"])
    done.set()
    for reader in readers:
        reader.join(10)
    assert not problems and len(coded) == 3020


# ---- refusing -------------------------------------------------------------------------------------------------------


def test_what_cannot_be_searched_for_is_refused(small, clustered):
    query = clustered(1)[0]
    for vector, message in ((query[:255], r"\[n, 256\]; got float32 \[255\]"), (query * np.nan, "row 0 has NaN"),
                            (query * 0, "row 0 has length zero")):
        with pytest.raises(RetrievalError, match=message):
            small.search(vector)
    for options in ({"k": 0}, {"k": 5, "candidates": 4}):
        with pytest.raises(RetrievalError, match="expected k of at least 1"):
            small.search(query, **options)


def test_what_cannot_be_built_is_refused(clustered, entries_for):
    vectors = clustered(10)
    for arguments, kind, message in (
        ((vectors, entries_for(9)), "auto", "got 10 vectors and 9 entries"),
        ((vectors, entries_for(10)), "hnsw", "kind: expected auto, flat or ivf_pq; got 'hnsw'"),
        ((vectors, entries_for(10)), "ivf_pq", "at least 2048 vectors for IVF-PQ; got 10. Build it flat"),
        ((vectors[:2], [SceneEntry("a", "a")] * 2), "auto", "every id once"),
        ((vectors[:, :128], entries_for(10)), "auto", r"shape \[n, 256\]"),
    ):
        with pytest.raises(RetrievalError, match=message):
            SceneIndex.build(*arguments, kind=kind)
    index = SceneIndex.build(vectors, entries_for(10))
    with pytest.raises(RetrievalError, match="kind: expected auto"):
        index.rebuild("lsh")
