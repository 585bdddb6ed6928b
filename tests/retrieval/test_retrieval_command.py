"""The command: from pictures to an index and back, through the engine's own network, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from support.data import shared_data

from maxsight_core.retrieval import IndexStoreError, RetrievalError, load, pictures, read_manifest
from maxsight_core.retrieval.__main__ import main
from maxsight_core.retrieval.embed import OUTPUT, Embedder, embedding_key

WALK = "scene:corridor?seed=2&fps=2&seconds=3&size=160x120"


@pytest.fixture(scope="module", autouse=True)
def torch_runtime():
    """The reference runtime: no graph is compiled for one test run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAXSIGHT_RUNTIME", "torch")
        patch.setenv("MAXSIGHT_PRECISION", "f32")
        patch.setenv("MAXSIGHT_CHECKPOINT_PATH", "none")
        yield


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint that claims to have learned the scene embedding; its weights are those of a fixed seed."""
    from maxsight_core.engine import weights
    from maxsight_core.engine.manifest import CheckpointManifest, coco_classes, save_checkpoint
    from maxsight_core.engine.runtimes.load import build_network

    source = weights.find(grid="fused", environ={}, shipped_folder=tmp_path_factory.mktemp("none"))
    manifest = CheckpointManifest(tier="T0", grid="fused", classes=coco_classes(), trained_heads=frozenset({OUTPUT}),
                                  data="a test")
    path = tmp_path_factory.mktemp("weights") / "scene.safetensors"
    save_checkpoint(path, build_network(source).state_dict(), manifest, storage="f16")
    return path


@pytest.fixture(scope="module")
def built(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "index"
    assert main(["build", "--source", WALK, "--out", str(folder), "--checkpoint", str(checkpoint), "--quiet"]) == 0
    return folder


def picture(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    return path


def test_a_rendered_walk_is_remembered_with_what_is_truly_in_it(built, capsys):
    stored = load(built, None)
    entries = list(stored.index.contents()[1])
    assert [entry.id for entry in entries] == [f"{WALK}#{index}" for index in (0, 2, 4)]
    assert entries[1].title == "corridor, 1 s" and "door" in entries[1].concepts
    assert stored.manifest.embedding.trained and len(stored.manifest.embedding.weights) == 64
    assert main(["info", str(built)]) == 0
    assert "3 scenes, flat" in (said := capsys.readouterr().out) and "door (3)" in said


def test_a_remembered_picture_is_its_own_nearest_scene(built, checkpoint, tmp_path, capsys):
    frame = list(pictures.of_source(WALK, 1.0))[1]
    path = tmp_path / "seen.png"
    cv2.imwrite(str(path), cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR))
    assert main(["query", str(path), "--index", str(built), "--checkpoint", str(checkpoint), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["advisory"] is True
    assert found["scenes"][0]["scene"] == "corridor, 1 s" and found["scenes"][0]["similarity"] > 0.999
    assert main(["query", str(path), "--index", str(built), "--checkpoint", str(checkpoint)]) == 0
    assert "similar scenes (advice only):" in capsys.readouterr().out


def test_without_trained_weights_nothing_is_built_for_use(built, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MAXSIGHT_WEIGHTS_DIR", str(tmp_path / "none"))
    folder = tmp_path / "images"
    picture(folder / "a.png")
    asked = ["build", "--images", str(folder), "--out", str(tmp_path / "index"), "--quiet"]
    assert main(asked) == 1
    assert "expected a checkpoint that has learned scene_embedding" in (said := capsys.readouterr().err)
    assert "--untrained-ok to measure times only" in said and not (tmp_path / "index").exists()
    assert main([*asked, "--untrained-ok"]) == 0
    assert "for timing only, it will not be loaded for use" in capsys.readouterr().out
    key = read_manifest(tmp_path / "index").embedding
    assert not key.trained
    with pytest.raises(IndexStoreError, match="untrained network"):
        load(tmp_path / "index", key)
    query = ["query", str(folder / "a.png"), "--index", str(built), "--untrained-ok"]
    assert main(query) == 1 and "cannot be compared" in capsys.readouterr().err  # built with other weights


def test_the_vector_is_stage_as_scene_embedding_and_only_learned_detections_count(checkpoint, monkeypatch):
    from maxsight_core.contracts import RawDetection
    from maxsight_core.engine import detect
    from maxsight_core.models.contract import DETECTING

    embedder = Embedder.load(checkpoint)
    monkeypatch.setattr(detect, "decode", lambda *_, **__: [RawDetection(1, 0.9, (0.5, 0.5, 0.2, 0.4))])
    frame = next(iter(pictures.of_source(WALK, 1.0)))
    vector, detected = embedder.embed(frame.rgb)
    stage_a = embedder._stage_a
    raw = stage_a.runtime.infer(detect.prepare(frame.rgb, 224, stage_a.manifest.fit))
    assert (vector == raw["scene_embedding"][0]).all() and vector.shape == (256,)
    assert detected == ()  # this checkpoint has learned no detection, so nothing it detects may be remembered
    assert embedder.key == embedding_key(stage_a.manifest)

    detecting = replace(stage_a, manifest=replace(stage_a.manifest, trained_heads=DETECTING | {OUTPUT}))
    unknown = pictures.Picture(frame.rgb, "a", "a", "a")
    (_, seen), (_, said) = Embedder(detecting).remember([unknown, replace(unknown, concepts=("door",))])
    assert seen.concepts == ("person",) and said.concepts == ("door",)
    embedder.close()


def test_pictures_of_folders_come_with_their_labels_and_unreadable_ones_are_left_out(tmp_path):
    for name in ("b.png", "deep/a.jpg"):
        picture(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("nothing")
    reasons = []
    found = list(pictures.of_folder(tmp_path, {"a.jpg": ("door",), "b.png": ()}, reasons.append))
    assert [(p.title, p.concepts) for p in found] == [("b", ()), ("a", ("door",))]
    assert found[1].id.endswith("deep/a.jpg") and found[1].rgb.shape == (48, 64, 3)
    assert len(reasons) == 1 and "c.png" in reasons[0]


def test_frames_of_a_video_are_taken_at_the_interval(tmp_path):
    path = str(tmp_path / "walk.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for index in range(25):
        writer.write(np.full((48, 64, 3), index * 10, np.uint8))
    writer.release()
    found = list(pictures.of_source(path, 1.0))
    assert [p.id.rsplit("#")[-1] for p in found] == ["0", "10", "20"]
    assert found[2].title == "walk, 2 s" and found[2].concepts is None


def test_labels_of_real_photographs_are_taxonomy_names():
    labels = pictures.read_labels(shared_data("coco_cc", "instances.json"))
    assert len(labels) == 133
    assert sum("person" in concepts for concepts in labels.values()) > 40


@pytest.mark.parametrize("text", ["[]", "{", '{"images": [{"id": 1}], "annotations": []}', '{"images": 3}',
                                  '{"images": [], "annotations": [{"category_id": 1, "image_id": 5}]}'])
def test_labels_in_another_form_are_refused(tmp_path, text):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(RetrievalError, match="expected COCO annotations"):
        pictures.read_labels(path)


@pytest.mark.parametrize(("arguments", "message"), [
    (["build", "--out", "OUT"], "at least one --images DIR or --source SPEC; got none"),
    (["build", "--images", "NOWHERE", "--out", "OUT"], "there is no such folder"),
    (["build", "--source", "scene:moon", "--out", "OUT"], "moon"),
    (["build", "--source", "NOWHERE.mp4", "--out", "OUT"], "no such file"),
    (["build", "--source", WALK, "--every", "0", "--out", "OUT"], "every: expected seconds above 0"),
    (["build", "--source", WALK, "--out", "FULL"], "it holds other files"),
    (["info", "NOWHERE"], "there is none. Build an index"),
    (["query", "NOWHERE.jpg", "--index", "NOWHERE"], "no such file"),
])
def test_mistakes_are_named_before_anything_is_loaded(tmp_path, monkeypatch, capsys, arguments, message):
    (tmp_path / "FULL").mkdir()
    (tmp_path / "FULL" / "holiday.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Embedder, "load", lambda *_, **__: pytest.fail("the network was loaded first"))
    assert main(arguments) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "OUT").exists()
