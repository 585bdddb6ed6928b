"""Where weights come from, and fetching them from a real server."""

import hashlib
import http.server
import json
import os
import socket
import threading
from pathlib import Path

import pytest
import torch
from torchvision.models.detection import FCOS_ResNet50_FPN_Weights

from maxsight_core.engine import download, weights
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest, coco_classes, save_checkpoint

CONTENT = os.urandom(3 * download.CHUNK_BYTES + 12345)
PREFIX = hashlib.sha256(CONTENT).hexdigest()[:8]


class Files(http.server.BaseHTTPRequestHandler):
    """One file, with or without Range; may break off, and remembers what was asked."""

    asked: list[str | None]
    break_off_at: int | None = None
    ranges = True
    status = 200

    def do_GET(self):
        wanted = self.headers.get("Range")
        type(self).asked.append(wanted)
        begin = int(wanted[6:-1]) if wanted and self.ranges else 0
        if self.status != 200 or begin >= len(CONTENT):
            self.send_error(self.status if self.status != 200 else 416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(CONTENT[begin:self.break_off_at])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Files,), {"asked": []})
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield handler, f"http://127.0.0.1:{httpd.server_address[1]}/weights.pth"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def refused():
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}/weights.pth"


def test_a_file_is_fetched_verified_and_put_in_place(server, tmp_path):
    seen = []
    target = download.fetch(server[1], tmp_path / "new" / "w.pth", PREFIX, progress=lambda *p: seen.append(p))
    assert target.read_bytes() == CONTENT
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [p.name for p in target.parent.iterdir()] == ["w.pth"]


def test_a_transfer_that_broke_off_is_continued_where_it_stopped(server, tmp_path):
    handler, url = server
    handler.break_off_at = 2 * download.CHUNK_BYTES
    target = tmp_path / "w.pth"
    with pytest.raises(download.DownloadError, match=f"broke off at {2 * download.CHUNK_BYTES} of {len(CONTENT)}"):
        download.fetch(url, target, PREFIX)
    assert not target.exists()
    handler.break_off_at = None
    seen = []
    download.fetch(url, target, PREFIX, progress=lambda *p: seen.append(p))
    assert target.read_bytes() == CONTENT
    assert handler.asked == [None, f"bytes={2 * download.CHUNK_BYTES}-"]
    assert seen[0] == (2 * download.CHUNK_BYTES, len(CONTENT))


def test_a_server_without_range_is_read_from_the_start(server, tmp_path):
    handler, url = server
    handler.ranges = False
    (tmp_path / "w.pth.part").write_bytes(CONTENT[:1000])
    assert download.fetch(url, tmp_path / "w.pth", PREFIX).read_bytes() == CONTENT


def test_a_part_that_is_already_whole_only_needs_its_checksum(server, tmp_path):
    (tmp_path / "w.pth.part").write_bytes(CONTENT)
    assert download.fetch(server[1], tmp_path / "w.pth", PREFIX).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing_behind(server, tmp_path):
    with pytest.raises(download.ChecksumError, match="SHA-256 expected to begin with 00000000, got"):
        download.fetch(server[1], tmp_path / "w.pth", "00000000")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_connection_and_a_missing_page_are_one_clear_line(server, refused, tmp_path):
    with pytest.raises(download.DownloadError, match="cannot be reached") as caught:
        download.fetch(refused, tmp_path / "w.pth", PREFIX, timeout_s=2)
    assert "\n" not in str(caught.value)
    server[0].status = 404
    with pytest.raises(download.DownloadError, match="the server answered 404"):
        download.fetch(server[1], tmp_path / "w.pth", PREFIX)


def test_a_silent_server_is_given_up_after_the_timeout(tmp_path):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(download.DownloadError, match="cannot be reached"):
            download.fetch(f"http://127.0.0.1:{deaf.getsockname()[1]}/w", tmp_path / "w.pth", PREFIX, timeout_s=0.3)


# ---- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "weights"))
    monkeypatch.delenv(weights.CHECKPOINT_VARIABLE, raising=False)
    monkeypatch.setattr(weights, "SHIPPED_FOLDER", tmp_path / "shipped")
    return tmp_path / "weights"


def test_the_published_address_and_hash_are_torchvisions():
    wanted = weights.published_coco()
    assert wanted.url == FCOS_ResNet50_FPN_Weights.COCO_V1.url
    assert wanted.sha256_prefix in wanted.file_name
    assert len(wanted.sha256_prefix) == 8


def test_fetch_puts_the_file_into_the_weights_folder_and_is_done_the_second_time(
    server, folder, monkeypatch, capsys
):
    url = server[1].replace("weights.pth", f"fcos_resnet50_fpn_coco-{PREFIX}.pth")
    monkeypatch.setattr(weights, "published_coco", lambda: weights.Published(url, PREFIX))
    assert weights.main(["fetch"]) == 0
    assert (folder / f"fcos_resnet50_fpn_coco-{PREFIX}.pth").read_bytes() == CONTENT
    assert url in capsys.readouterr().out
    assert weights.main(["fetch"]) == 0
    assert "already there" in capsys.readouterr().out
    assert len(server[0].asked) == 1


def test_fetch_from_a_mirror_with_another_file_fails_even_when_optional(server, folder, capsys):
    assert weights.main(["fetch", "--optional", "--url", server[1]]) == 1
    assert "wrong checksum" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_without_internet_fetch_fails_and_optional_fetch_does_not(refused, folder, capsys):
    assert weights.main(["fetch", "--url", refused, "--connect-timeout", "2"]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert weights.main(["fetch", "--url", refused, "--connect-timeout", "2", "--optional"]) == 0
    out = capsys.readouterr().out
    assert "not fetched" in out
    assert "MaxSight runs without" in out


def test_list_verify_and_info_say_what_is_there(folder, capsys):
    assert weights.main(["list"]) == 0
    assert "no trained weights found" in capsys.readouterr().out
    assert weights.main(["verify"]) == 0
    path = checkpoint(folder.parent / "shipped" / "t0.safetensors")
    assert weights.main(["info"]) == 0
    assert '"trained_heads": [\n    "objectness"\n  ]' in capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:-3])
    assert weights.main(["verify"]) == 1
    assert "damaged or cut short" in capsys.readouterr().out
    assert weights.main(["info", str(path)]) == 1


# ---- the order ------------------------------------------------------------------------------------------------------


def checkpoint(path: Path, grid="fused", tier="T0", trained=("objectness",)):
    manifest = CheckpointManifest(tier=tier, grid=grid, classes=coco_classes(),
                                  trained_heads=frozenset(trained), data="a test")
    of_stage_b = {"stage_b.depth.weight": torch.zeros(5)} if tier != "T0" else {}
    save_checkpoint(path, {"weight": torch.zeros(3), **of_stage_b}, manifest)
    return path


def published_file(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"weight": torch.zeros(3)}, folder / "w")
    digest = hashlib.sha256((folder / "w").read_bytes()).hexdigest()
    return (folder / "w").rename(folder / f"fcos_resnet50_fpn_coco-{digest[:8]}.pth")


def test_the_order_is_named_then_fetched_coco_then_shipped_then_untrained(tmp_path):
    shipped = tmp_path / "shipped"
    env = {weights.FOLDER_VARIABLE: str(tmp_path / "weights")}

    def found(**changes):
        return weights.find(environ={**env, **changes}, shipped_folder=shipped)

    nothing = found()
    assert nothing.kind == "untrained"
    assert nothing.manifest.trained_heads == frozenset()
    assert nothing.manifest.grid == "fused"
    ours = checkpoint(shipped / "t0.safetensors")
    assert (found().kind, found().path) == ("shipped", ours)
    coco = published_file(tmp_path / "weights")
    assert (found().kind, found().path) == ("coco", coco)
    assert found().manifest.trained_heads == {"objectness", "classification", "boxes", "scene_embedding"}
    assert found().manifest.grid == "pyramid"
    named = checkpoint(tmp_path / "mine.safetensors")
    assert found(**{weights.CHECKPOINT_VARIABLE: str(named)}).path == named
    assert weights.find(named, environ=env, shipped_folder=shipped).kind == "given"
    assert set(found().read_state("a")) == {"weight"}
    assert found(**{weights.CHECKPOINT_VARIABLE: "none"}).kind == "untrained"
    assert weights.find(Path("none"), environ=env, shipped_folder=shipped).kind == "untrained"


def test_asking_for_a_grid_passes_over_weights_of_another(tmp_path):
    shipped = tmp_path / "shipped"
    env = {weights.FOLDER_VARIABLE: str(tmp_path / "weights")}
    published_file(tmp_path / "weights")
    named = checkpoint(shipped / "t0.safetensors")
    assert weights.find(grid="fused", environ=env, shipped_folder=shipped).kind == "shipped"
    assert weights.find(grid="pyramid", environ=env, shipped_folder=shipped).kind == "coco"
    with pytest.raises(CheckpointError, match="is for the grid fused, but pyramid was asked for"):
        weights.find(named, grid="pyramid", environ=env, shipped_folder=shipped)


def test_a_named_file_that_is_missing_or_damaged_is_an_error_not_a_fallback(tmp_path):
    env = {weights.FOLDER_VARIABLE: str(tmp_path / "weights"), weights.CHECKPOINT_VARIABLE: str(tmp_path / "gone")}
    published_file(tmp_path / "weights")
    with pytest.raises(CheckpointError, match="nothing is there"):
        weights.find(environ=env, shipped_folder=tmp_path / "shipped")


def test_a_published_file_whose_bytes_changed_is_refused(tmp_path):
    path = published_file(tmp_path / "weights")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CheckpointError, match="is damaged: SHA-256 expected to begin with"):
        weights.find(environ={weights.FOLDER_VARIABLE: str(tmp_path / "weights")}, shipped_folder=tmp_path)


# ---- tiers ----------------------------------------------------------------------------------------------------------


def test_no_tier_takes_the_checkpoints_and_another_one_is_an_error_that_names_both(tmp_path):
    named = checkpoint(tmp_path / "t2.safetensors", tier="T2")
    env = {weights.FOLDER_VARIABLE: str(tmp_path / "weights")}
    for asked in (None, "T2", "t2_hybrid_vit"):
        assert weights.find(named, environ=env, tier=asked).manifest.tier == "T2"
    with pytest.raises(CheckpointError, match=r"t2\.safetensors is for the tier T2, but T1 was asked for"):
        weights.find(named, environ=env, tier="T1")
    with pytest.raises(ValueError, match=r"tier: expected one of T0_BASELINE_CNN, .*got 'T9'"):
        weights.find(named, environ=env, tier="T9")


def test_asking_for_a_tier_passes_over_shipped_weights_of_another(tmp_path):
    shipped, env = tmp_path / "shipped", {weights.FOLDER_VARIABLE: str(tmp_path / "weights")}
    for tier in ("T1", "T2"):
        checkpoint(shipped / f"{tier}.safetensors", tier=tier)

    def found(**asked):
        return weights.find(environ=env, shipped_folder=shipped, **asked)

    assert found().manifest.tier == "T2"  # of several, the last by name
    assert found(tier="T1").path.name == "T1.safetensors"
    nothing = found(tier="T4")
    assert (nothing.kind, nothing.manifest.tier) == ("untrained", "T4")


def test_published_weights_serve_every_tier_and_its_stage_b_has_learned_nothing(tmp_path):
    env = {weights.FOLDER_VARIABLE: str(tmp_path / "weights")}
    published_file(tmp_path / "weights")
    found = {tier: weights.find(environ=env, shipped_folder=tmp_path, tier=tier) for tier in (None, "T3")}
    assert found[None].manifest.tier == "T0"
    assert (found["T3"].kind, found["T3"].manifest.tier) == ("coco", "T3")
    assert found["T3"].manifest.trained_in_stage_b == frozenset()
    assert found["T3"].key == found[None].key
    untrained = weights.find(environ={weights.FOLDER_VARIABLE: str(tmp_path)}, shipped_folder=tmp_path, tier="T3")
    assert found["T3"].stage_b_key == untrained.stage_b_key != found["T3"].key
    assert found["T3"].read_state("b") == {}


def test_the_command_shows_tier_and_stage_b(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "weights"))
    path = checkpoint(tmp_path / "t1.safetensors", tier="T1", trained=("objectness", "depth_map"))
    monkeypatch.setenv(weights.CHECKPOINT_VARIABLE, str(path))
    assert weights.main(["list"]) == 0
    assert "T1_ATTENTION: 1 of 13 outputs of Stage B are trained" in capsys.readouterr().out
    assert weights.main(["verify"]) == 0
    assert "T1_ATTENTION" in capsys.readouterr().out
    assert weights.main(["info"]) == 0
    shown = json.loads(capsys.readouterr().out.split("\n", 1)[1])
    assert (shown["tier"], shown["tier_name"]) == ("T1", "T1_ATTENTION")
    assert shown["stage_a"] == {"trained": ["objectness"], "numbers_in_file": 3}
    assert shown["stage_b"]["trained"] == ["depth_map"]
    assert shown["stage_b"]["numbers_in_file"] == 5
    assert {"cnn_low", "decoder", "depth"} <= set(shown["stage_b"]["parts"])
    monkeypatch.setenv(weights.TIER_VARIABLE, "T2")
    assert weights.main(["list"]) == 1
    assert "is for the tier T1, but T2 was asked for" in capsys.readouterr().err
    monkeypatch.setenv(weights.TIER_VARIABLE, "T9")
    assert weights.main(["list"]) == 1
    assert "expected one of T0_BASELINE_CNN" in capsys.readouterr().err
