"""What a developer sees: every output of the registry, always, and where each value came from."""

import re

import pytest
from playwright.sync_api import expect

from maxsight_core.outputs import NAMES, REGISTRY

pytestmark = pytest.mark.browser

LEFT_AND_RIGHT = """() => { const canvas = document.getElementById("layer-canvas");
  const row = Math.round(canvas.height / 2);
  const at = (share) => [...canvas.getContext("2d").getImageData(Math.round(canvas.width * share), row, 1, 1).data];
  return [at(0.02), at(0.98)]; }"""


def cell(page, name, field):
    return page.locator(f"#outputs-table tr[data-output={name}] [data-field={field}]")


def start_own(page):
    page.locator("#source").select_option("webcam")
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Own session is running")


def test_every_output_of_the_registry_is_listed_before_the_first_frame(enter):
    page = enter("developer", "/dev/")
    expect(page.locator("#outputs-table tbody tr")).to_have_count(len(NAMES))
    expect(page.locator("#outputs .output-button")).to_have_count(len(NAMES))
    for spec in REGISTRY:
        expect(cell(page, spec.name, "shape")).to_have_text(spec.shape)
        expect(cell(page, spec.name, "value")).to_have_text("no frame yet")


def test_an_own_session_shows_values_and_the_reason_of_what_is_missing(enter):
    page = enter("developer", "/dev/")
    start_own(page)
    expect(cell(page, "uncertainty", "source")).to_contain_text("measured")
    expect(cell(page, "uncertainty", "confidence")).to_have_text("0.80")
    expect(cell(page, "motion_magnitude", "value")).to_have_text("min 0, mean 15.5, max 31")
    expect(cell(page, "motion_magnitude", "shape")).to_have_text("[24, 32] float32")
    expect(cell(page, "classification", "source")).to_contain_text("unavailable")
    expect(cell(page, "classification", "value")).to_have_text("no trained head in this checkpoint")
    expect(cell(page, "ocr", "value")).to_have_text("no frame has brought it yet")
    decided = re.compile(r"Stage B (ran|skipped: uncertainty)\.")
    expect(page.locator("#strip-words")).to_have_text(decided)
    expect(page.locator("#skips")).to_contain_text("the picture was too uncertain")
    expect(page.locator("#timings")).to_contain_text("21.0 ms of 150")
    expect(page.locator("#timings")).to_contain_text("not the sum")  # the bars of parts side by side exceed the whole
    expect(page.locator("#alerts tbody tr").first).to_contain_text("masked")
    page.locator("#stop").click()
    expect(page.locator("#state")).to_contain_text("stopped")


def test_a_map_is_drawn_over_the_frame_it_belongs_to(enter):
    page = enter("developer", "/dev/")
    start_own(page)
    page.locator("#layer-map").select_option("motion_magnitude")
    expect(page.locator("#layer-range")).to_have_text("0 (dark) to 31 (light) px/frame")
    left, right = page.evaluate(LEFT_AND_RIGHT)
    assert left[2] > left[1], "low values are blue"
    assert right[1] > 200 > right[2], "high values are yellow"
    page.locator("#layer-map").select_option("")
    page.wait_for_function(f"() => ({LEFT_AND_RIGHT})()[1][3] === 0")


def test_choosing_an_output_shows_it_in_its_natural_form_with_its_history(enter):
    page = enter("developer", "/dev/")
    start_own(page)
    page.locator("#outputs [data-output=urgency]").click()
    expect(page.locator("#detail")).to_contain_text("danger")
    expect(page.locator("#detail [data-fact=method]")).to_have_text("rule")
    expect(page.locator("#detail .sparkline")).to_have_attribute("aria-label", re.compile("highest entry"))
    page.locator("#outputs [data-output=depth_map]").click()
    label = re.compile("24 rows by 32 columns, from 1 to 32")
    expect(page.locator("#detail canvas.form-map")).to_have_attribute("aria-label", label)
    page.locator("#outputs [data-output=classification]").click()
    expect(page.locator("#detail")).to_contain_text("Unavailable: no trained head in this checkpoint.")


def test_freeze_holds_everything_and_step_lets_one_frame_through(enter):
    page = enter("developer", "/dev/")
    start_own(page)
    expect(page.locator("#frame-facts")).to_contain_text("Frame")
    page.locator("#freeze").click()
    held = page.locator("#frame-facts").inner_text()
    page.wait_for_timeout(600)
    assert page.locator("#frame-facts").inner_text() == held
    page.locator("#step").click()
    expect(page.locator("#frame-facts")).not_to_have_text(held)
    stepped = page.locator("#frame-facts").inner_text()
    page.wait_for_timeout(600)
    assert page.locator("#frame-facts").inner_text() == stepped


def test_the_search_finds_by_name_unit_and_head_and_the_arrows_move(enter):
    page = enter("developer", "/dev/")
    search = page.locator("#output-search")
    search.fill("heads.motion")
    of_the_head = sum(spec.learned_by == "heads.motion" for spec in REGISTRY)
    expect(page.locator("#outputs-count")).to_have_text(f"{of_the_head} of {len(NAMES)} outputs")
    search.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_contain_text("motion_magnitude")


def test_a_running_session_is_watched_without_its_picture(enter, patient_session):
    patient = patient_session()
    page = enter("developer", "/dev/")
    page.locator("#watch-session").select_option(patient.session_id)
    expect(page.locator("#state")).to_have_text("Watching. The picture stays in the patient's browser.")
    expect(cell(page, "uncertainty", "source")).to_contain_text("measured")
    patient.evaluate("look.stop()")
    expect(page.locator("#state")).to_contain_text("The session has ended")
    expect(cell(page, "uncertainty", "source")).to_contain_text("measured")


def test_the_inspector_does_not_scroll_sideways_on_a_phone(enter):
    page = enter("developer", "/dev/", viewport={"width": 320, "height": 700})
    expect(page.locator("#outputs-table tbody tr")).to_have_count(len(NAMES))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
