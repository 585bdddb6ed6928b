"""The site of the staff pages as the tests use it: the server as a process, and logged-in pages of a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from support.data import REPOSITORY
from support.server import free_port

HERE = Path(__file__).parent
PASSWORD = "correct horse battery"


@contextmanager
def served(
    folder: Path, *arguments: str, ready: str = "/login", within_s: float = 60.0, **environ: str
) -> Iterator[str]:
    """The address of a staff_server.py that runs while the block does; ``ready`` answers 200 when it is up."""
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "PYTHONPATH": f"{REPOSITORY}:{HERE}", **environ}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, HERE / "staff_server.py", folder, *arguments], env=environment, stdout=log, stderr=log,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(url + ready, process, folder / "server.log", within_s)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_ready(address: str, process: subprocess.Popen, log: Path, within_s: float) -> None:
    ends = time.monotonic() + within_s
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"the server did not come up:\n{log.read_text()[-3000:]}")


def log_in(browser: Browser, url: str, *roles: str) -> dict[str, dict]:
    """The cookies of one login through the real form for each role."""
    states = {}
    for role in roles:
        page = browser.new_context(base_url=url).new_page()
        page.goto("/login")
        page.get_by_label("Email").fill(f"{role}@example.org")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(lambda address: not address.endswith("/login"))
        states[role] = page.context.storage_state()
        page.context.close()
    return states


@contextmanager
def pages(browser: Browser, url: str, logins: dict[str, dict]) -> Iterator[Callable[..., Page]]:
    """``enter(role, path)``: a page of a fresh profile, logged in; a script error or a blocked file fails the block."""
    contexts, faults = [], []

    def enter(role: str, path: str = "/", **options) -> Page:
        context = browser.new_context(
            base_url=url, storage_state=logins[role],
            **{"viewport": {"width": 1440, "height": 900}, "timezone_id": "UTC", **options},
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(12_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
        page.goto(path)
        return page

    yield enter
    for context in contexts:
        context.close()
    assert not faults, faults


def start_own(page: Page, source: str = "webcam", file: Path | None = None) -> None:
    """Start the developer's own session and wait until it sees."""
    page.locator("#source").select_option(source)
    if file is not None:
        page.locator("#file").set_input_files(file)
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Own session is running", timeout=30_000)


def skipped_frames(page: Page, count: int) -> None:
    """Wait until the strip shows this many frames that were skipped for uncertainty."""
    expect(page.locator("#strip [data-state=uncertainty]").nth(count - 1)).to_be_visible()
