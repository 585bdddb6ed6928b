"""What a clinician sees: who needs attention, what runs now, and what happened in a session."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

VALUES = "[...document.querySelectorAll('#review-charts .chart-value')].map((element) => element.textContent)"
INK = """(id) => { const canvas = document.getElementById(id);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((level, index) => index % 4 === 3 && level > 0); }"""


def names(page):
    return [row.inner_text() for row in page.locator("#caseload tbody tr:visible th a").all()]


def test_the_caseload_puts_flags_first_and_opens_by_typing_and_enter(enter):
    page = enter("clinician", "/clinician/")
    expect(page.locator("#caseload tbody tr")).to_have_count(3)
    assert names(page)[-1] == "Anna Berg", "the only patient without a flag comes last"
    flag = page.locator("#caseload tr", has_text="Bertil").locator(".flag").first
    expect(flag).to_have_text("Last session was interrupted")
    page.locator("#filter").fill("zo")
    assert names(page) == ["Zoe Zimmer"]
    page.locator("#filter").press("Enter")
    page.wait_for_url(re.compile("/clinician/patients/"))
    expect(page.locator("h1")).to_have_text("Zoe Zimmer")
    expect(page.locator(".empty")).to_contain_text("No session yet")


def test_the_arrow_keys_move_through_the_caseload(enter):
    page = enter("clinician", "/clinician/")
    expect(page.locator("#caseload tbody tr")).to_have_count(3)
    page.locator("#filter").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == names(page)[1]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "filter"


def test_a_filter_that_nobody_matches_says_so_and_offers_the_way_back(enter):
    page = enter("clinician", "/clinician/")
    expect(page.locator("#caseload tbody tr")).to_have_count(3)
    page.locator("#filter").fill("xyz")
    expect(page.locator("#caseload-none")).to_be_visible()
    page.locator("#filter-clear").click()
    expect(page.locator("#caseload")).to_be_visible()


def test_the_patient_page_lists_sessions_with_alerts_by_fate_and_drops(enter):
    page = enter("clinician", "/clinician/")
    page.get_by_role("link", name="Bertil Olsen").click()
    row = page.locator("#sessions tr[data-session=interrupted]")
    expect(row).to_contain_text("Interrupted, the server stopped")
    expect(row).to_contain_text("2:00")
    expect(row).to_contain_text("4 held back")
    expect(row.locator("[data-label=Dropped]")).to_have_text("109")


def test_a_running_session_is_seen_live_and_stopped_from_here(enter, patient_session):
    caseload = enter("clinician", "/clinician/")
    expect(caseload.locator("#caseload tbody tr")).to_have_count(3)
    patient = patient_session()
    badge = caseload.locator("#caseload tr", has_text="Anna Berg").get_by_role("link", name=re.compile("Live now"))
    expect(badge).to_be_visible(timeout=8000)
    badge.click()
    caseload.wait_for_url(re.compile(rf"/clinician/sessions/{patient.session_id}/live"))
    live = caseload
    expect(live.locator("#state")).to_have_text("Live.")
    assert live.evaluate(INK, "live-overlay")
    expect(live.locator(".live-privacy")).to_contain_text("The picture stays in the patient's browser")
    rows = live.locator("#ledger tbody tr")
    expect(rows.filter(has_text="Held back")).not_to_have_count(0)
    expect(rows.filter(has_text="Spoken").first).to_contain_text("123 ms")
    expect(live.locator("#data-age")).to_have_text(re.compile(r"^0\.\d s old$"))
    expect(live.locator("#skips")).to_contain_text("uncertainty above 0.70")
    expect(live.locator("#drops")).to_contain_text("superseded")
    live.locator("[data-filter=fate]").select_option("withheld")
    assert "Spoken" not in " ".join(rows.filter(visible=True).all_inner_texts())

    live.locator("#stop-session").click()
    live.get_by_role("button", name="Keep it running").click()
    assert patient.evaluate("look.running"), "a stop that was not confirmed stopped the session"
    live.locator("#stop-session").click()
    live.locator("#stop-confirm").click()
    expect(live.locator("#state")).to_have_text("The session has ended: a clinician stopped it.")
    patient.wait_for_function("() => !look.running")
    live.locator("#review-link").click()
    expect(live.locator("#ledger tbody tr").first).to_be_visible()


def test_a_live_view_opened_late_lists_the_alerts_of_before_in_order(enter, patient_session):
    patient = patient_session()
    patient.wait_for_function("() => look.pacer.counters.results > 25")
    patient.wait_for_timeout(1200)  # the writer commits within a second
    live = enter("clinician", f"/clinician/sessions/{patient.session_id}/live")
    oldest = live.locator("#ledger tbody tr").last
    expect(oldest).to_contain_text("Bicycle number 4,")
    expect(live.locator("#ledger tbody tr").nth(5)).to_be_attached()
    seqs = live.locator("#ledger tbody tr").evaluate_all("(rows) => rows.map((row) => parseInt(row.dataset.alert, 10))")
    assert seqs == sorted(seqs, reverse=True)
    assert len(seqs) == len(set(seqs))
    patient.evaluate("look.stop()")


def test_a_live_view_without_results_is_marked_stale_and_then_ended(enter, patient_session):
    patient = patient_session()
    live = enter("clinician", f"/clinician/sessions/{patient.session_id}/live")
    expect(live.locator("#state")).to_have_text("Live.")
    patient.evaluate("look.source.grab = async () => null")
    expect(live.locator("#state")).to_contain_text("Stale", timeout=8000)
    expect(live.locator("#data-age")).to_contain_text("stale")
    patient.evaluate("look.stop()")
    expect(live.locator("#state")).to_contain_text("The session has ended")


def test_the_scrubber_moves_every_chart_together_and_marks_the_ledger(enter):
    page = enter("clinician", "/clinician/sessions/interrupted")
    expect(page.locator("#timeline")).to_be_visible()
    page.locator("#scrubber").focus()
    page.keyboard.press("Home")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert page.evaluate(VALUES) == ["30 ms", "50 ms", "5 a second", "1 a second", "0.05"]
    expect(page.locator("#ledger tr[data-at-cursor]")).to_have_count(1)
    expect(page.locator("#ledger tr[data-at-cursor]")).to_contain_text("Alert number 1.")
    expect(page.locator("#at-cursor")).to_contain_text("Alert number 1.")
    assert page.locator("#scrubber").get_attribute("aria-valuetext") == "0:10, at 12:01:14"
    page.locator("#next-alert").click()
    expect(page.locator("#scrubber-time")).to_have_text("0:20 (12:01:24)")
    page.locator("#ledger").get_by_role("button", name="Go to 1:10").click()
    assert page.evaluate(VALUES)[0] == "90 ms"


def test_seconds_without_figures_have_no_value_in_any_chart(enter):
    page = enter("clinician", "/clinician/sessions/interrupted")
    page.locator("#scrubber").fill("55")
    assert page.evaluate(VALUES) == ["–"] * 5


def test_an_interrupted_session_says_up_to_when_everything_is_there(enter):
    page = enter("clinician", "/clinician/sessions/interrupted")
    expect(page.locator("#interrupted")).to_have_text(
        "The server stopped while this session ran. Everything acknowledged up to 12:03:04 is here.")
    expect(page.locator("#state")).to_have_text("Interrupted.")


def test_the_review_tells_the_session_in_words_and_each_chart_as_a_table(enter):
    page = enter("clinician", "/clinician/sessions/interrupted")
    expect(page.locator("#summary")).to_have_text(
        "2:00 long: 770 results, 109 dropped frames. Latency was typically 85 ms; the slowest second's 95th percentile "
        "was 159 ms. 11 alerts: 3 delivered, 8 not delivered; 3 of them P0 stop.")
    chart = page.locator(".chart", has_text="Latency").first
    chart.locator("summary").click()
    expect(chart.locator("tbody tr")).to_have_count(120)
    assert chart.locator("tbody tr").nth(10).locator("th, td").all_inner_texts() == ["0:10", "30", "50"]


def test_the_ledger_filters_by_stage_and_fate_together(enter):
    page = enter("clinician", "/clinician/sessions/interrupted")
    rows = page.locator("#ledger tbody tr")
    expect(rows).to_have_count(11)
    page.locator("[data-filter=stage]").select_option("P1")
    page.locator("[data-filter=fate]").select_option("delivered")
    expect(page.locator("[data-ledger-count]")).to_have_text("0 of 11 alerts")
    page.locator("[data-filter=fate]").select_option("suppressed")
    expect(page.locator("[data-ledger-count]")).to_have_text("4 of 11 alerts")
    assert rows.filter(visible=True).count() == 4


def test_a_review_prints_on_one_page(enter):
    page = enter("clinician", "/clinician/sessions/interrupted")
    expect(page.locator("#timeline")).to_be_visible()
    printed = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


@pytest.mark.parametrize("path", ["/clinician/", "/clinician/sessions/interrupted"])
@pytest.mark.parametrize("width", [320, 2560])
def test_no_page_scrolls_sideways(enter, path, width):
    page = enter("clinician", path, viewport={"width": width, "height": 800})
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
