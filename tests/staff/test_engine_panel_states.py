"""The engine panel with reports that a healthy server does not give, and for everybody who looks at it."""

import pytest
from playwright.sync_api import expect
from staff_site import skipped_frames, start_own
from support.data import REPOSITORY

pytestmark = pytest.mark.browser

AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
LANE = {"alive": True, "restarts": 0, "errors": 0, "abandoned": 0, "busy_s": 0.0, "done": 0}
COUNTERS = ("ran", "skipped", "cancelled", "failed")


def health(**changes) -> dict:
    """A report of the engine with every figure the panel can show."""
    return {
        "state": "running", "error": None, "alive": True, "lanes": {name: dict(LANE) for name in "ABC"}, "sessions": 2,
        "max_sessions": 8, "background_dropped": 3,
        "stage_b": {
            "tier": "T2_HYBRID_VIT", "network": "off: 3 failures in a row", "ran": 60, "skipped": 30, "cancelled": 8,
            "failed": 2, "reasons": {"latency": 29, "uncertainty": 1, "network_failed": 2, "waited_for_safety": 8},
            "last_reason": "Stage B skipped: Stage A took 231 ms > 200 ms", "last_ms": 143.21,
            "slices_ms": {"low": 12.5, "vit_1": 44.04, "heads": 20.0},
        },
        "not_finite": {"depth_map": 2, "glare_risk": 5},
        "retrieval": {"queued": 1, "answered": 41, "dropped": 7, "index_size": 1200, "last_ms": 3.4},
        "engine": {"runtime": "openvino", "device": "cpu", "precision": "bf16", "grid": "fused", "input_size": 224,
                   "tier": "T2", "trained_heads": ["boxes", "objectness"], "weights": "checkpoint.safetensors",
                   "stage_b": {"runtime": "openvino", "precision": "int8"}},
        **changes,
    }


@pytest.fixture
def reported(enter):
    """``reported(health)``: the page with this report in place of the server's; its ``report`` may be changed."""

    def open_page(report: dict, **options):
        page = enter("developer", "/login", **options)
        page.report, page.readings = report, 0

        def answer(route):
            page.readings += 1
            route.fulfill(json={"at_s": 100.0 + page.readings, "engine": page.report})

        page.route("**/dev/api/engine", answer)
        page.goto("/dev/")
        return page

    return open_page


# ---- reports that a healthy server does not give ----------------------------------------------------------------


def test_the_state_of_each_lane_is_in_words(reported):
    lanes = {"A": {**LANE, "busy_s": 0.12, "errors": 4}, "B": {**LANE, "busy_s": 5.43, "restarts": 1, "abandoned": 2},
             "C": {**LANE, "alive": False}}
    page = reported(health(lanes=lanes))
    state = {name: page.locator(f"#lanes [data-lane={name}] .lane-state") for name in lanes}
    expect(state["A"]).to_have_text("busy for 0.12 s")
    expect(state["B"]).to_have_text("hung for 5.4 s")
    expect(state["C"]).to_have_text("restarting")
    expect(page.locator("#lanes [data-lane=A] [data-figure=errors]")).to_have_text("4")
    expect(page.locator("#lanes-lost")).to_have_text(
        "Background work dropped because its queue was full: 3. Hung threads that were given up and still exist: 2.")
    page.report = health(lanes={**lanes, "B": {**LANE, "restarts": 2}, "C": {**LANE, "busy_s": 20.0}})
    expect(state["B"]).to_have_text("restarting, was replaced")
    expect(state["B"]).to_have_text("idle")
    expect(state["C"]).to_have_text("busy for 20.00 s"), "the background may take a minute"


def test_what_a_lane_does_a_second_comes_from_the_server_s_clock(reported):
    page = reported(health())
    rate = page.locator("#lanes [data-lane=A] [data-figure=rate]")
    expect(page.locator("#lanes [data-lane=A] [data-figure=done]")).to_have_text("0")
    expect(rate).to_have_text("–"), "one reading gives no rate"
    seen = page.readings

    def answer(route):
        page.readings += 1
        done = 25 * (page.readings - seen)
        lanes = {**page.report["lanes"], "A": {**LANE, "done": done}}
        route.fulfill(json={"at_s": 100.0 + 2.0 * page.readings, "engine": {**page.report, "lanes": lanes}})

    page.unroute("**/dev/api/engine")
    page.route("**/dev/api/engine", answer)
    expect(rate).to_have_text("12.5", timeout=20_000)


def test_reasons_slices_and_what_was_not_finite_are_named(reported):
    page = reported(health())
    expect(page.locator("#stage-b-share")).to_have_text("30 % of 100 frames skipped since the engine started.")
    expect(page.locator("#stage-b-last")).to_have_text(
        "Stage A was slow: 231 ms, and Stage B needs it within 200 ms.")
    expect(page.locator("#stage-b-network")).to_have_text("off: 3 failures in a row")
    expect(page.locator("#stage-b-last-ms")).to_have_text("143.2 ms")
    assert page.locator("#skips tbody tr").all_inner_texts() == [
        "Skipped: Stage A was too slow\t29", "Cancelled: it waited too long for Stage A\t8", "The network failed\t2",
        "Skipped: the picture was too uncertain\t1"]
    expect(page.locator("#slices-words")).to_have_text(
        "Longest: vit_1, 44.0 ms, over Stage A's budget of 40 ms. Last run of any session.")
    widths = page.locator("#slices .slice__bar").evaluate_all("bars => bars.map((bar) => parseFloat(bar.style.width))")
    assert widths == pytest.approx([25.0, 88.08, 40.0], abs=0.01), "of a scale of 50 ms"
    assert page.locator("#slices [data-over=true]").get_attribute("data-slice") == "vit_1"
    assert page.locator("#not-finite tbody tr").all_inner_texts() == ["glare_risk\t5", "depth_map\t2"]
    expect(page.locator("#perceives [data-fact=trained_heads]")).to_have_text("boxes, objectness")
    expect(page.locator("#context-network [data-fact=precision]")).to_have_text("int8")
    expect(page.locator("#context-network [data-fact=device]")).to_have_text("not reported")
    expect(page.locator("#retrieval [data-fact=last_ms]")).to_have_text("3.4 ms")
    expect(page.locator("#retrieval [data-fact=index_size]")).to_have_text("1200")
    page.report = health(not_finite={})
    expect(page.locator("#not-finite-none")).to_have_text("None since the engine started.")


def test_what_is_not_reported_says_so_and_a_failed_start_says_why(reported):
    bare = {"state": "running", "error": None, "alive": True, "engine": {"runtime": "double", "trained_heads": []}}
    page = reported(bare)
    expect(page.locator("#engine-state")).to_have_text("Running.")
    expect(page.locator("#lanes [data-lane=B] .lane-state")).to_have_text("not reported")
    for counter in COUNTERS:
        expect(page.locator(f"#stage-b-{counter}")).to_have_text("not reported")
    expect(page.locator("#skips-none")).to_have_text("Reasons: not reported.")
    expect(page.locator("#not-finite-none")).to_have_text("Not reported.")
    expect(page.locator("#perceives [data-fact=trained_heads]")).to_have_text("none: its outputs are withheld")
    expect(page.locator("#context-network-none")).to_have_text("Not reported.")
    expect(page.locator("#retrieval-none")).to_be_visible()
    page.report = {"state": "failed", "error": "ImportError: no runtime"}
    expect(page.locator("#engine-state")).to_have_text("The engine could not be started: ImportError: no runtime.")
    page.report = {"state": "starting", "error": None}
    expect(page.locator("#engine-state")).to_have_text("The engine is starting.")


def test_a_report_that_cannot_be_read_is_told_and_the_last_one_stays(reported):
    page = reported(health())
    expect(page.locator("#stage-b-ran")).to_have_text("60")
    page.unroute("**/dev/api/engine")
    page.route("**/dev/api/engine", lambda route: route.abort())
    expect(page.locator("#engine-state")).to_have_text("The engine's report could not be read.")
    expect(page.locator("#engine-updates")).to_contain_text("The figures below are the last ones read.")
    expect(page.locator("#stage-b-ran")).to_have_text("60")
    page.unroute("**/dev/api/engine")
    expect(page.locator("#engine-state")).to_contain_text("Running")


# ---- for everybody who looks at it ------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panel_fits_and_has_no_accessibility_faults(reported, width, scheme):
    if not AXE.is_file():
        pytest.skip("node_modules has no axe-core: run the set-up, which installs it")
    page = reported(health(), viewport={"width": width, "height": 844}, color_scheme=scheme)
    start_own(page)
    skipped_frames(page, 2)
    page.locator("#engine-pause").click()
    page.locator("#strip-details summary").click()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run('#engine').then((found) => found.violations)")
    assert not found, [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]
    table = page.locator("#lanes")
    assert table.evaluate("(table) => table.scrollWidth - table.parentElement.clientWidth") <= 0, "no column is cut off"
