"""The borders of ``app``: what it may import, checked in its source."""

from __future__ import annotations

import ast

import pytest

from app.config import REPOSITORY

FILES = sorted((REPOSITORY / "app").rglob("*.py"))
FORBIDDEN = ("torch", "torchvision", "openvino", "cv2", "training")


def imported(path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_only_the_engine_client_touches_the_engine_and_nothing_imports_a_model(path):
    names = imported(path)
    assert not {name for name in names if name.split(".")[0] in FORBIDDEN}
    if path.name != "engine_client.py":
        assert not {name for name in names if name.startswith("maxsight_core.engine")}
