/** The list of outputs by tier, with the source of each; choosing one shows it in detail. */

import { h, setText } from "../common/dom.js";

const TIERS = [[1, "Tier 1, safety"], [2, "Tier 2, navigation"], [3, "Tier 3, enhancement"], [0, "Bookkeeping"]];
/** Word and sign of each source; the sign is decoration, the word is what is read. */
export const SOURCES = {
  learned: { word: "learned", sign: "◆" },
  measured: { word: "measured", sign: "●" },
  unavailable: { word: "unavailable", sign: "○" },
  awaited: { word: "unavailable so far", sign: "·" },
  none: { word: "unavailable so far", sign: "·" },
};

export function sourceBadge(source) {
  const { word, sign } = SOURCES[source] ?? { word: source, sign: "?" };
  return h("span", { class: `source source-${source}` }, h("span", { "aria-hidden": "true" }, `${sign} `), word);
}

export class OutputsList {
  /**
   * @param {HTMLElement} host
   * @param {OutputStore} store
   * @param {{search: HTMLInputElement, count: HTMLElement, onSelect: (name: string) => void}} options
   */
  constructor(host, store, { search, count, onSelect }) {
    Object.assign(this, { host, store, search, count, onSelect });
    this.items = new Map();
    this.sections = TIERS.map(([tier, title]) => this.#section(tier, title)).filter(Boolean);
    host.replaceChildren(...this.sections.map((section) => section.element));
    search.addEventListener("input", () => this.#filter());
    search.addEventListener("keydown", (event) => { if (event.key === "ArrowDown") this.#focusNext(event, null, 1); });
    host.addEventListener("keydown", (event) => this.#keys(event));
    this.#filter();
  }

  select(name) {
    for (const [itemName, { button }] of this.items) button.setAttribute("aria-pressed", String(itemName === name));
  }

  render() {
    for (const [name, item] of this.items) {
      const { source } = this.store.get(name).value;
      if (item.source === source) continue;
      item.source = source;
      item.badge.replaceWith(item.badge = sourceBadge(source));
    }
  }

  #section(tier, title) {
    const specs = this.store.registry.filter((spec) => spec.tier === tier);
    if (specs.length === 0) return null;
    const list = h("ul", { class: "outputs-tier" });
    for (const spec of specs) {
      const badge = sourceBadge("none");
      const button = h("button", { type: "button", class: "output-button", "aria-pressed": "false", "data-output": spec.name, onclick: () => this.onSelect(spec.name) },
        h("span", { class: "output-name" }, spec.name), badge);
      const row = h("li", {}, button);
      list.append(row);
      this.items.set(spec.name, { button, badge, row, source: "none", text: searchText(spec) });
    }
    const heading = h("h3", {}, title);
    return { element: h("section", {}, heading, list), list };
  }

  #filter() {
    const wanted = this.search.value.trim().toLowerCase();
    let shown = 0;
    for (const item of this.items.values()) {
      item.row.hidden = Boolean(wanted) && !item.text.includes(wanted);
      shown += item.row.hidden ? 0 : 1;
    }
    for (const { element, list } of this.sections) element.hidden = [...list.children].every((row) => row.hidden);
    setText(this.count, wanted ? `${shown} of ${this.items.size} outputs` : `${this.items.size} outputs`);
  }

  #keys(event) {
    const button = event.target.closest(".output-button");
    if (!button) return;
    if (event.key === "ArrowDown") this.#focusNext(event, button, 1);
    if (event.key === "ArrowUp") this.#focusNext(event, button, -1);
  }

  #focusNext(event, from, step) {
    const visible = [...this.items.values()].filter((item) => !item.row.hidden).map((item) => item.button);
    const next = visible[from ? visible.indexOf(from) + step : 0];
    event.preventDefault();
    if (next) next.focus(); else if (step < 0) this.search.focus();
  }
}

function searchText(spec) {
  return [spec.number, spec.name, spec.shape, spec.unit, spec.learned_by, spec.measured_by].join(" ").toLowerCase().replaceAll("_", " ")
    + ` ${spec.name}`;
}
