"""Every patient page: no sideways scrolling, large targets, a name on every control, errors beside their cause."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
PATHS = ["/patient/", "/patient/look", "/patient/settings", "/login", "/error"]

SMALL = """() => [...document.querySelectorAll(
    "button, select, input:not([type=hidden]), .task, .site-nav a, .wordmark")]
  .filter((e) => e.getClientRects().length)
  .map((e) => { const choice = e.closest("label.choice"); const box = (choice ?? e).getBoundingClientRect();
    return [e.id || e.outerHTML.slice(0, 60), box.width, box.height]; })
  .filter(([, width, height]) => width < 44 || height < 43.9)"""
NAMELESS = """() => [...document.querySelectorAll(
    "button, select, input:not([type=hidden]), textarea, a, canvas, dialog")]
  .filter((e) => !(e.labels?.length || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby")
    || e.getAttribute("aria-hidden") || e.textContent.trim())).map((e) => e.outerHTML.slice(0, 80))"""
TWICE = """() => { const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  return ids.filter((id, index) => ids.indexOf(id) !== index); }"""


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_320_pixels_has_large_targets_and_names_every_control(open_page, path):
    page = open_page(path, viewport={"width": 320, "height": 640}, tour_done=False)
    page.wait_for_function("document.readyState === 'complete'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(SMALL) == []
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(TWICE) == []
    assert page.locator("h1").count() == 1
    page.set_viewport_size({"width": 2560, "height": 1200})
    assert page.evaluate("document.documentElement.scrollWidth") <= 2560


def test_the_number_keys_of_the_home_page_open_its_tasks(open_page):
    page = open_page("/patient/")
    page.keyboard.press("4")
    page.wait_for_url("**/patient/settings")


def test_find_something_on_the_home_page_asks_as_soon_as_there_is_sight(open_page):
    page = open_page("/patient/look?do=find")
    expect(page.locator("h1")).to_have_text("Find something")
    page.locator("#source").select_option("scene:corridor?seed=1")
    page.locator("#start").click()
    expect(page.locator("#find-dialog")).to_be_visible()


def test_a_setting_is_kept_at_once_and_a_failure_is_told(open_page, scripted):
    page = open_page("/patient/settings")
    page.get_by_label("Feet").check()
    expect(page.locator("#saved")).to_have_text("Kept.")
    assert scripted.of("kept") == [{"csrf": "token", "units": "feet"}]
    scripted.refuse_settings = True
    page.get_by_label("Clock").check()
    expect(page.locator("#saved")).to_contain_text("Not kept. The database is away.")


def test_the_camera_angle_is_checked_beside_its_field_and_goes_into_the_next_session(open_page, scripted):
    page = open_page("/patient/settings")
    angle = page.locator("#hfov")
    angle.fill("400")
    angle.blur()
    expect(page.locator("#hfov-error")).to_have_text("Enter a number from 10 to 170, or leave it empty.")
    expect(angle).to_have_attribute("aria-invalid", "true")
    angle.fill("78")
    angle.blur()
    expect(page.locator("#hfov-error")).to_be_hidden()
    page.goto("/patient/look")
    page.locator("#source").select_option("scene:corridor?seed=1")
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Seeing")
    assert scripted.of("session_start")[0]["settings"]["hfov_deg"] == 78


def test_single_key_shortcuts_can_be_switched_off(open_page):
    page = open_page("/patient/settings")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.goto("/patient/look")
    page.keyboard.press("?")
    page.wait_for_timeout(200)
    expect(page.locator("#help-dialog")).to_be_hidden()


def test_focus_is_always_visible(open_page):
    page = open_page("/patient/look")
    for _ in range(4):
        page.keyboard.press("Tab")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert (width, style) == (3, "solid")
