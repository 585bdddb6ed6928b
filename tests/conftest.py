"""Fixtures of the whole suite."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
for folder in (REPOSITORY, REPOSITORY / "tests"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
