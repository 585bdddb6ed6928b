"""A real Chromium for the browser tests: Playwright's own where it is installed, else the system's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

BASE_ARGUMENTS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
)
SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def launch(playwright: Playwright, *extra: str) -> Browser:
    """Start Chromium without a window.

    Raises:
        RuntimeError: no Chromium on this machine; `make test` installs one where it can.
    """
    arguments = [*BASE_ARGUMENTS, *extra]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    executable = None
    if not Path(playwright.chromium.executable_path).exists():
        executable = next((path for name in SYSTEM_NAMES if (path := shutil.which(name))), None)
        if executable is None:
            raise RuntimeError("no Chromium found: run `make test`, or install it (Debian: apt-get install chromium)")
    return playwright.chromium.launch(headless=True, executable_path=executable, args=arguments)


def webcam_arguments(mjpeg: Path) -> tuple[str, ...]:
    """Arguments that give Chromium a webcam that plays ``mjpeg``, and the permission to use it."""
    return (
        "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={mjpeg}",
    )
