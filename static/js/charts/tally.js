/** Small tables of "how many of which", most frequent first. */

import { fill, h } from "../common/dom.js";

export class Tally {
  constructor() {
    this.counts = new Map();
  }

  add(name, count = 1) {
    this.counts.set(name, (this.counts.get(name) ?? 0) + count);
  }

  get total() {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Writes one row per name into a table body. */
  render(body) {
    const rows = [...this.counts].sort((a, b) => b[1] - a[1]);
    fill(body, rows.map(([name, count]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, count))));
  }
}

/** `superseded` and its like in words; the protocol's own name stays beside it for whoever looks it up. */
const DROP_WORDS = {
  superseded: "a newer frame took its place",
  not_started: "no session was running",
  stale: "too old to be useful",
  too_large: "picture too large",
  bad_image: "not a readable picture",
  bad_header: "header not understood",
  engine_error: "the engine failed on it",
  engine_restarting: "the engine was restarting",
  session_stopped: "the session had stopped",
};

export function dropReason(reason) {
  const words = DROP_WORDS[reason];
  return words ? `${words} (${reason})` : reason;
}

/** The decision point's reason without the figure of the one frame, so that like reasons count together. */
export function skipReason(reason) {
  return reason.replace(/^Stage B skipped: /, "").replace(/took [\d.]+ ms > /, "took more than ").replace(/[\d.]+ > /, "above ");
}
