"""The main job, end to end, on real parts: camera to ear, watched live, reviewed, and inspected."""

from __future__ import annotations

import os
import re
import shutil

import pytest
from playwright.sync_api import expect
from support.data import REPOSITORY

from maxsight_core.outputs import NAMES

pytestmark = pytest.mark.browser
README_SCREENSHOT = REPOSITORY / "docs" / "images" / "patient-look.png"
APPROACHING = re.compile(r"approaching|stop", re.IGNORECASE)


def start_webcam(page):
    page.goto("/patient/look")
    page.locator("#tour-skip").click()
    page.locator("#source").select_option("webcam")
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Seeing")


def test_a_patient_hears_what_comes_closer_while_a_clinician_watches_and_a_developer_sees_every_output(
    webcam_browser, browser, log_in, artifacts
):
    patient = log_in(webcam_browser, "patient", viewport={"width": 1280, "height": 860})
    start_webcam(patient)
    # A real person comes closer in a real street: a box, and words with a direction.
    expect(patient.locator("#said li", has_text=APPROACHING).first).to_be_visible(timeout=30_000)
    expect(patient.locator("#things li").first).to_be_attached(timeout=20_000)
    assert patient.locator("#things li").first.get_attribute("data-source") == "measured"
    live_text = patient.locator("#live-assertive").inner_text() + patient.locator("#live-polite").inner_text()
    assert live_text.strip(), "the live regions for screen readers stayed empty"
    patient.screenshot(path=artifacts / "patient-look.png")
    if os.environ.get("MAXSIGHT_UPDATE_SCREENSHOT"):  # the picture in the README is made here, on purpose only
        shutil.copy(artifacts / "patient-look.png", README_SCREENSHOT)
    assert README_SCREENSHOT.is_file(), "README's screenshot is missing: run with MAXSIGHT_UPDATE_SCREENSHOT=1"

    clinician = log_in(browser, "clinician", viewport={"width": 1440, "height": 900})
    clinician.goto("/clinician/")
    clinician.get_by_role("link", name=re.compile("live", re.IGNORECASE)).first.click()
    clinician.wait_for_url(re.compile(r"/clinician/sessions/.+/live"))
    expect(clinician.locator("#ledger")).to_contain_text(APPROACHING, timeout=30_000)
    expect(clinician.locator("#data-age")).to_contain_text(re.compile(r"\d"))
    clinician.screenshot(path=artifacts / "clinician-live.png")

    developer = log_in(browser, "developer", viewport={"width": 1440, "height": 1000})
    developer.goto("/dev/")
    developer.locator("#watch-session").select_option(index=1)
    rows = developer.locator("#outputs-table tr[data-output]")
    expect(rows).to_have_count(len(NAMES), timeout=20_000)
    expect(developer.locator("#outputs-table tr[data-output=motion_flow] [data-field=source]")).to_have_text(
        re.compile("measured"), timeout=20_000)
    expect(developer.locator("#outputs-table tr[data-output=classification] [data-field=source]")).to_have_text(
        re.compile("unavailable"))
    expect(developer.locator("#outputs-table tr[data-output=glare_risk] [data-field=source]")).to_have_text(
        re.compile("measured"), timeout=20_000)
    sources = {row.get_attribute("data-output"): row.locator("[data-field=source]").inner_text().strip()
               for row in rows.all()}
    assert set(sources) == set(NAMES)
    assert all(re.search("learned|measured|unavailable", text) for text in sources.values()), sources
    developer.screenshot(path=artifacts / "dev-inspector.png")

    session_url = clinician.url.removesuffix("/live")
    patient.locator("#stop").click()
    expect(patient.locator("#state")).not_to_contain_text("Seeing", timeout=10_000)
    expect(clinician.locator("#state")).to_contain_text(re.compile("ended|stopped", re.IGNORECASE), timeout=10_000)
    clinician.goto(session_url)
    expect(clinician.locator("#ledger tbody tr").first).to_be_visible(timeout=10_000)
    expect(clinician.locator("#ledger")).to_contain_text(APPROACHING)
    expect(clinician.locator("#timeline")).to_be_visible()
    clinician.locator("#scrubber").press("ArrowRight")
    clinician.screenshot(path=artifacts / "clinician-review.png", full_page=True)


def test_without_a_voice_the_server_speaks(webcam_browser, log_in):
    """Headless Chromium has no voice: exactly the case in which server audio must take over."""
    patient = log_in(webcam_browser, "patient")
    spoken = []
    patient.on("response", lambda r: spoken.append((r.status, r.headers.get("content-type", "")))
               if r.url.endswith("/patient/speech") else None)
    start_webcam(patient)
    expect(patient.locator("#said li", has_text=APPROACHING).first).to_be_visible(timeout=30_000)
    patient.wait_for_timeout(1500)
    assert any(status == 200 and kind.startswith("audio/wav") for status, kind in spoken), spoken
    patient.locator("#stop").click()


def test_the_built_in_scene_runs_by_keyboard_alone_and_silence_and_repeat_work(browser, log_in):
    patient = log_in(browser, "patient", viewport={"width": 390, "height": 844})
    patient.goto("/patient/look")
    patient.locator("#tour-skip").focus()
    patient.keyboard.press("Enter")
    street = patient.locator("#source option", has_text=re.compile("street", re.IGNORECASE)).first
    patient.locator("#source").select_option(street.get_attribute("value"))
    patient.locator("#source").blur()
    patient.keyboard.press("Space")
    expect(patient.locator("#state")).to_contain_text("Seeing", timeout=20_000)
    expect(patient.locator("#said li").first).to_be_visible(timeout=40_000)
    patient.keyboard.press("d")
    expect(patient.locator("#said li[data-stage=P3]").first).to_be_visible(timeout=10_000)
    patient.keyboard.press("s")
    expect(patient.locator("#silence")).to_have_attribute("aria-pressed", "true")
    patient.keyboard.press("Space")
    expect(patient.locator("#state")).not_to_contain_text("Seeing", timeout=10_000)


def test_vision_paused_is_shown_and_said_when_no_result_arrives(webcam_browser, log_in, server):
    patient = log_in(webcam_browser, "patient")
    start_webcam(patient)
    patient.context.set_offline(True)
    expect(patient.locator("#state")).to_contain_text(re.compile("paused", re.IGNORECASE), timeout=10_000)
    expect(patient.locator("#live-assertive")).to_contain_text(re.compile("paused", re.IGNORECASE))
    patient.context.set_offline(False)
