/** Every alert decision of the shown session, newest first, unfiltered. */

import { byId, h } from "../common/dom.js";
import { number } from "../common/format.js";

const MAX_ROWS = 100;

export class Decisions {
  constructor() {
    this.body = byId("alerts").tBodies[0];
    this.rows = new Map();
  }

  clear() {
    this.rows.clear();
    this.body.replaceChildren();
    this.#show();
  }

  add(alerts) {
    for (const alert of alerts ?? []) {
      const row = this.rows.get(alert.id) ?? h("tr");
      if (!this.rows.has(alert.id)) this.body.prepend(row);
      this.rows.set(alert.id, row);
      row.replaceChildren(h("th", { scope: "row" }, alert.seq), ...[
        alert.stage, alert.kind, alert.text, alert.fate, alert.reason, alert.track_id ?? "–",
        Number.isFinite(alert.time_to_contact_s) ? `${number(alert.time_to_contact_s, 1)} s` : "–", alert.source,
      ].map((text) => h("td", {}, text)));
    }
    while (this.body.rows.length > MAX_ROWS) this.body.lastElementChild.remove();
    if (this.rows.size > MAX_ROWS * 2) this.rows = new Map([...this.rows].slice(-MAX_ROWS));
    this.#show();
  }

  #show() {
    byId("alerts").hidden = this.rows.size === 0;
    byId("alerts-empty").hidden = this.rows.size > 0;
  }
}
