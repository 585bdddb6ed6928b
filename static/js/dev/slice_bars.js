/** Stage B's slices with their times: a waiting frame of Stage A waits for one of them at most, so each has Stage A's budget. */

import { byId, h, setText } from "../common/dom.js";
import { number } from "../common/format.js";

/** Milliseconds a safety frame may take on two cores, and so the longest it may be kept waiting. */
const SLICE_BUDGET_MS = 40;
/** Bars end a little right of the budget at least, so that its mark can be seen. */
const MIN_SCALE_MS = 50;
/** Sums that the timings hold beside the slices. */
const SUMS = new Set(["stage_b", "total"]);

export class SliceBars {
  constructor() {
    this.list = byId("slices");
    this.rows = new Map();
  }

  /** @param {Object<string, number>} slices_ms slice to milliseconds, in the order they ran. @param {string} whose */
  paint(slices_ms, whose) {
    const slices = Object.entries(slices_ms ?? {}).filter(([name, ms]) => !SUMS.has(name) && Number.isFinite(ms));
    const longest = slices.reduce((most, slice) => (slice[1] > (most?.[1] ?? -1) ? slice : most), null);
    const scale_ms = Math.max(MIN_SCALE_MS, longest?.[1] ?? 0);
    setText(byId("slices-words"), longest ? longestWords(longest, whose) : "No slice has run yet.");
    byId("slices-words").classList.toggle("engine-over", (longest?.[1] ?? 0) > SLICE_BUDGET_MS);
    this.list.hidden = slices.length === 0;
    this.list.style.setProperty("--budget", `${(SLICE_BUDGET_MS / scale_ms) * 100}%`);
    const names = slices.map(([name]) => name);
    if ([...this.rows.keys()].join("\n") !== names.join("\n")) this.#build(names);
    for (const [name, ms] of slices) this.#update(name, ms, scale_ms, name === longest[0]);
  }

  #build(names) {
    this.rows = new Map(names.map((name) => {
      const bar = h("span", { class: "slice__bar" });
      const time = h("span", { class: "slice__time" });
      return [name, { row: h("li", { class: "slice", "data-slice": name }, h("span", { class: "slice__name" }, name),
        h("span", { class: "slice__track", "aria-hidden": "true" }, bar), time), bar, time }];
    }));
    this.list.replaceChildren(...[...this.rows.values()].map(({ row }) => row));
  }

  #update(name, ms, scale_ms, isLongest) {
    const { row, bar, time } = this.rows.get(name);
    bar.style.width = `${(ms / scale_ms) * 100}%`;
    row.dataset.longest = String(isLongest);
    row.dataset.over = String(ms > SLICE_BUDGET_MS);
    setText(time, `${number(ms, 1)} ms`);
  }
}

function longestWords([name, ms], whose) {
  const against = ms > SLICE_BUDGET_MS ? "over" : "within";
  return `Longest: ${name}, ${number(ms, 1)} ms, ${against} Stage A's budget of ${SLICE_BUDGET_MS} ms. ${whose}`;
}
