"""Real Chromium for the front end: single modules on an empty page, and whole pages against a scripted peer."""

from __future__ import annotations

import pytest
from frontend.scripted_server import ScriptedServer
from playwright.sync_api import expect
from support.chromium import launch
from support.data import REPOSITORY

DEFAULT_TIMEOUT_MS = 15_000
expect.set_options(timeout=DEFAULT_TIMEOUT_MS)  # a loaded machine is slow, not wrong


@pytest.fixture(scope="session")
def scripted():
    if not (REPOSITORY / "static" / "vendor" / "socket.io-client").is_dir():
        pytest.skip("static/vendor is empty: run the set-up, which copies the browser libraries there")
    server = ScriptedServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium(playwright):
    # No automatic permission for the camera: one test is about its refusal.
    browser = launch(playwright, "--use-fake-device-for-media-stream")
    yield browser
    browser.close()


@pytest.fixture
def open_page(scripted, chromium):
    """``open_page(path, **context options)``: a page of a fresh profile that fails the test on any script error."""
    scripted.reset()
    contexts, faults = [], []

    def open_(path, tour_done=True, **options):
        context = chromium.new_context(base_url=scripted.url, **options)
        contexts.append(context)
        if tour_done:
            context.add_init_script("localStorage.setItem('maxsight.tour', 'done')")
        page = context.new_page()
        page.set_default_timeout(DEFAULT_TIMEOUT_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text)
                if message.type == "error" and "Content Security" in message.text else None)
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not faults, faults


@pytest.fixture(scope="module")
def in_module(scripted, chromium):
    """``in_module(javascript, argument)``: runs an async function body on an empty page of the site."""
    page = chromium.new_context(base_url=scripted.url).new_page()
    page.goto("/blank")

    def run(body, argument=None):
        return page.evaluate(f"async (argument) => {{ {body} }}", argument)

    yield run
    page.context.close()
