"""A data set comes whole from a real server, in spite of what breaks, and is divided the same on every machine."""

import hashlib
import http.server
import io
import json
import threading
import zipfile

import cv2
import pytest
import yaml
from support.training_samples import CLASSES, painted

from training import gather
from training.data import archives
from training.data.coco_folder import CocoFolder


def picture(seed):
    sample = painted([(1, 0.2 + 0.005 * seed, 0.5, 0.2, 0.3)])
    return cv2.imencode(".png", sample.image)[1].tobytes()


@pytest.fixture
def files():
    """Archive name to content: annotations and 40 pictures, one with a box outside it."""
    images = [{"id": n, "file_name": f"{n:03d}.png", "width": 160, "height": 120, "license": 1 + n % 2}
              for n in range(40)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "iscrowd": 0, "bbox": [20, 40, 32, 36] if n else [900, 0, 9, 9]}
             for n in range(40)]
    body = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "person"}],
            "licenses": [{"id": 1, "name": "Attribution License"}, {"id": 2, "name": "Attribution-NonCommercial"}]}
    return {"ann.zip": zipped({"annotations/all.json": json.dumps(body).encode()}),
            "pictures.zip": zipped({f"pictures/{one['file_name']}": picture(one["id"]) for one in images})}


def zipped(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as out:
        for name, data in members.items():
            out.writestr(name, data)
    return content.getvalue()


@pytest.fixture
def mirrors(files):
    """Two servers: the first breaks off in the middle of pictures.zip, the second is whole and knows ranges."""
    servers, asked = [], []

    def serve(broken):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.strip("/")
                asked.append((broken, name, self.headers.get("Range")))
                content = files[name]
                begin = int(self.headers["Range"][6:-1]) if self.headers.get("Range") else 0
                self.send_response(206 if begin else 200)
                self.send_header("Content-Length", str(len(content) - begin))
                if begin:
                    self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
                self.end_headers()
                self.wfile.write(content[begin:len(content) // 2 if broken and name == "pictures.zip" else None])

            def log_message(self, *_):
                pass

        httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        servers.append(httpd)
        return f"http://127.0.0.1:{httpd.server_address[1]}"

    yield [serve(True), serve(False)], asked
    for httpd in servers:
        httpd.shutdown()
        httpd.server_close()


@pytest.fixture
def collection(tmp_path, files, mirrors, monkeypatch):
    monkeypatch.setattr(archives, "PAUSE_S", 0.0)
    path = tmp_path / "collection.yaml"
    path.write_text(yaml.safe_dump({
        "mirrors": mirrors[0],
        "archives": {name.removesuffix(".zip"): {
            "path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
            "extracted_bytes": 100_000} for name, content in files.items()},
        "parts": [{"annotations": "annotations/all.json", "images": "pictures", "use": "learn",
                   "archives": ["ann", "pictures"]}]}))
    return path


def gathered(tmp_path, collection, *more):
    return gather.main(["--data-dir", str(tmp_path / "data"), "--collection", str(collection), "--val-share", "0.25",
                        *more])


def names_in(tmp_path, split):
    body = json.loads((tmp_path / "data" / "cleaned_splits" / f"maxsight_{split}.json").read_text())
    return {row["file_name"] for row in body["images"]}


def test_pictures_are_fetched_from_the_next_mirror_and_divided_without_overlap(tmp_path, collection, mirrors, capsys):
    assert gathered(tmp_path, collection) == 0
    train, val = names_in(tmp_path, "train"), names_in(tmp_path, "val")
    assert len(train) + len(val) == 40 and not train & val and 3 <= len(val) <= 20
    continued = [row for row in mirrors[1] if row[1] == "pictures.zip" and row[2]]
    assert continued, "what had arrived was asked for again"
    told = capsys.readouterr().out
    assert "1 wrong boxes left out" in told and "python -m training.validate_data" in told
    data = CocoFolder(tmp_path / "data" / "cleaned_splits" / "maxsight_train.json", CLASSES,
                      images=tmp_path / "data" / "coco_raw")
    assert data[0].image.shape == (120, 160, 3) and len(data) == len(train)


def test_a_second_time_nothing_is_fetched_and_the_division_is_the_same(tmp_path, collection, mirrors):
    assert gathered(tmp_path, collection) == 0
    before, asked = names_in(tmp_path, "val"), len(mirrors[1])
    assert gathered(tmp_path, collection) == 0
    assert names_in(tmp_path, "val") == before and len(mirrors[1]) == asked


def test_pictures_that_are_there_need_no_archive(tmp_path, collection):
    assert gathered(tmp_path, collection, "--delete-archives") == 0
    assert not list((tmp_path / "data" / "downloads").glob("*.zip"))
    assert gathered(tmp_path, collection, "--skip-download", "--skip-extract") == 0


def test_licences_can_be_left_out(tmp_path, collection):
    assert gathered(tmp_path, collection, "--leave-out", "NonCommercial") == 0
    assert len(names_in(tmp_path, "train") | names_in(tmp_path, "val")) == 20


def test_a_wrong_checksum_from_every_mirror_is_told(tmp_path, collection, files, capsys):
    files["ann.zip"] = files["ann.zip"][:-1] + b"x"
    assert gathered(tmp_path, collection) == 2
    assert "ann.zip: no mirror gave it" in capsys.readouterr().err


def test_a_missing_picture_is_told_before_training(tmp_path, collection, capsys):
    assert gathered(tmp_path, collection) == 0
    (tmp_path / "data" / "coco_raw" / "pictures" / "007.png").unlink()
    assert gathered(tmp_path, collection, "--skip-download", "--skip-extract") == 2
    assert "1 of 40 pictures are missing, such as 007.png" in capsys.readouterr().err


def test_an_archive_cannot_write_outside_its_folder(tmp_path):
    file = tmp_path / "evil.zip"
    file.write_bytes(zipped({"../evil.txt": b"x"}))
    with pytest.raises(archives.SampleError, match="outside its folder"):
        archives.unpack(file, tmp_path / "out")
    assert not (tmp_path / "evil.txt").exists()


def test_without_room_nothing_is_begun(tmp_path):
    with pytest.raises(archives.SampleError, match=r"needs .* GiB, .* GiB are free"):
        archives.check_room(tmp_path, 10**18, "downloading")


def test_coco_is_described_in_full():
    coco = archives.read_collection(archives.COCO_2017)
    assert {part.use for part in coco.parts} == {"learn", "test"} and len(coco.mirrors) >= 2
    assert all(one.path.endswith(".zip") for one in coco.archives.values())
