/** Where the time goes: parts of each stage, the last frames as a trace, and whether Stage B ran and why not. */

import { palette } from "../charts/palette.js";
import { skipReason, Tally } from "../charts/tally.js";
import { TimingBars } from "../charts/timing_bars.js";
import { byId, setText } from "../common/dom.js";
import { number } from "../common/format.js";

/** Budgets of the system description, milliseconds. */
const STAGE_A_BUDGET_MS = 150;
const STAGE_B_BUDGET_MS = 500;
/** Lane C runs in the background; a reading of text takes about this long on two cores. */
const LANE_C_BUDGET_MS = 1000;
const TRACE_FRAMES = 120;

export class Timings {
  constructor() {
    const host = byId("timing-bars");
    this.bars = {
      A: new TimingBars(host, "Stage A", STAGE_A_BUDGET_MS, "stage_a"),
      B: new TimingBars(host, "Stage B", STAGE_B_BUDGET_MS),
      C: new TimingBars(host, "Background", LANE_C_BUDGET_MS),
    };
    this.clear();
  }

  clear() {
    this.frames = [];
    this.skips = new Tally();
    this.seen = 0;
    this.ran = 0;
    this.latest = {};
  }

  /** @param {Object} event a `live` result */
  result({ timings_ms, stage_b, seq }) {
    this.latest.A = timings_ms ?? {};
    this.latest.decision = stage_b;
    this.seen += 1;
    this.ran += stage_b?.run ? 1 : 0;
    if (stage_b && !stage_b.run) this.skips.add(skipReason(stage_b.reason));
    this.frames.push({ seq, ms: timings_ms?.stage_a ?? null, ran: Boolean(stage_b?.run) });
    if (this.frames.length > TRACE_FRAMES) this.frames.shift();
  }

  /** @param {Object} event a `live` scene, of lane B or C */
  scene({ lane, timings_ms }) {
    this.latest[lane] = timings_ms ?? {};
  }

  render() {
    for (const lane of ["A", "B", "C"]) if (this.latest[lane]) this.bars[lane].update(this.latest[lane]);
    const { decision } = this.latest;
    byId("stage-b").dataset.run = decision ? String(decision.run) : "none";
    setText(byId("stage-b"), !decision ? "No frame yet." : decision.run ? `Ran: ${decision.reason}.` : decision.reason);
    setText(byId("stage-b-share"), this.seen ? `Ran for ${this.ran} of ${this.seen} frames (${Math.round((100 * this.ran) / this.seen)} %).` : "");
    byId("skips").hidden = this.skips.total === 0;
    this.skips.render(byId("skips").tBodies[0]);
    this.#trace();
  }

  #trace() {
    const known = this.frames.map((frame) => frame.ms).filter((ms) => ms !== null);
    if (known.length === 0) { setText(byId("trace-words"), "no frame yet"); return; }
    const sorted = [...known].sort((a, b) => a - b);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    setText(byId("trace-words"), `Stage A: median ${number(at(0.5), 1)} ms, 95th percentile ${number(at(0.95), 1)} ms, highest ${number(sorted.at(-1), 1)} ms, of ${known.length} frames`);
    drawTrace(byId("trace"), this.frames, Math.max(STAGE_A_BUDGET_MS, sorted.at(-1)));
  }
}

/** One bar per frame, newest at the right: full where Stage B ran, outlined where it was skipped. */
function drawTrace(canvas, frames, scale_ms) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const colours = palette();
  const step = width / TRACE_FRAMES;
  const offset = TRACE_FRAMES - frames.length;
  frames.forEach(({ ms, ran }, index) => {
    if (ms === null) return;
    const bar = Math.max(2, (ms / scale_ms) * (height - 2));
    const x = (offset + index) * step;
    context.fillStyle = context.strokeStyle = ran ? colours["line-1"] : colours["line-2"];
    if (ran) context.fillRect(x, height - bar, Math.max(1, step - 1), bar);
    else context.strokeRect(x + 0.5, height - bar + 0.5, Math.max(1, step - 2), bar - 1);
  });
  const budget = height - (STAGE_A_BUDGET_MS / scale_ms) * (height - 2);
  context.strokeStyle = colours.axis;
  context.setLineDash([4, 4]);
  context.beginPath();
  context.moveTo(0, budget);
  context.lineTo(width, budget);
  context.stroke();
}
