/** The chosen output: where it came from, how old it is, its value in its natural form, and its recent history. */

import { h, setText } from "../common/dom.js";
import { drawSparkline } from "../charts/sparkline.js";
import { naturalForm } from "./natural_form.js";
import { sourceBadge } from "./outputs_list.js";
import { historyNumber, isKnown, NO_FRAME } from "./store.js";
import { ageText, confidenceText, number, shapeOf } from "./value_text.js";

const CADENCES = { frame: "every frame", stage_b: "when there is time", background: "in the background" };
const FACTS = ["source", "shape", "unit", "range", "stage", "confidence", "age", "frame", "method", "reason"];

export class OutputDetail {
  constructor(host, store) {
    this.store = store;
    this.name = null;
    this.drawn = null;
    this.title = h("h2", { id: "detail-title" }, "Choose an output");
    this.facts = Object.fromEntries(FACTS.map((fact) => [fact, h("dd", { "data-fact": fact })]));
    this.form = h("div", { class: "detail-form" }, h("p", {}, "Its value, shape, source and history will be here. Choose one in the list of outputs."));
    this.canvas = h("canvas", { class: "sparkline", role: "img" });
    this.range = h("p", { class: "chart-summary" });
    this.history = h("section", { class: "detail-history", hidden: true }, h("h3", {}, "History"), this.canvas, this.range);
    this.factList = h("dl", { class: "detail-facts", hidden: true }, ...FACTS.flatMap((fact) => [h("dt", {}, fact), this.facts[fact]]));
    host.replaceChildren(this.title, this.form, this.history, this.factList);
  }

  show(name) {
    this.name = name;
    this.drawn = null;
    this.factList.hidden = false;
    this.render();
  }

  render() {
    if (!this.name) return;
    const spec = this.store.byName.get(this.name);
    const entry = this.store.get(this.name);
    setText(this.title, `${spec.number}. ${spec.name}`);
    this.#renderFacts(spec, entry);
    this.#renderHistory(entry);
    if (this.drawn === entry.value) return;
    this.drawn = entry.value;
    this.form.replaceChildren(isKnown(entry.value) ? naturalForm(entry.value, spec) : h("p", { class: "form-missing" }, sentence(entry.value)));
  }

  #renderFacts(spec, { value, seq }) {
    const range = [spec.low, spec.high].map((bound) => (bound === null ? "open" : number(bound))).join(" to ");
    const texts = {
      shape: shapeOf(value, spec), unit: spec.unit ?? "none", range: spec.low === null && spec.high === null ? "–" : range,
      stage: spec.stage === "-" ? "bookkeeping, every frame" : `${spec.stage}, ${CADENCES[spec.cadence]}`, confidence: confidenceText(value), age: ageText(this.store.age_ms(spec.name)),
      frame: seq === null ? "–" : String(seq), method: value.method || "–", reason: value.reason ?? "–",
    };
    for (const [fact, text] of Object.entries(texts)) setText(this.facts[fact], text);
    if (this.facts.source.dataset.source !== value.source) {
      this.facts.source.dataset.source = value.source;
      this.facts.source.replaceChildren(sourceBadge(value.source));
    }
  }

  #renderHistory({ value, history }) {
    const range = history.range();
    this.history.hidden = range === null;
    if (!range) return;
    drawSparkline(this.canvas, history);
    const what = historyNumber(value)?.what ?? "last known value";
    const text = `${what}, last ${range.count} values: ${number(range.low)} to ${number(range.high)}`;
    setText(this.range, text);
    this.canvas.setAttribute("aria-label", text);
  }
}

function sentence(value) {
  if (value === NO_FRAME) return "No frame yet. Start a session or watch a running one.";
  return value.source === "awaited" ? `Nothing yet: ${value.reason}.` : `Unavailable: ${value.reason}.`;
}
