"""Renderers shared by the tests of this folder: building a world takes longer than a frame."""

from __future__ import annotations

import functools

import pytest

from maxsight_core.scenes import SceneRenderer, parse_spec


@functools.cache
def _renderer(text: str) -> SceneRenderer:
    return SceneRenderer(parse_spec(text))


@pytest.fixture
def renderer():
    """text -> SceneRenderer, kept for the whole run."""
    return _renderer
