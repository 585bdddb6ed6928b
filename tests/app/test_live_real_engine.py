"""The whole product without a browser window: gunicorn, ``wsgi:app``, the real engine, real pictures."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from app_served import Browser, Served

from maxsight_core.scenes import light_jpeg

pytestmark = pytest.mark.slow

SPEC = "scene:corridor?seed=1&fps=10&seconds=60&size=320x240"
ENGINE_START_S = 240.0
"""Compiling the network takes 5 s on an idle machine; a busy test machine may take many times that."""


@pytest.fixture(scope="module")
def served(tmp_path_factory, migrated):
    folder = tmp_path_factory.mktemp("real")
    shutil.copy(migrated[0], folder / "maxsight.db")
    server = Served(folder, "wsgi:app", ENGINE_START_S)
    with server:
        yield server


@pytest.fixture(scope="module")
def browser(served):
    return Browser(served, served.log_in("patient.north"))


def walk(browser: Browser, frames: int, start: int = 0) -> None:
    """Send frames with credit 1, as the page does."""
    for index in range(start, start + frames):
        answered = len(browser.all("result")) + len(browser.all("frame_dropped"))
        browser.frame(light_jpeg(SPEC, index), w=320, h=240)
        browser.wait_any(("result", "frame_dropped"), answered + 1, within_s=30.0)


def test_the_engine_answers_real_pictures_and_the_kill_loses_nothing(served, browser):
    watcher = Browser(served, served.log_in("developer.north"))
    session_id = browser.ask("session_start", source="scene", source_detail=SPEC, settings={})["session_id"]
    assert watcher.ask("watch", session_id=session_id, view="dev")["ok"]

    walk(browser, 30)
    results = browser.all("result")
    assert len(results) + len(browser.all("frame_dropped")) == 30 and len(results) >= 25
    assert [r["seq"] for r in results] == sorted({r["seq"] for r in results}), "one answer for each frame, in order"
    assert results[-1]["timings_ms"]["stage_a"] > 0 and results[-1]["lighting"]["source"] == "measured"

    whole = light_jpeg(SPEC, 31)
    browser.frame(whole[: len(whole) // 2], w=320, h=240)
    assert browser.wait_any(("frame_dropped",), 1, within_s=30.0)[-1]["reason"] == "bad_image"

    assert browser.ask("request", kind="describe") == {"ok": True}
    said = None
    for index in range(40, 140):  # an answer waits for its turn to speak, which comes with a frame
        walk(browser, 1, start=index)
        told = [alert for event in ("alert", "result") for body in browser.all(event) for alert in body["alerts"]]
        said = next((alert for alert in told if alert["stage"] == "P3"), None)
        if said is not None:
            break
    assert said is not None and said["text"] and said["fate"] == "spoken"
    browser.inner.emit("delivery", {"v": 1, "alert_id": said["id"], "fate": "spoken", "latency_ms": 140.0})

    outputs = next(seen for seen in watcher.all("live") if seen["kind"] == "result")["outputs"]
    assert outputs["motion_flow"]["source"] in ("measured", "unavailable")
    assert outputs["objectness"]["source"] in ("learned", "unavailable"), "an untrained head is never shown"
    assert all(result["stage_b"]["reason"] for result in results)

    for index in range(140, 200):
        acknowledged = {alert for told in browser.all("saved") for alert in told["alert_ids"]}
        if said["id"] in acknowledged:
            break
        walk(browser, 1, start=index)
    assert said["id"] in acknowledged
    served.kill()

    served.module = "app_double_wsgi:app"  # recovery is the web side's; it need not compile the network again
    served.start()
    with sqlite3.connect(served.folder / "maxsight.db") as connection:
        kept = {row[0] for row in connection.execute("SELECT alert_id FROM alerts WHERE session_id = ?", [session_id])}
        row = connection.execute("SELECT status, engine FROM sessions WHERE id = ?", [session_id]).fetchone()
    assert acknowledged <= kept and row[0] == "interrupted" and "runtime" in row[1]
