"""The stored index: the same answers after a round trip, the old one after a broken save, an error for all else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maxsight_core.retrieval import (
    ConceptTable,
    EmbeddingKey,
    IndexStoreError,
    SceneEntry,
    SceneIndex,
    files,
    load,
    read_manifest,
    save,
    store,
)

KEY = EmbeddingKey("scene_embedding", "a" * 64, trained=True)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def flat(clustered, entries_for):
    return SceneIndex.build(clustered(60, seed=4), entries_for(60), seed=2)


@pytest.fixture
def flat_folder(flat, tmp_path):
    save(tmp_path / "index", flat, KEY)
    return tmp_path / "index"


@pytest.fixture(scope="module")
def lists_folder(lists_of_3000, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "index"
    save(folder, lists_of_3000, KEY)
    return folder


def edit_manifest(folder, **changes):
    path = folder / store.MANIFEST_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def replace_part(folder, part, write):
    """Put other content in the place of a part, with a manifest that fits it."""
    body = json.loads((folder / store.MANIFEST_NAME).read_text())
    body["files"][part] = write().to_json()
    edit_manifest(folder, files=body["files"])


def same_answers(one, other, queries):
    ours, theirs = one.search_rows(queries, 10), other.search_rows(queries, 10)
    return (ours[0] == theirs[0]).all() and (ours[1] == theirs[1]).all()


# ---- round trips ----------------------------------------------------------------------------------------------------


def test_a_flat_index_comes_back_with_the_same_answers(flat, flat_folder, clustered):
    stored = load(flat_folder, KEY)
    assert stored.index.kind == "flat" and len(stored.index) == 60
    assert stored.manifest == read_manifest(flat_folder)
    assert stored.manifest.embedding == KEY and stored.manifest.seed == 2
    assert same_answers(flat, stored.index, clustered(10, seed=5))
    assert list(stored.index.contents()[1]) == list(flat.contents()[1])
    ours, theirs = ConceptTable.of(flat), stored.concepts
    assert ours.names == theirs.names and (ours.prototypes == theirs.prototypes).all()
    assert (ours.counts == theirs.counts).all()


def test_an_index_of_lists_comes_back_with_the_same_answers_and_can_be_changed(
    lists_of_3000, lists_folder, clustered, entries_for,
):
    stored = load(lists_folder, KEY)
    assert stored.index.kind == "ivf_pq" and stored.manifest.trained_on == 3000
    assert same_answers(lists_of_3000, stored.index, clustered(20, seed=5))
    new = clustered(2, seed=9)
    stored.index.add(new, entries_for(2, first=3000))
    stored.index.remove(["s5"])
    assert stored.index.search(new[1], 1)[0].entry.id == "s3001" and len(stored.index) == 3001


def test_vectors_stay_on_the_disk_until_they_are_needed(lists_folder):
    vectors = load(lists_folder, KEY).index.contents()[0].array()
    assert isinstance(vectors.base, np.memmap) and not vectors.flags.writeable


def test_what_was_removed_is_not_stored(lists_of_3000, tmp_path, clustered):
    index = SceneIndex(*lists_of_3000.contents())
    index.remove([f"s{row}" for row in range(0, 3000, 2)])
    save(tmp_path / "half", index, KEY)
    stored = load(tmp_path / "half", KEY)
    assert stored.manifest.count == len(stored.index) == 1500
    for query in clustered(10, seed=5):
        kept = [match.entry for match in index.search(query, 10)]
        assert [match.entry for match in stored.index.search(query, 10)] == kept


def test_saving_a_loaded_index_into_its_own_folder_keeps_it(flat_folder, clustered):
    stored = load(flat_folder, KEY)
    stored.index.remove(["s0"])
    save(flat_folder, stored.index, KEY)
    again = load(flat_folder, KEY)
    assert len(again.index) == 59
    names = {path.name for path in flat_folder.iterdir()}
    assert names == {store.MANIFEST_NAME, *(part.name for part in again.manifest.parts.values())}
    assert len(stored.index.search(clustered(1)[0], 10)) == 10  # whoever read the old files goes on reading them


def test_equal_indexes_give_equal_files(flat, flat_folder, tmp_path):
    save(tmp_path / "again", flat, KEY)
    assert ({path.name: path.read_bytes() for path in flat_folder.iterdir()}
            == {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()})


def test_an_empty_index_can_be_kept(tmp_path, clustered):
    save(tmp_path / "empty", SceneIndex.build(np.empty((0, 256), np.float32), []), KEY)
    assert load(tmp_path / "empty", KEY).index.search(clustered(1)[0]) == ()


# ---- broken saves ---------------------------------------------------------------------------------------------------

KILLED_SAVE = """
import os, signal, sys
from pathlib import Path
import numpy as np
from maxsight_core.retrieval import EmbeddingKey, SceneEntry, SceneIndex, files, save
vectors = np.random.default_rng(7).standard_normal((80, 256))
index = SceneIndex.build(vectors, [SceneEntry(f"new{i}", "new", ("door",)) for i in range(80)])
left, replace = int(sys.argv[2]), os.replace
def dying(*arguments):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    replace(*arguments)
os.replace = dying
save(Path(sys.argv[1]), index, EmbeddingKey("scene_embedding", "a" * 64, True))
"""
PARTS_OF_A_FLAT_INDEX = 6


@pytest.mark.parametrize("written", [0, 3, PARTS_OF_A_FLAT_INDEX])
def test_a_save_that_is_killed_leaves_the_old_index_and_the_next_one_tidies_up(flat_folder, flat, clustered, written):
    killed = subprocess.run([sys.executable, "-c", KILLED_SAVE, str(flat_folder), str(written)], cwd=REPOSITORY,
                            timeout=60, check=False)
    assert killed.returncode == -9
    assert any(name.startswith(".writing-") for name in os.listdir(flat_folder))
    stored = load(flat_folder, KEY)
    assert len(stored.index) == 60 and same_answers(flat, stored.index, clustered(5, seed=5))
    save(flat_folder, flat, KEY)
    assert len(os.listdir(flat_folder)) == PARTS_OF_A_FLAT_INDEX + 1


def test_a_full_disk_leaves_the_old_index(flat_folder, flat, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    flat.remove(["s1"])
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(flat_folder, flat, KEY)
    assert len(load(flat_folder, KEY).index) == 60
    assert not [name for name in os.listdir(flat_folder) if name.startswith(".writing-")]


def test_a_save_by_another_process_while_this_one_reads_is_read_instead(flat_folder, flat, monkeypatch):
    check, flat_now = files.check, SceneIndex(*flat.contents())
    flat_now.remove(["s1"])

    def check_after_a_save(*arguments, **options):
        if len(read_manifest(flat_folder).parts) and not saved:
            saved.append(save(flat_folder, flat_now, KEY))
        return check(*arguments, **options)

    saved = []
    monkeypatch.setattr(files, "check", check_after_a_save)
    assert len(load(flat_folder, KEY).index) == 59


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", store._PARTS["ivf_pq"])
def test_every_part_is_checked_for_damage_truncation_and_absence(lists_folder, part):
    path = lists_folder / read_manifest(lists_folder).parts[part].name
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(IndexStoreError, match=f"{path.name}: expected SHA-256 [0-9a-f]{{64}}; got .* damaged"):
            load(lists_folder, KEY)
        path.write_bytes(whole[:-7])
        for verify in (True, False):
            with pytest.raises(IndexStoreError, match=f"expected {len(whole)} bytes; got {len(whole) - 7}"):
                load(lists_folder, KEY, verify=verify)
        path.unlink()
        with pytest.raises(IndexStoreError, match=f"expected the {part} of the index; nothing is there"):
            load(lists_folder, KEY)
    finally:
        path.write_bytes(whole)


def test_vectors_of_other_weights_or_another_output_are_refused(flat_folder):
    with pytest.raises(IndexStoreError, match=f"weights {'b' * 64}; got scene_embedding with weights {'a' * 64}"):
        load(flat_folder, EmbeddingKey("scene_embedding", "b" * 64, trained=True))
    with pytest.raises(IndexStoreError, match="cannot be compared: build the index again"):
        load(flat_folder, EmbeddingKey("retrieval", "a" * 64, trained=True))


def test_vectors_of_an_untrained_network_are_refused_for_use(flat, tmp_path):
    key = EmbeddingKey("scene_embedding", "untrained", trained=False)
    save(tmp_path / "index", flat, key)
    with pytest.raises(IndexStoreError, match="made by an untrained network, for timing only"):
        load(tmp_path / "index", key)
    assert len(load(tmp_path / "index", key, untrained_ok=True).index) == 60


@pytest.mark.parametrize(("changes", "message"), [
    ({"format": 2}, "expected an object of format 1; got 2"),
    ({"dimension": 128}, "dimension must be 256; got 128"),
    ({"kind": "hnsw"}, "kind must be flat or ivf_pq; got 'hnsw'"),
    ({"count": -1}, "count must be a whole number; got -1"),
    ({"count": True}, "count must be a whole number; got True"),
    ({"count": 61}, r"expected uint64 of shape \[62\]; got uint64 \[61\]|expected float16 of shape \[61, 256\]"),
    ({"kind": "ivf_pq"}, "files must be exactly vectors, .*codes; got"),
    ({"embedding": "abc"}, "embedding must be an object; got 'abc'"),
    ({"embedding": {"output": "scene_embedding"}}, "expected the name of an output, the SHA-256"),
    ({"files": []}, r"files must be exactly vectors, .*; got \[\]"),
])
def test_a_manifest_that_does_not_fit_says_what_it_should_hold(flat_folder, changes, message):
    edit_manifest(flat_folder, **changes)
    with pytest.raises(IndexStoreError, match=message):
        load(flat_folder, KEY)


@pytest.mark.parametrize("name", ["../vectors-0123456789ab.npy", "/etc/passwd", "vectors.npy", 3])
def test_a_manifest_cannot_name_files_elsewhere(flat_folder, name):
    body = json.loads((flat_folder / store.MANIFEST_NAME).read_text())
    body["files"]["vectors"]["name"] = name
    edit_manifest(flat_folder, files=body["files"])
    with pytest.raises(IndexStoreError, match=r"files\.vectors must have a name such as"):
        load(flat_folder, KEY)


@pytest.mark.parametrize("text", ["{", "[1]", "null", "\udcff"])
def test_a_manifest_that_is_none(flat_folder, text):
    (flat_folder / store.MANIFEST_NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(IndexStoreError, match=r"manifest\.json"):
        load(flat_folder, KEY)


class RunsCode:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("part", ["vectors", "centre"])
def test_arrays_that_would_run_code_are_not_read(flat_folder, tmp_path, part):
    def pickled():
        path = flat_folder / f"{part}-0123456789ab.npy"
        np.save(path, np.array([RunsCode(tmp_path / "ran")], dtype=object), allow_pickle=True)
        return files.StoredFile(path.name, path.stat().st_size, files.file_sha256(path))

    replace_part(flat_folder, part, pickled)
    with pytest.raises(IndexStoreError, match="expected an array; it cannot be read"):
        load(flat_folder, KEY)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("part", "array", "message"), [
    ("vectors", np.zeros((60, 128), np.float16), r"expected float16 of shape \[60, 256\]; got float16 \[60, 128\]"),
    ("vectors", np.zeros((60, 256), np.float32), r"got float32 \[60, 256\]"),
    ("entry_offsets", np.zeros(61, np.uint64), "offsets that rise from 0"),
    ("centre", np.full(256, np.nan, np.float32), "expected finite prototypes"),
    ("prototypes", np.zeros((3, 256), np.float32), r"shape \[7, 256\]; got float32 \[3, 256\]"),
])
def test_undamaged_arrays_that_do_not_fit_are_refused(flat_folder, part, array, message):
    replace_part(flat_folder, part, lambda: files.write_array(flat_folder, part, array))
    with pytest.raises(IndexStoreError, match=message):
        load(flat_folder, KEY)


@pytest.mark.parametrize(("part", "array", "message"), [
    ("lists", np.full(3000, 10_000, np.int32), "lists: expected numbers from 0 to"),
    ("lists", np.full(3000, -1, np.int32), "lists: expected numbers from 0 to"),
    ("codes", np.zeros((3000, 16), np.uint8), r"codes: expected uint8 of shape \[3000, 32\]"),
    ("rotation", np.zeros((256, 256), np.float32), "orthonormal rotation"),
    ("codebooks", np.zeros((64, 256, 8), np.float32), r"rotation: expected shape \[512, 512\]"),
    ("list_centres", np.full((256, 256), np.inf, np.float32), "centres: expected finite"),
])
def test_learned_arrays_that_would_lead_the_search_astray_are_refused(lists_folder, tmp_path, part, array, message):
    for path in lists_folder.iterdir():
        os.link(path, tmp_path / path.name)
    text = (tmp_path / store.MANIFEST_NAME).read_text()
    (tmp_path / store.MANIFEST_NAME).unlink()
    (tmp_path / store.MANIFEST_NAME).write_text(text)
    replace_part(tmp_path, part, lambda: files.write_array(tmp_path, part, array))
    with pytest.raises(IndexStoreError, match=message):
        load(tmp_path, KEY)


def test_concepts_that_are_no_list_of_names_are_refused(flat_folder):
    replace_part(flat_folder, "concepts", lambda: files.write_bytes(flat_folder, "concepts", "json", b'{"names": 3}'))
    with pytest.raises(IndexStoreError, match="expected names and scenes"):
        load(flat_folder, KEY)


def test_no_index_there(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing", Path(__file__)):
        with pytest.raises(IndexStoreError, match=r"expected a folder with manifest\.json; there is none\. Build"):
            load(folder, KEY)


def test_a_folder_of_other_things_is_not_written_into(flat, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(IndexStoreError, match=r"it holds other files\. Give another path"):
        save(tmp_path, flat, KEY)
    with pytest.raises(IndexStoreError, match="that is a file"):
        save(tmp_path / "holiday.jpg", flat, KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_other_files_beside_an_index_survive_the_next_save(flat, flat_folder):
    (flat_folder / "notes-of-mine.txt").write_text("keep")
    flat.add(np.ones((1, 256)), [SceneEntry("one", "one")])
    save(flat_folder, flat, KEY)
    assert (flat_folder / "notes-of-mine.txt").read_text() == "keep"
    assert len(list(flat_folder.glob("vectors-*.npy"))) == 1
