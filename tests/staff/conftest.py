"""A real browser on the real pages of clinicians and developers; the engine behind the socket is a double, or real."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from staff_site import log_in, pages, served
from support.chromium import launch
from support.data import REPOSITORY

PATIENT_SESSION = """async () => {
  const { Connection } = await import("/static/js/common/socket.js");
  const { LookSession } = await import("/static/js/patient/session.js");
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  canvas.getContext("2d").fillRect(0, 0, 30, 30);
  const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg"));
  const bytes = await picture.arrayBuffer();
  const source = { kind: "webcam", detail: "canvas", maxFps: 10, lost: null, close() {},
    async grab() { return { bytes, w: 64, h: 48, tCap: performance.now() }; } };
  const connection = new Connection();
  while (!connection.connected) await new Promise((resolve) => setTimeout(resolve, 50));
  window.ended = null;
  window.look = new LookSession({ connection, settings: () => ({}), onState() {}, onScene() {}, onAlerts() {},
    onEnded(reason) { window.ended = reason; },
    onResult(message) {
      for (const { id } of message.alerts) {
        connection.send("delivery", { alert_id: id, fate: "spoken", latency_ms: 123 });
      }
    } });
  await window.look.start(source);
  return window.look.sessionId;
}"""


REAL_ENGINE_WITHIN_S = 240.0
"""Compiling the network takes 5 s on an idle machine; a busy test machine may take many times that."""
ANY_LATENCY_MS = "60000"
"""A busy test machine must not decide what Stage B does."""


@pytest.fixture(scope="session")
def browser_libraries():
    if not (REPOSITORY / "static" / "vendor" / "uplot").is_dir():
        pytest.skip("static/vendor is empty: run the set-up, which copies the browser libraries there")


@pytest.fixture(scope="session")
def staff_url(tmp_path_factory, browser_libraries):
    with served(tmp_path_factory.mktemp("staff")) as url:
        yield url


@pytest.fixture(scope="session")
def staff_browser(playwright):
    browser = launch(playwright, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def logins(staff_url, staff_browser):
    return log_in(staff_browser, staff_url, "patient", "clinician", "developer")


@pytest.fixture
def enter(staff_url, staff_browser, logins):
    """``enter(role, path)``: a page of a fresh profile, logged in; a script error or a blocked file fails it."""
    with pages(staff_browser, staff_url, logins) as open_page:
        yield open_page


@pytest.fixture(scope="session")
def real_engine_url(tmp_path_factory, browser_libraries):
    cache = os.environ.get("MAXSIGHT_TEST_CACHE", str(REPOSITORY / "instance" / "test-cache"))
    with served(
        tmp_path_factory.mktemp("real"), "real", ready="/readyz", within_s=REAL_ENGINE_WITHIN_S,
        MAXSIGHT_STAGE_B_LATENCY_MS=ANY_LATENCY_MS, MAXSIGHT_CACHE_DIR=cache,
    ) as url:
        yield url


@pytest.fixture
def real_enter(real_engine_url, staff_browser):
    """``enter`` for a server with the real engine."""
    with pages(staff_browser, real_engine_url, log_in(staff_browser, real_engine_url, "developer")) as open_page:
        yield open_page


@pytest.fixture
def black_picture(tmp_path):
    """A JPEG of a covered lens."""
    path = tmp_path / "black.jpg"
    assert cv2.imwrite(str(path), np.zeros((480, 640, 3), np.uint8))
    return path


@pytest.fixture
def patient_session(enter):
    """``patient_session()``: a patient's page with a running session; its id is the page's ``session_id``."""

    def start():
        page = enter("patient")
        page.session_id = page.evaluate(PATIENT_SESSION)
        return page

    return start


@pytest.fixture(scope="module")
def in_page(staff_url, staff_browser):
    """``in_page(javascript)``: runs an async function body on a page of the site."""
    page = staff_browser.new_context(base_url=staff_url).new_page()
    page.goto("/login")
    yield lambda body: page.evaluate(f"async () => {{ {body} }}")
    page.context.close()
