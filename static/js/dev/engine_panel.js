/** The engine's health as the server reports it: lanes, Stage B, what was not finite, retrieval, and what perceives. */

import { byId, fill, h, setText } from "../common/dom.js";
import { number } from "../common/format.js";
import {
  engineState, kindWords, LANE_WORDS, laneState, networkWords, NOT_REPORTED, reasonWords, shareWords,
} from "./engine_words.js";

const COUNTERS = ["ran", "skipped", "cancelled", "failed"];
const RETRIEVAL = {
  queued: "Queued", answered: "Answered", dropped: "Dropped", early: "Turned away early", failed: "Failed",
  restarts: "Restarts", index_size: "Scenes in the index", last_ms: "Last answer", last_error: "Last error",
};
/** What perceives, in the order a reader asks. */
const PERCEIVES = {
  tier: "Tier", runtime: "Runtime", device: "Device", precision: "Precision", grid: "Detection grid",
  input_size: "Input", trained_heads: "Trained heads", weights: "Weights",
};
const CONTEXT_NETWORK = {
  runtime: "Runtime", device: "Device", precision: "Precision", trained_heads: "Trained heads", weights: "Weights",
};

export class EnginePanel {
  constructor() {
    this.previous = null;
    this.lanes = Object.fromEntries(Object.entries(LANE_WORDS).map(([name, words]) => [name, laneRow(name, words)]));
    fill(byId("lanes").tBodies[0], Object.values(this.lanes).map(({ row }) => row));
  }

  /** @param {Object} health of the engine. @param {LaneRates} rates */
  paint(health, rates) {
    const { key, words } = engineState(health);
    byId("engine-state").dataset.state = key;
    setText(byId("engine-state"), words);
    for (const name of Object.keys(LANE_WORDS)) this.#paintLane(name, health.lanes?.[name], rates.of(name));
    setText(byId("lanes-lost"), lostWords(health));
    paintStageB(health.stage_b ?? {});
    paintNotFinite(health.not_finite);
    paintFacts("retrieval", RETRIEVAL, health.retrieval, "Not reported: no index of scenes is loaded.");
    paintFacts("perceives", PERCEIVES, health.engine ?? {});
    paintFacts("context-network", CONTEXT_NETWORK, health.engine?.stage_b,
      health.engine?.stage_b === null ? "None in this tier: Stage B measures." : "Not reported.");
    this.previous = health;
  }

  #paintLane(name, lane, rate) {
    const { row, state, cells } = this.lanes[name];
    const { key, words } = laneState(name, lane, this.previous?.lanes?.[name]);
    row.dataset.state = key;
    setText(state, words);
    setText(cells.rate, rate === null ? "–" : number(rate, 1));
    for (const figure of ["done", "restarts", "errors"]) setText(cells[figure], Number.isFinite(lane?.[figure]) ? String(lane[figure]) : "–");
  }
}

function laneRow(name, words) {
  const state = h("span", { class: "lane-state" }, NOT_REPORTED);
  const cells = Object.fromEntries(["done", "rate", "restarts", "errors"].map((figure) => [figure, h("td", { class: "number", "data-figure": figure }, "–")]));
  const row = h("tr", { "data-lane": name, "data-state": "unknown" }, h("th", { scope: "row" }, `${name} `, h("span", { class: "lane-words" }, words)), h("td", {}, state), Object.values(cells));
  return { row, state, cells };
}

function lostWords({ background_dropped: dropped, lanes }) {
  const hung = Object.values(lanes ?? {}).reduce((sum, lane) => sum + (lane.abandoned ?? Number.NaN), 0);
  return `Background work dropped because its queue was full: ${count(dropped)}. Hung threads that were given up and still exist: ${count(lanes && hung)}.`;
}

function paintStageB(stageB) {
  setText(byId("stage-b-tier"), factText(stageB.tier));
  setText(byId("stage-b-network"), networkWords(stageB.network));
  setText(byId("stage-b-last-ms"), factText(stageB.last_ms, "last_ms"));
  for (const counter of COUNTERS) {
    setText(byId(`stage-b-${counter}`), count(stageB[counter]));
    byId(`stage-b-${counter}`).dataset.known = String(Number.isFinite(stageB[counter]));
  }
  setText(byId("stage-b-share"), shareWords(stageB));
  setText(byId("stage-b-last"), stageB.last_reason === undefined ? NOT_REPORTED : reasonWords(stageB.last_reason));
  paintCounts("skips", Object.entries(stageB.reasons ?? {}).map(([kind, times]) => [kindWords(kind), times]),
    stageB.reasons ? "No frame was skipped, cancelled or failed." : "Reasons: not reported.");
}

function paintNotFinite(notFinite) {
  paintCounts("not-finite", Object.entries(notFinite ?? {}), notFinite ? "None since the engine started." : "Not reported.");
}

/** Rows "name, how often", most frequent first; without any, a sentence in their place. */
function paintCounts(id, counts, none) {
  const rows = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const table = byId(id);
  table.hidden = rows.length === 0;
  byId(`${id}-none`).hidden = rows.length > 0;
  setText(byId(`${id}-none`), none);
  const content = JSON.stringify(rows);
  if (table.dataset.content === content) return;
  table.dataset.content = content;
  fill(table.tBodies[0], rows.map(([name, times]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, times))));
}

/** Named facts; where nothing at all is held, the sentence `none` in their place. */
function paintFacts(id, names, held, none = "") {
  const list = byId(id);
  if (!list.children.length) {
    fill(list, Object.entries(names).flatMap(([name, words]) => [h("dt", {}, words), h("dd", { "data-fact": name })]));
  }
  for (const fact of list.querySelectorAll("dd")) setText(fact, factText(held?.[fact.dataset.fact], fact.dataset.fact));
  if (!none) return;
  list.hidden = !held;
  byId(`${id}-none`).hidden = Boolean(held);
  setText(byId(`${id}-none`), none);
}

function factText(value, name = "") {
  if (value === undefined) return NOT_REPORTED;
  if (value === null) return "none yet";
  if (Array.isArray(value)) return value.length ? value.join(", ") : "none: its outputs are withheld";
  if (name.endsWith("_ms") && Number.isFinite(value)) return `${number(value, 1)} ms`;
  return name === "input_size" ? `${value} px` : String(value);
}

function count(value) {
  return Number.isFinite(value) ? String(value) : NOT_REPORTED;
}
