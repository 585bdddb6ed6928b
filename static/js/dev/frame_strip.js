/**
 * The last frames as a strip, one cell per frame, newest at the right: what Stage B did with each. Below it a slider
 * walks through them, a line of words says what the chosen one is, a key counts, and a table says the same.
 */

import { byId, fill, h, setText } from "../common/dom.js";
import { number } from "../common/format.js";
import { CELL_WORDS, cellReason, cellSentence } from "./engine_words.js";
import { LOGGED_FRAMES } from "./frame_log.js";

/** Cells of these are in the key although there are none. */
const ALWAYS_IN_KEY = ["ran", "latency", "uncertainty", "cancelled", "dropped"];

export class FrameStrip {
  /** @param {FrameLog} log */
  constructor(log) {
    this.log = log;
    this.chosen = null;
    this.shown = [];
    this.rows = new Map();
    this.slider = byId("strip-slider");
    this.details = byId("strip-details");
    this.body = byId("strip-table").tBodies[0];
    this.cells = Array.from({ length: LOGGED_FRAMES }, () => h("span", { class: "strip__cell", role: "img" }));
    fill(byId("strip"), this.cells.map((cell) => h("li", {}, cell)));
    this.counts = new Map(Object.entries(CELL_WORDS).map(([state, words]) => [state, this.#keyEntry(state, words)]));
    this.slider.addEventListener("input", () => this.#choose(Number(this.slider.value)));
    byId("strip").addEventListener("click", (event) => this.#clicked(event));
    this.details.addEventListener("toggle", () => this.#paintTable());
  }

  paint() {
    this.shown = this.log.cells();
    const offset = LOGGED_FRAMES - this.shown.length;
    const kept = this.shown.find((frame) => frame.seq === this.chosen) ?? null;
    if (!kept) this.chosen = null;
    this.cells.forEach((cell, index) => paintCell(cell, this.shown[index - offset], kept));
    this.#paintSlider(kept, offset);
    this.#paintKey();
    this.#paintTable();
  }

  /** Position 1 is the oldest place of the strip, the last one follows the newest frame. */
  #choose(position) {
    const frame = this.shown[position - 1 - (LOGGED_FRAMES - this.shown.length)];
    this.chosen = position === LOGGED_FRAMES ? null : (frame ?? this.shown[0])?.seq ?? null;
    const kept = this.shown.find((candidate) => candidate.seq === this.chosen) ?? null;
    this.cells.forEach((cell) => { cell.dataset.chosen = String(kept !== null && cell.dataset.seq === String(kept.seq)); });
    this.#say(kept);
    this.slider.setAttribute("aria-valuetext", byId("strip-words").textContent);
  }

  #clicked({ clientX }) {
    const { left, width } = byId("strip").getBoundingClientRect();
    this.slider.value = String(Math.min(LOGGED_FRAMES, Math.max(1, Math.ceil(((clientX - left) / width) * LOGGED_FRAMES))));
    this.#choose(Number(this.slider.value));
  }

  #paintSlider(kept, offset) {
    this.slider.disabled = this.shown.length === 0;
    this.slider.value = String(kept ? offset + this.shown.indexOf(kept) + 1 : LOGGED_FRAMES);
    this.#say(kept);
    // A screen reader speaks every change of the text while the slider has the focus: only the reader's own moves.
    if (document.activeElement !== this.slider) this.slider.setAttribute("aria-valuetext", byId("strip-words").textContent);
  }

  #say(kept) {
    const newest = this.shown.at(-1);
    setText(byId("strip-words"), kept ? cellSentence(kept) : newest ? `Newest: ${cellSentence(newest)}` : "No frame yet.");
  }

  #keyEntry(state, words) {
    const count = h("span", { class: "strip-key__count" }, "0");
    const entry = h("li", { "data-count": state, hidden: !ALWAYS_IN_KEY.includes(state) },
      h("span", { class: "strip__cell", "data-state": state, "aria-hidden": "true" }), `${words} `, count);
    byId("strip-key").append(entry);
    return { entry, count };
  }

  #paintKey() {
    for (const [state, { entry, count }] of this.counts) {
      const found = this.shown.filter((frame) => frame.state === state).length;
      setText(count, String(found));
      entry.hidden = found === 0 && !ALWAYS_IN_KEY.includes(state);
    }
  }

  /** Rows are kept and only their text changes, so that a reader's place in the table stays. */
  #paintTable() {
    if (!this.details.open) return;
    const wanted = new Set(this.shown.map((frame) => frame.seq));
    for (const [seq, row] of this.rows) if (!wanted.has(seq)) { row.remove(); this.rows.delete(seq); }
    for (const frame of this.shown) {
      let row = this.rows.get(frame.seq);
      if (!row) {
        row = h("tr", {}, h("th", { scope: "row" }, frame.seq), h("td"), h("td"), h("td", { class: "number" }));
        this.rows.set(frame.seq, row);
        this.body.insertBefore(row, [...this.body.rows].find((other) => Number(other.cells[0].textContent) < frame.seq) ?? null);
      }
      const [, stage, reason, time] = row.cells;
      setText(stage, CELL_WORDS[frame.state]);
      setText(reason, cellReason(frame));
      setText(time, Number.isFinite(frame.stage_a_ms) ? `${number(frame.stage_a_ms, 1)} ms` : "–");
    }
  }
}

function paintCell(cell, frame, kept) {
  const label = frame ? cellSentence(frame) : "No frame";
  if (cell.getAttribute("aria-label") !== label) {
    cell.setAttribute("aria-label", label);
    cell.title = label;
    cell.dataset.state = frame?.state ?? "empty";
    cell.dataset.seq = String(frame?.seq ?? "");
    cell.parentElement.ariaHidden = frame ? null : "true";
  }
  cell.dataset.chosen = String(Boolean(kept) && frame === kept);
}
