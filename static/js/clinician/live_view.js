/** The overlay without the picture, and the same detections as a table. */

import { byId, fill, h, setText } from "../common/dom.js";
import { direction, distance, number, plural, sentence } from "../common/format.js";
import { Overlay } from "../common/overlay.js";
import { urgencyOf } from "../common/urgency.js";

export class LiveView {
  /** @param {{hfov_deg?: number, units?: string, directions?: string}} settings of the watched session */
  constructor(settings = {}) {
    this.settings = settings;
    this.overlay = new Overlay(byId("live-overlay"));
    this.details = byId("detections");
    this.latest = null;
    this.details.addEventListener("toggle", () => this.#table());
  }

  /** @param {{w: number, h: number, detections: object[]}} result */
  show(result) {
    this.latest = result;
    const detections = result.detections ?? [];
    setText(byId("detections-count"), `(${detections.length})`);
    setText(byId("stage-note"), detections.length ? "" : "Nothing found in this frame.");
    this.#draw(false);
    this.#table();
  }

  /** Advice of Stage B about an earlier frame: path and possible pedestrians. */
  advise(outputs) {
    this.advice = outputs ?? {};
    if (this.latest) this.#draw(false);
  }

  /** Draws the last result faint, with the reason why it is old. */
  dim(words) {
    setText(byId("stage-note"), words);
    if (this.latest) this.#draw(true);
  }

  #draw(dimmed) {
    const { w = 4, h: height = 3, detections } = this.latest;
    this.overlay.draw({
      w, h: height, detections, dimmed,
      pathGuidance: this.advice?.path_guidance ?? null,
      pedestrians: listOf(this.advice?.pedestrians),
      hfovDeg: this.settings.hfov_deg ?? undefined,
      units: this.settings.units, directions: this.settings.directions,
    });
  }

  #table() {
    if (!this.details.open || !this.latest) return;
    const { units, directions } = this.settings;
    const rows = (this.latest.detections ?? []).map((found) => h("tr", {},
      h("th", { scope: "row" }, sentence(found.class)), h("td", {}, urgencyOf(found.urgency).word),
      h("td", {}, direction(found.bearing_deg, directions) ?? "–"), h("td", {}, distance(found.distance_m, units) ?? found.zone ?? "–"),
      h("td", {}, Number.isFinite(found.time_to_contact_s) ? `${number(found.time_to_contact_s, 1)} s` : "–"), h("td", {}, number(found.score, 2))));
    fill(byId("detections-body"), rows.length ? rows : h("tr", {}, h("td", { colspan: 6 }, "Nothing found in this frame.")));
  }
}

function listOf(output) {
  const held = output?.value ?? output;
  return Array.isArray(held) ? held.filter((item) => Array.isArray(item.box)) : [];
}

/** "12 of 15 frames ran (80 %)". */
export function shareText(ran, total) {
  return total === 0 ? "No frame yet." : `Ran for ${ran} of ${plural(total, "frame")} (${Math.round((100 * ran) / total)} %).`;
}
