"""The live engine panel: what it shows is what the server reports, frame by frame and second by second."""

import re
import time

import pytest
from playwright.sync_api import expect
from staff_site import skipped_frames, start_own

pytestmark = pytest.mark.browser

QUIET_WITHIN_S = 60.0
"""A reading of text in the background may take this long on a busy machine."""
COUNTERS = ("ran", "skipped", "cancelled", "failed")


def counted(page, state: str) -> int:
    return int(page.locator(f"#strip-key [data-count={state}] .strip-key__count").inner_text())


def report_of(page) -> dict:
    return page.request.get("/dev/api/engine").json()["engine"]


def last_report_of(page) -> dict:
    """The report once nothing is in work any more: two readings in a row that are the same, every lane idle."""
    deadline, report = time.monotonic() + QUIET_WITHIN_S, None
    while time.monotonic() < deadline:
        before, report = report, report_of(page)
        if report == before and not any(lane["busy_s"] for lane in report["lanes"].values()):
            return report
        time.sleep(0.5)
    raise AssertionError(f"the engine did not come to rest: {report}")


def text(value) -> str:
    return "not reported" if value is None else str(value)


def shows_the_report(page, report: dict) -> None:
    """Every count of the report stands in the panel, and a figure that is not reported says so."""
    for name, lane in report["lanes"].items():
        row = page.locator(f"#lanes [data-lane={name}]")
        for figure in ("restarts", "errors"):
            expect(row.locator(f"[data-figure={figure}]")).to_have_text(str(lane[figure]))
        expect(row.locator("[data-figure=done]")).to_have_text(str(lane.get("done", "–")))
        expect(row.locator(".lane-state")).to_have_text("idle")
    stage_b = report.get("stage_b", {})
    for counter in COUNTERS:
        expect(page.locator(f"#stage-b-{counter}")).to_have_text(text(stage_b.get(counter)))
    assert page.locator("#skips tbody tr").count() == len(stage_b.get("reasons", {}))
    for fact in ("runtime", "precision", "grid", "weights"):
        expect(page.locator(f"#perceives [data-fact={fact}]")).to_have_text(text(report["engine"].get(fact)))


# ---- the double: every frame is known ---------------------------------------------------------------------------


def test_lanes_and_counts_are_those_the_server_reports(enter):
    page = enter("developer", "/dev/")
    start_own(page)
    skipped_frames(page, 3)
    page.locator("#stop").click()
    expect(page.locator("#state")).to_contain_text("stopped")
    report = last_report_of(page)
    assert report["lanes"]["A"]["done"] > 12 and report["stage_b"]["skipped"] >= 3
    shows_the_report(page, report)
    ran, skipped = report["stage_b"]["ran"], report["stage_b"]["skipped"]
    share = page.locator("#stage-b-share")
    expect(share).to_have_text(f"{100 * skipped / (ran + skipped):.0f} % of {ran + skipped} frames skipped since the "
                               "engine started.")


def test_the_strip_says_what_became_of_each_frame_and_the_table_says_the_same(enter):
    page = enter("developer", "/dev/")
    start_own(page)
    skipped_frames(page, 3)
    page.locator("#engine-pause").click()
    page.wait_for_timeout(300)
    cells = page.locator("#strip .strip__cell[data-seq]:not([data-seq=''])")
    words = {int(cell["seq"]): cell for cell in cells.evaluate_all(
        "cells => cells.map((cell) => ({ ...cell.dataset, label: cell.getAttribute('aria-label') }))")}
    first = min(words)
    assert sorted(words) == list(range(first, first + len(words))), "one cell for each frame, without a gap"
    assert words[first + 4]["state"] == "dropped"
    assert words[first + 4]["label"] == f"Frame {first + 4}, dropped. A newer frame took its place (superseded)."
    assert words[first + 2]["label"] == f"Frame {first + 2}, Stage B ran. Its result arrived. Stage A: 21.0 ms."
    assert words[first + 10]["state"] == "uncertainty", "the double's 11th frame is too uncertain"
    assert words[first + 10]["label"] == (
        f"Frame {first + 10}, Stage B skipped: uncertainty. The picture was too uncertain: 0.83, and Stage B needs "
        "0.70 or less. Stage A: 21.0 ms.")
    assert {state: counted(page, state) for state in ("ran", "uncertainty", "dropped", "latency")} == {
        state: sum(cell["state"] == state for cell in words.values())
        for state in ("ran", "uncertainty", "dropped", "latency")}
    page.locator("#strip-details summary").press("Enter")
    expect(page.locator("#strip-table tbody tr")).to_have_count(len(words))
    rows = page.locator("#strip-table tbody tr").all_inner_texts()
    assert rows[0].startswith(f"{max(words)}\t") and rows[-1].startswith(f"{first}\t"), "newest first"
    assert rows[-5].split("\t")[1:3] == ["dropped", "A newer frame took its place (superseded)."]


def test_the_slider_walks_through_the_frames_by_keyboard(enter):
    page = enter("developer", "/dev/")
    expect(page.locator("#strip-slider")).to_be_disabled()
    start_own(page)
    skipped_frames(page, 3)
    page.locator("#engine-pause").click()
    slider, words = page.locator("#strip-slider"), page.locator("#strip-words")
    expect(words).to_have_text(re.compile("^Newest: Frame "))
    newest = int(re.search(r"Frame (\d+)", words.inner_text()).group(1))
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    expect(words).to_have_text(re.compile(f"^Frame {newest - 2}, Stage B"))
    assert slider.get_attribute("aria-valuetext") == words.inner_text()
    expect(page.locator("#strip [data-chosen=true]")).to_have_attribute("data-seq", str(newest - 2))
    slider.press("End")
    expect(words).to_have_text(re.compile(f"^Newest: Frame {newest},"))


def test_pause_holds_figures_and_timeline_and_resume_brings_them_up_to_now(enter):
    page = enter("developer", "/dev/")
    start_own(page)
    expect(page.locator("#stage-b-ran")).to_have_text(re.compile(r"^\d+$"))
    pause = page.locator("#engine-pause")
    pause.press("Space")
    expect(pause).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#engine-updates")).to_have_text(re.compile(r"^Paused at \d\d:\d\d:\d\d\.$"))
    held, before = page.locator("#engine").inner_text(), report_of(page)
    page.wait_for_timeout(2500)
    assert report_of(page)["stage_b"]["ran"] > before["stage_b"]["ran"], "the server goes on"
    assert page.locator("#engine").inner_text() == held
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "api/engine" in request.url else None)
    page.wait_for_timeout(1200)
    assert not asked, "a paused panel asks for nothing"
    pause.press("Space")
    expect(page.locator("#engine-updates")).to_have_text("Updated every second.")
    page.wait_for_function("(ran) => Number(document.querySelector('#stage-b-ran').textContent) > ran",
                           arg=before["stage_b"]["ran"])


def test_a_frozen_page_keeps_the_timeline_with_its_frame(enter):
    page = enter("developer", "/dev/")
    start_own(page)
    expect(page.locator("#strip-words")).to_have_text(re.compile("Newest: Frame"))
    page.locator("#freeze").click()
    page.wait_for_timeout(300)
    held = page.locator("#strip-words").inner_text()
    page.wait_for_timeout(700)
    assert page.locator("#strip-words").inner_text() == held
    page.locator("#step").click()
    expect(page.locator("#strip-words")).not_to_have_text(held)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_moves_on_the_page_while_the_figures_change(enter, width):
    page = enter("developer", "/dev/", viewport={"width": width, "height": 844})
    start_own(page)
    expect(page.locator("#slices-words")).to_contain_text("vit_1")
    where = """() => [".engine__parts", "#skips", "#slices", "#perceives"].map(
      (part) => document.querySelector(part).getBoundingClientRect().top + scrollY)"""
    skipped_frames(page, 2)
    page.wait_for_timeout(1200)
    before = page.evaluate(where)
    for _ in range(8):
        page.wait_for_timeout(250)
        assert page.evaluate(where) == before


# ---- the log of frames ------------------------------------------------------------------------------------------

LOG = """
  const { FrameLog } = await import("/static/js/dev/frame_log.js");
  const log = new FrameLog(6);
  const queued = (seq) => log.decided({ seq, stage_b: { run: true, reason: "queued", stage_a_ms: 20 } });
  const skipped = (seq, reason) => log.decided({ seq, stage_b: { run: false, reason, stage_a_ms: 20 } });
  const ran = (seq, lane = "B") => log.arrived({ seq, lane });
  const states = () => Object.fromEntries(log.cells().map((frame) => [frame.seq, frame.state]));
"""


def test_what_was_queued_and_overtaken_is_cancelled_whatever_order_the_news_comes_in(in_page):
    assert in_page(LOG + """
      queued(1); queued(2); ran(4); queued(4); queued(3); queued(5);
      log.dropped({ seq: 5, reason: "superseded" });
      ran(5, "C");
      return states();
    """) == {"1": "cancelled", "2": "cancelled", "3": "cancelled", "4": "ran", "5": "waiting"}


def test_a_skip_gives_up_what_waits_and_names_its_threshold(in_page):
    assert in_page(LOG + """
      queued(1);
      skipped(2, "Stage B skipped: uncertainty 0.83 > 0.70");
      skipped(3, "Stage B skipped: Stage A took 231 ms > 200 ms");
      skipped(4, "Stage B skipped: something new");
      queued(5);
      const before = states();
      log.ended();
      return [before, states()[5]];
    """) == [{"1": "cancelled", "2": "uncertainty", "3": "latency", "4": "other", "5": "waiting"}, "cancelled"]


def test_a_newer_frame_takes_the_place_of_the_one_that_waits_behind_the_one_in_work(in_page):
    assert in_page(LOG + """
      queued(1); queued(2);
      const two = states();
      queued(3);
      const three = states();
      ran(1); queued(4);
      return [two, three, states()];
    """) == [{"1": "waiting", "2": "waiting"}, {"1": "waiting", "2": "cancelled", "3": "waiting"},
             {"1": "ran", "2": "cancelled", "3": "waiting", "4": "waiting"}]


def test_a_frame_that_nothing_was_heard_of_is_a_gap_and_old_frames_leave(in_page):
    assert in_page(LOG + """
      queued(10); ran(10); log.dropped({ seq: 13, reason: "stale" });
      const first = states();
      queued(17); queued(11);
      return [first, states()];
    """) == [{"10": "ran", "11": "unsent", "12": "unsent", "13": "dropped"},
             {"12": "unsent", "13": "dropped", "14": "unsent", "15": "unsent", "16": "unsent", "17": "waiting"}]


# ---- the real engine --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_dark_frames_are_skipped_by_the_real_engine_and_the_panel_says_why(real_enter, black_picture):
    page = real_enter("developer", "/dev/")
    start_own(page, "upload", black_picture)
    expect(page.locator("#strip [data-state=uncertainty]").nth(2)).to_be_visible(timeout=30_000)
    expect(page.locator("#strip-words")).to_have_text(re.compile(
        r"Stage B skipped: uncertainty\. The picture was too uncertain: (0\.[7-9]\d|1\.00), and Stage B needs 0\.70"))
    expect(page.locator("#skips")).to_contain_text("Skipped: the picture was too uncertain")
    expect(page.locator("#stage-b-last")).to_contain_text("The picture was too uncertain")
    assert counted(page, "ran") == 0
    page.locator("#stop").click()
    expect(page.locator("#state")).to_contain_text("stopped")
    report = last_report_of(page)
    assert report["stage_b"]["skipped"] >= 3 and report["lanes"]["A"]["done"] >= 3
    shows_the_report(page, report)


@pytest.mark.slow
def test_the_real_engine_s_stage_b_is_seen_running(real_enter):
    page = real_enter("developer", "/dev/")
    start_own(page)
    expect(page.locator("#strip [data-state=ran]").first).to_be_visible(timeout=60_000)
    expect(page.locator("#slices .slice").first).to_be_visible()
    page.locator("#stop").click()
    expect(page.locator("#state")).to_contain_text("stopped")
    report = last_report_of(page)
    assert report["stage_b"]["ran"] >= 1
    shows_the_report(page, report)
