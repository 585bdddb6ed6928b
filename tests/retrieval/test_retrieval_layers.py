"""Retrieval lies below the engine: it loads without torch, models, engine or FAISS, and says when FAISS is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from maxsight_core.retrieval import RetrievalUnavailableError, SceneEntry, SceneIndex

REPOSITORY = Path(__file__).resolve().parents[2]
ABOVE = ("torch", "faiss", "openvino", "flask", "sqlalchemy", "cv2", "maxsight_core.engine", "maxsight_core.models",
         "maxsight_core.alerts", "maxsight_core.perception")


def test_importing_retrieval_loads_neither_the_engine_nor_a_heavy_package():
    code = ("import sys; import maxsight_core.retrieval; from maxsight_core.retrieval import embed, pictures;"
            f"print([name for name in {ABOVE!r} if name in sys.modules])")
    said = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60,
                          check=True)
    assert said.stdout.strip() == "[]"


def test_safety_code_does_not_know_retrieval():
    for package in ("alerts", "perception", "models"):
        for path in (REPOSITORY / "maxsight_core" / package).rglob("*.py"):
            assert "maxsight_core.retrieval" not in path.read_text(encoding="utf-8"), path


def test_without_faiss_the_message_names_what_to_install(monkeypatch, clustered):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(RetrievalUnavailableError, match="pip install faiss-cpu"):
        SceneIndex.build(clustered(1), [SceneEntry("a", "a")])
