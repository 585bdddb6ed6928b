"""Fixtures of the whole suite."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
for folder in (REPOSITORY, REPOSITORY / "tests"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

os.environ.setdefault("MAXSIGHT_CHECKPOINT_PATH", "none")
"""The suite measures; what ships with the product is tested by name (tests/engine/test_shipped.py), so that training a
better checkpoint does not change what the other tests mean."""


@pytest.fixture(scope="session")
def engine():
    """One real engine for the whole run: Stage A's network compiled once, untrained unless weights are here."""
    from maxsight_core.engine.config import EngineConfig
    from maxsight_core.engine.engine import Engine
    from maxsight_core.process import offline  # a busy test machine must not decide what is measured

    return Engine(offline(EngineConfig(cache_dir=REPOSITORY / "instance" / "test-cache")))


@pytest.fixture(scope="session")
def playwright():
    """The one Playwright of the run: a second one in the same thread cannot start."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started
