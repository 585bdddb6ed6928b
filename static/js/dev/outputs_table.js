/** Every output in one table: for reading across, for screen readers, for tests. */

import { h, setText } from "../common/dom.js";
import { sourceBadge } from "./outputs_list.js";
import { ageText, confidenceText, shapeOf, valueLine } from "./value_text.js";

const FIELDS = ["name", "value", "shape", "unit", "source", "confidence", "age", "method"];

export class OutputsTable {
  /** @param {HTMLTableSectionElement} body. @param {(name: string) => void} onSelect */
  constructor(body, store, onSelect) {
    this.store = store;
    this.rows = new Map();
    body.replaceChildren(...store.registry.map((spec) => this.#row(spec, onSelect)));
    this.render();
  }

  render() {
    for (const [name, cells] of this.rows) {
      const { value } = this.store.get(name);
      const spec = this.store.byName.get(name);
      setText(cells.value, valueLine(value));
      setText(cells.shape, shapeOf(value, spec));
      setText(cells.confidence, confidenceText(value));
      setText(cells.age, ageText(this.store.age_ms(name)));
      setText(cells.method, value.method || expectedMethod(spec));
      if (cells.source.dataset.source !== value.source) {
        cells.source.dataset.source = value.source;
        cells.source.replaceChildren(sourceBadge(value.source));
      }
    }
  }

  #row(spec, onSelect) {
    const cells = Object.fromEntries(FIELDS.filter((field) => field !== "name").map((field) => [field, h("td", { "data-field": field })]));
    cells.unit.textContent = spec.unit ?? "–";
    this.rows.set(spec.name, cells);
    return h("tr", { "data-output": spec.name },
      h("th", { scope: "row", "data-field": "name" },
        h("button", { type: "button", class: "link-button", onclick: () => onSelect(spec.name) }, spec.name)),
      ...Object.values(cells));
  }
}

/** What would give the output, shown until something did. */
function expectedMethod(spec) {
  const ways = [spec.learned_by && `learned by ${spec.learned_by}`, spec.measured_by && `measured by ${spec.measured_by}`];
  return ways.filter(Boolean).join("; ") || "–";
}
