/** Where the time of a frame went: one bar per part, with its figure, against the stage's budget. */

import { h, setText } from "../common/dom.js";

/** Bars end at this many milliseconds at least, so that one slow part does not hide in a scale of its own. */
const MIN_SCALE_MS = 50;

export class TimingBars {
  /**
   * @param {HTMLElement} host
   * @param {string} label what the parts belong to, e.g. "Stage A"
   * @param {number} budget_ms told beside the total
   * @param {string|null} totalKey the entry that is the whole, where there is one
   * @param {string} note a sentence under the bars
   */
  constructor(host, label, budget_ms, totalKey = null, note = "") {
    Object.assign(this, { budget_ms, totalKey });
    this.rows = new Map();
    this.total = h("span", { class: "bars-total" }, "no frame yet");
    this.list = h("dl", { class: "bars" });
    this.element = h("section", { class: "bars-group", "aria-label": `Timings of ${label}` },
      h("h3", {}, label, " ", this.total), this.list);
    if (note) this.element.append(h("p", { class: "muted" }, note));
    host.append(this.element);
  }

  /** @param {Object<string, number>} timings_ms part to milliseconds */
  update(timings_ms) {
    const parts = Object.entries(timings_ms).filter(([name, ms]) => name !== this.totalKey && Number.isFinite(ms));
    const whole = timings_ms[this.totalKey];
    const total = Number.isFinite(whole) ? whole : parts.reduce((sum, [, ms]) => sum + ms, 0);
    const scale = Math.max(MIN_SCALE_MS, ...parts.map(([, ms]) => ms));
    const over = total > this.budget_ms;
    setText(this.total, `${total.toFixed(1)} ms of ${this.budget_ms}${over ? ", over budget" : ""}`);
    this.element.classList.toggle("over-budget", over);
    for (const [name, ms] of parts) this.#row(name, ms, scale);
    const names = new Set(parts.map(([name]) => name));
    for (const [name, row] of this.rows) {
      if (!names.has(name)) { row.term.remove(); row.definition.remove(); this.rows.delete(name); }
    }
  }

  #row(name, ms, scale) {
    let row = this.rows.get(name);
    if (!row) {
      const bar = h("span", { class: "bar", "aria-hidden": "true" });
      const number = h("span", { class: "bar-figure" });
      row = { term: h("dt", {}, name), definition: h("dd", {}, bar, number), bar, number };
      this.rows.set(name, row);
      this.list.append(row.term, row.definition);
    }
    row.bar.style.width = `${Math.min(100, (ms / scale) * 100)}%`;
    setText(row.number, `${ms.toFixed(1)} ms`);
  }
}
