/** The table of alerts with their fates: live (newest first) and in review (in order, tied to the scrubber). */

import { h, setText } from "../common/dom.js";
import { fateGroup, markIcon, STAGE_WORDS } from "../charts/marks.js";
import { duration } from "../common/format.js";
import { deliveryLatency_ms, fateWord, finalFate, GROUP_WORDS, reasonText } from "./fates.js";

/** A live stream keeps this many rows in the page; the review of the session holds all of them. */
export const MAX_LIVE_ROWS = 300;

export class Ledger {
  /**
   * @param {HTMLElement} root holds `[data-ledger-body]`, `[data-ledger-count]`, `[data-ledger-empty]` and the
   *     selects `[data-filter=stage]`, `[data-filter=fate]`
   * @param {Object} options
   * @param {boolean} [options.newestFirst]
   * @param {number|null} [options.startTime_s] frame clock that is shown as 0:00, for alerts without `at_s`; null
   *     while it is not known
   * @param {(at_s: number) => void} [options.onPick] a row's time was activated; seconds since the session began
   */
  constructor(root, { newestFirst = false, startTime_s = 0, onPick = null } = {}) {
    Object.assign(this, { root, newestFirst, startTime_s, onPick });
    this.body = root.querySelector("[data-ledger-body]");
    this.count = root.querySelector("[data-ledger-count]");
    this.empty = root.querySelector("[data-ledger-empty]");
    this.table = root.querySelector("[data-ledger-table]");
    this.filters = [...root.querySelectorAll("select[data-filter]")];
    this.entries = new Map();
    this.filters.forEach((select) => select.addEventListener("change", () => this.#applyFilters()));
  }

  /** Adds alerts that are new and updates those already listed. */
  add(alerts) {
    for (const alert of alerts) {
      const known = this.entries.get(alert.id);
      if (known) {
        Object.assign(known.alert, alert);
        this.#renderRow(known);
      } else {
        const entry = { alert: { ...alert }, row: h("tr", { role: "row", "data-alert": alert.id }) };
        this.entries.set(alert.id, entry);
        this.#renderRow(entry);
        if (this.newestFirst) this.body.prepend(entry.row); else this.body.append(entry.row);
      }
    }
    if (this.newestFirst) this.#trim();
    this.#applyFilters();
  }

  /** Adds alerts of before the page was opened, each at its place among those already listed. */
  addEarlier(alerts) {
    this.add(alerts.filter((alert) => !this.entries.has(alert.id)));
    const rows = [...this.entries.values()].sort((a, b) => b.alert.seq - a.alert.seq || b.alert.time_s - a.alert.time_s);
    this.entries = new Map([...rows].reverse().map((entry) => [entry.alert.id, entry]));
    this.body.replaceChildren(...rows.map((entry) => entry.row));
    this.#trim();
  }

  /** Writes what the patient's browser did with an alert. @returns {boolean} false when the alert is not listed */
  deliver(alertId, delivery) {
    const entry = this.entries.get(alertId);
    if (!entry) return false;
    entry.alert.delivery = delivery;
    this.#renderRow(entry);
    this.#applyFilters();
    return true;
  }

  get alerts() {
    return [...this.entries.values()].map((entry) => entry.alert);
  }

  /** Marks the rows within `within_s` of `time_s`. @returns {Array} their alerts, filtered or not */
  highlight(time_s, within_s) {
    const hits = [];
    for (const { alert, row } of this.entries.values()) {
      const near = time_s !== null && Math.abs(this.#shownTime_s(alert) - time_s) <= within_s;
      row.toggleAttribute("data-at-cursor", near);
      row.setAttribute("aria-current", near ? "time" : "false");
      if (near) hits.push(alert);
    }
    return hits;
  }

  #renderRow({ alert, row }) {
    const fate = finalFate(alert);
    const group = fateGroup(fate);
    const latency = deliveryLatency_ms(alert);
    row.dataset.stage = alert.stage;
    row.dataset.fate = fate;
    row.dataset.group = group;
    row.replaceChildren(
      cell("Time", this.#timeControl(alert), "time"),
      cell("Stage", [markIcon(alert.stage, fate), ` ${alert.stage} ${STAGE_WORDS[alert.stage] ?? ""}`], "stage"),
      cell("Alert", alert.text, "text"),
      cell("Fate", [h("span", { class: `fate fate-${group}` }, fateWord(fate)), h("span", { class: "visually-hidden" }, `, ${GROUP_WORDS[group].toLowerCase()}`)], "fate"),
      cell("Reason", reasonText(alert), "reason"),
      cell("Latency", latency === null ? "–" : `${Math.round(latency)} ms`, "latency"),
    );
  }

  #timeControl(alert) {
    const at_s = this.#shownTime_s(alert);
    const text = duration(at_s);
    if (!this.onPick) return text;
    return h("button", { type: "button", class: "link-button", "aria-label": `Go to ${text}`, onclick: () => this.onPick(at_s) }, text);
  }

  /** Seconds since the session began where the caller placed the alert (`at_s`), otherwise since `startTime_s`. */
  #shownTime_s(alert) {
    return alert.at_s ?? (this.startTime_s === null ? null : alert.time_s - this.startTime_s);
  }

  #trim() {
    while (this.body.rows.length > MAX_LIVE_ROWS) {
      const last = this.body.rows[this.body.rows.length - 1];
      this.entries.delete(last.dataset.alert);
      last.remove();
    }
  }

  #applyFilters() {
    const wanted = Object.fromEntries(this.filters.map((select) => [select.dataset.filter, select.value]));
    let shown = 0;
    for (const { row } of this.entries.values()) {
      const passes = (!wanted.stage || row.dataset.stage === wanted.stage)
        && (!wanted.fate || row.dataset.fate === wanted.fate || row.dataset.group === wanted.fate);
      row.hidden = !passes;
      shown += passes ? 1 : 0;
    }
    const total = this.entries.size;
    setText(this.count, shown === total ? `${total} ${total === 1 ? "alert" : "alerts"}` : `${shown} of ${total} alerts`);
    this.empty.hidden = total > 0;
    this.table.hidden = total === 0;
  }
}

/** Roles are written out because the table is laid out as cards on a narrow screen, which drops the implied ones. */
function cell(label, content, name) {
  return h("td", { role: "cell", "data-label": label, class: `ledger-${name}` }, h("span", {}, content));
}
