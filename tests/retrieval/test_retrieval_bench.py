"""The bench measures what it says: its brute force is exact, its vectors are as stated, its figures are complete."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maxsight_core.bench import retrieval as bench
from maxsight_core.bench.retrieval import ClusteredVectors, exact_rows, recall


def test_brute_force_agrees_with_a_full_sort(monkeypatch):
    monkeypatch.setattr(bench, "BLOCK_ROWS", 64)
    rng = np.random.default_rng(0)
    vectors, queries = rng.standard_normal((500, 32)).astype(np.float16), rng.standard_normal((7, 32), np.float32)
    full = np.argsort(-(queries @ vectors.astype(np.float32).T), axis=1)[:, :10]
    assert (exact_rows(vectors, queries, 10) == full).all()
    assert recall(full, full) == 1.0 and recall(full[:, :5], full) == 0.5


def test_vectors_are_of_unit_length_and_in_clusters():
    source = ClusteredVectors(20, seed=3)
    vectors, clusters = source.draw(2000)
    wide = vectors.astype(np.float32)
    assert np.linalg.norm(wide, axis=1) == pytest.approx(1.0, abs=1e-3)
    alike = wide @ wide.T
    same = clusters[:, None] == clusters[None]
    assert alike[same].mean() > 0.6 and abs(alike[~same].mean()) < 0.2
    counts = np.bincount(clusters, minlength=20)
    assert counts[0] > 2 * counts[15:].mean()
    assert (ClusteredVectors(20, seed=3).draw(2000)[0] == vectors).all()


def test_one_run_gives_every_figure(capsys, tmp_path):
    path = tmp_path / "figures.json"
    assert bench.main(["--count", "2500", "--queries", "20", "--json", str(path)]) == 0
    figures = json.loads(path.read_text())
    assert json.loads(capsys.readouterr().out) == figures
    assert figures["kind"] == "flat" and figures["count"] == 2500 and figures["recall_at_10"] == 1.0
    assert figures["bytes"] > 2500 * 512 and 0 < figures["p50_ms"] <= figures["p95_ms"]
    assert {"build_s", "save_s", "load_s", "rss_mb", "through_worker", "recall_at_10_stage_one"} <= set(figures)
    assert figures["through_worker"]["p95"] > 0
