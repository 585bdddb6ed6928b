/** Where the time of the shown session goes: parts of Stage A and of the background. Stage B: engine_panel.js. */

import { TimingBars } from "../charts/timing_bars.js";
import { byId } from "../common/dom.js";

/** Stage A's limit of the system description, milliseconds. */
const STAGE_A_BUDGET_MS = 150;
/** Lane C runs in the background; a reading of text takes about this long on two cores. */
const LANE_C_BUDGET_MS = 1000;

/** Why the bars of Stage A are more than its whole (maxsight_core/engine/beside.py). */
const BESIDE = "Quality and motion are measured while the network runs: together they take the longer of the two, not the sum.";

export class Timings {
  constructor() {
    const host = byId("timing-bars");
    this.bars = {
      A: new TimingBars(host, "Stage A", STAGE_A_BUDGET_MS, "stage_a", BESIDE),
      C: new TimingBars(host, "Background", LANE_C_BUDGET_MS, "lane_c"),
    };
    this.clear();
  }

  clear() {
    this.latest = {};
  }

  /** @param {Object} event a `live` result */
  result({ timings_ms }) {
    this.latest.A = timings_ms ?? {};
  }

  /** @param {Object} event a `live` scene, of lane B or C */
  scene({ lane, timings_ms }) {
    this.latest[lane] = timings_ms ?? {};
  }

  render() {
    for (const [lane, bars] of Object.entries(this.bars)) if (this.latest[lane]) bars.update(this.latest[lane]);
  }
}
