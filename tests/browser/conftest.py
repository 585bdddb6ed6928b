"""The real server, the real database and real browsers for the tests of this folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.chromium import launch, webcam_arguments
from support.data import REPOSITORY, shared_data
from support.fake_webcam import write_mjpeg
from support.server import RunningServer

ARTIFACTS = Path(os.environ.get("MAXSIGHT_TEST_ARTIFACTS", REPOSITORY / "test-artifacts"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = RunningServer(tmp_path_factory.mktemp("instance")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def webcam_browser(playwright, tmp_path_factory):
    """Chromium whose webcam shows a real person who comes closer in a real street."""
    mjpeg = write_mjpeg(tmp_path_factory.mktemp("webcam") / "webcam.mjpeg", shared_data())
    browser = launch(playwright, *webcam_arguments(mjpeg))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def browser(playwright):
    started = launch(playwright)
    yield started
    started.close()


@pytest.fixture(scope="session")
def artifacts():
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    return ARTIFACTS


@pytest.fixture
def log_in(server):
    """``log_in(browser, role)``: a page of a fresh browser profile, logged in as the demo user of that role."""
    contexts = []

    def enter(browser, role, **options):
        context = browser.new_context(base_url=server.url, permissions=["camera"], **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        login = server.logins[role]
        page.goto("/login")
        page.get_by_label("Email").fill(login["email"])
        page.get_by_label("Password", exact=True).fill(login["password"])
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(lambda url: not url.endswith("/login"))
        return page

    yield enter
    for context in contexts:
        context.close()
