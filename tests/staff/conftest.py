"""A real browser on the real pages of clinicians and developers; only the engine behind the socket is a double."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from support.chromium import launch
from support.data import REPOSITORY
from support.server import free_port

HERE = Path(__file__).parent
READY_WITHIN_S = 60
PASSWORD = "correct horse battery"

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


@pytest.fixture(scope="session")
def staff_url(tmp_path_factory):
    if not (REPOSITORY / "static" / "vendor" / "uplot").is_dir():
        pytest.skip("static/vendor is empty: run the set-up, which copies the browser libraries there")
    folder, port = tmp_path_factory.mktemp("staff"), free_port()
    log = (folder / "server.log").open("w")
    environment = {**os.environ, "PORT": str(port), "PYTHONPATH": f"{REPOSITORY}:{HERE}"}
    command = [sys.executable, HERE / "staff_server.py", folder]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, process, folder / "server.log")
        yield url
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait_until_ready(url: str, process: subprocess.Popen, log: Path) -> None:
    ends = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/login", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"the server did not come up:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def staff_browser(playwright):
    browser = launch(playwright, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def logins(staff_url, staff_browser):
    """The cookies of one login through the real form for each role."""
    states = {}
    for role in ("patient", "clinician", "developer"):
        page = staff_browser.new_context(base_url=staff_url).new_page()
        page.goto("/login")
        page.get_by_label("Email").fill(f"{role}@example.org")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(lambda url: not url.endswith("/login"))
        states[role] = page.context.storage_state()
        page.context.close()
    return states


@pytest.fixture
def enter(staff_url, staff_browser, logins):
    """``enter(role, path)``: a page of a fresh profile, logged in; a script error or a blocked file fails it."""
    contexts, faults = [], []

    def open_page(role: str, path: str = "/", **options):
        context = staff_browser.new_context(
            base_url=staff_url, storage_state=logins[role],
            **{"viewport": {"width": 1440, "height": 900}, "timezone_id": "UTC", **options},
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(12_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults, faults


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
