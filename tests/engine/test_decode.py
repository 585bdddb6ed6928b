from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from maxsight_core.engine.decode import ImageError, decode_rgb


def picture(width=64, height=48, suffix=".jpg"):
    rng = np.random.default_rng(1)
    rgb = cv2.GaussianBlur(rng.integers(0, 255, (height, width, 3), np.uint8), (0, 0), 3)
    rgb[:, :, 0] = np.linspace(0, 255, width, dtype=np.uint8)
    return rgb, cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def huge_png(side=12_000):
    """144 megapixels of one colour in about 140 kB: a decompression bomb."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = b"\0" + b"\0" * (side // 8)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_the_three_formats_decode_to_rgb_in_the_right_channel_order(suffix):
    rgb, data = picture(suffix=suffix)
    decoded = decode_rgb(data)
    assert decoded.shape == rgb.shape
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - rgb).mean() < 8


def test_a_large_picture_is_reduced_to_the_working_size_and_a_small_one_is_left_alone():
    assert decode_rgb(picture(1400, 1000)[1]).shape == (457, 640, 3)
    assert decode_rgb(picture(100, 50)[1]).shape == (50, 100, 3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a picture"),
        (b"hello, this is not a picture at all", "not a picture"),
        (b"GIF89a" + b"\0" * 60, "not a picture"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "JPEG"),
    ],
)
def test_what_is_not_a_picture_is_refused_with_what_was_expected(data, words):
    with pytest.raises(ImageError, match=words):
        decode_rgb(data)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_picture_cut_short_is_refused_instead_of_shown_half_grey(suffix):
    data = picture(320, 240, suffix)[1]
    with pytest.raises(ImageError):
        decode_rgb(data[: len(data) * 2 // 3])


def test_a_144_megapixel_png_is_refused_from_its_header_alone():
    bomb = huge_png()
    assert len(bomb) < 400_000
    with pytest.raises(ImageError, match="pixels"):
        decode_rgb(bomb)
