"""Where the shared real test data lies; tests that need it skip with the reason when it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def shared_data(*parts: str) -> Path:
    """Path of a file or folder of the shared data set; skips the test when it is not there.

    ``MAXSIGHT_SHARED_DATA`` names the folder; without it, ``../shared/data`` beside the repository.
    """
    root = Path(os.environ.get("MAXSIGHT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared test data absent: {'/'.join(parts) or 'folder'} (set MAXSIGHT_SHARED_DATA to use it)")
    return path
