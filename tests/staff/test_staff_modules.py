"""The figures behind the pages: ages on one clock, gaps that stay gaps, maps that are drawn as they were sent."""

import base64

import numpy as np
import pytest

from maxsight_core.contracts import Value

pytestmark = pytest.mark.browser


def test_data_age_runs_on_one_clock_and_is_stale_after_three_seconds(in_page):
    assert in_page("""
      const { DataAge } = await import("/static/js/clinician/data_age.js");
      let now = 50_000;
      const age = new DataAge(() => now);
      const before = age.words;
      age.received(120);
      now += 2_800; const fresh = [age.age_ms, age.stale];
      now += 200; return [before, fresh, age.words];
    """) == ["no data yet", [2920, False], "3.1 s old: stale"]


def test_a_second_without_figures_is_a_gap_and_not_a_bridge(in_page):
    columns = in_page("""
      const { columnsOf } = await import("/static/js/clinician/review_data.js");
      const first = { second: 0, latency_p50_ms: 20, results: 9, dropped: { stale: 1, superseded: 2 } };
      return columnsOf([first, { second: 2, latency_p50_ms: 30 }]);
    """)
    assert columns["times"] == [0, 1, 2]
    assert columns["p50"] == [20, None, 30]
    assert columns["dropped"] == [3, None, 0]


def test_alerts_lie_where_the_server_decided_them_whatever_the_frame_clock_says(in_page):
    assert in_page("""
      const { placeAlerts } = await import("/static/js/clinician/review_data.js");
      const late = { id: "b", time_s: 9012, decided_at: "2026-03-01T12:00:12.500Z" };
      const alerts = [late, { id: "a", time_s: 9003, decided_at: "2026-03-01T12:00:03Z" }];
      return placeAlerts(alerts, "2026-03-01T12:00:00Z").map((alert) => [alert.id, alert.at_s]);
    """) == [["a", 3], ["b", 12.5]]


def test_what_the_browser_did_replaces_what_the_engine_decided(in_page):
    assert in_page("""
      const { finalFate, countGroups } = await import("/static/js/clinician/fates.js");
      const cut = { fate: "spoken", delivery: { fate: "interrupted" } };
      const alerts = [cut, { fate: "haptic_only", delivery: null }, { fate: "pending" }];
      return [alerts.map(finalFate), countGroups(alerts)];
    """) == [["interrupted", "haptic_only", "pending"], {"delivered": 1, "partly": 1, "withheld": 0, "pending": 1}]


def test_a_map_is_drawn_as_the_engine_sent_it(in_page):
    ramp = np.tile(np.arange(32, dtype=np.float32), (24, 1))
    preview = Value.measured("depth_map", ramp, "test").to_json(preview=True)["preview"]
    assert len(base64.b64decode(preview["data"])) == 24 * 32
    left, right = in_page(f"""
      const {{ drawHeatMap }} = await import("/static/js/charts/heat_map.js");
      const canvas = Object.assign(document.createElement("canvas"), {{ width: 320, height: 240 }});
      drawHeatMap(canvas.getContext("2d"), {preview!r}, {{ width: 320, height: 240 }});
      const at = (x) => [...canvas.getContext("2d").getImageData(x, 120, 1, 1).data];
      return [at(2), at(317)];
    """)
    assert left == [68, 1, 84, 255]
    assert right == [253, 231, 37, 255]


def test_a_preview_of_the_wrong_size_is_refused_with_both_sizes(in_page):
    assert "2 x 2 bytes; got 3" in in_page("""
      const { decodePreview } = await import("/static/js/charts/heat_map.js");
      try { decodePreview({ rows: 2, columns: 2, data: btoa("abc") }); } catch (error) { return error.message; }
    """)


def test_reasons_that_differ_only_in_the_figure_of_a_frame_count_together(in_page):
    assert in_page("""
      const { skipReason } = await import("/static/js/charts/tally.js");
      const reasons = ["Stage B skipped: uncertainty 0.83 > 0.70", "Stage B skipped: Stage A took 212 ms > 200 ms"];
      return reasons.map(skipReason);
    """) == ["uncertainty above 0.70", "Stage A took more than 200 ms"]


def test_what_stage_b_did_not_bring_has_the_reason_why_it_was_skipped(in_page):
    assert in_page("""
      const { OutputStore } = await import("/static/js/dev/store.js");
      const stages = { depth_map: "B", ocr: "C", glare_risk: "B" };
      const store = new OutputStore(Object.entries(stages).map(([name, stage]) => ({ name, stage })));
      const reasons = () => Object.keys(stages).map((name) => store.get(name).value.reason);
      store.update({}, 1);
      store.update({ glare_risk: { source: "measured", value: [[0.1, 0.9]] } }, 1);
      store.decided({ run: false, reason: "Stage B skipped: uncertainty 0.83 > 0.70" });
      const skipped = reasons();
      store.decided({ run: true, reason: "queued" });
      return [skipped, reasons(), store.get("glare_risk").history.range().last];
    """) == [
        ["Stage B skipped: uncertainty 0.83 > 0.70", "no frame has brought it yet", None],
        ["no frame has brought it yet", "no frame has brought it yet", None], 0.9,
    ]


def test_the_store_keeps_what_no_frame_has_brought_apart_from_what_is_unavailable(in_page):
    assert in_page("""
      const { OutputStore } = await import("/static/js/dev/store.js");
      let now = 0;
      const store = new OutputStore([{ name: "a" }, { name: "b" }, { name: "c" }], () => now);
      const before = store.get("a").value.reason;
      const known = { source: "measured", value: [0.5], age_ms: 30 };
      store.update({ a: known, b: { source: "unavailable", reason: "no audio" }, x: {} }, 7);
      now = 200;
      const { last } = store.get("a").history.range();
      return [before, store.counts(), store.age_ms("a"), store.get("c").value.reason, [...store.unknown], last];
    """) == ["no frame yet", {"learned": 0, "measured": 1, "unavailable": 1, "awaited": 1, "none": 0}, 230,
             "no frame has brought it yet", ["x"], 0.5]
