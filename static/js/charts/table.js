/** The table that stands for a chart: same figures, readable by ear, built only when it is opened. */

import { h } from "../common/dom.js";

const MAX_ROWS = 120;

/**
 * @param {HTMLElement} host where the <details> goes
 * @param {{title: string, columns: string[], rows: () => Array<Array<string|number>>}} content
 *     `rows` is asked again at every opening
 */
export function tableAlternative(host, { title, columns, rows }) {
  const body = h("tbody");
  const note = h("p", { class: "chart-note" });
  const details = h("details", { class: "chart-table" },
    h("summary", {}, "Show as a table", h("span", { class: "visually-hidden" }, `: ${title}`)),
    note,
    h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": `Table: ${title}` },
      h("table", {}, h("caption", { class: "visually-hidden" }, title),
        h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, name)))), body)));
  details.addEventListener("toggle", () => {
    if (details.open) fill(body, note, rows());
  });
  host.append(details);
  return details;
}

function fill(body, note, rows) {
  const step = Math.max(1, Math.ceil(rows.length / MAX_ROWS));
  const shown = rows.filter((_, index) => index % step === 0);
  note.textContent = rows.length === 0 ? "No figures yet."
    : step === 1 ? `${rows.length} rows, as of opening.`
      : `Every ${step}th of ${rows.length} rows; the JSON of this session holds all of them.`;
  body.replaceChildren(...shown.map((cells) => h("tr", {},
    ...cells.map((cell, index) => h(index === 0 ? "th" : "td", index === 0 ? { scope: "row" } : {}, cell)))));
}
