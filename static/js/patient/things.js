// "In view": the detections in words, for screen readers and for people who see the list better than the boxes.
import { h, setText } from "../common/dom.js";
import { describeDetection, plural } from "../common/format.js";
import { urgencyOf } from "../common/urgency.js";

const UPDATE_EVERY_MS = 500; // a list that changes ten times a second cannot be read

/** A thing without urgency is "seen", not "safe": nobody may read a promise into a label. */
function wordOf(urgency) {
  return urgency === "safe" ? "Seen" : urgencyOf(urgency).word;
}

export class ThingsList {
  /** @param {{list: HTMLElement, empty: HTMLElement, count: HTMLElement}} parts */
  constructor(parts) {
    Object.assign(this, parts);
    this.updatedAt = -Infinity;
  }

  /** @param {object[]} detections @param {{units: string, directions: string}} how */
  show(detections, how, now = performance.now()) {
    if (now - this.updatedAt < UPDATE_EVERY_MS && this.list.children.length === detections.length) return;
    this.updatedAt = now;
    const sorted = [...detections].sort((a, b) => urgencyOf(b.urgency).rank - urgencyOf(a.urgency).rank
      || (a.distance_m ?? Infinity) - (b.distance_m ?? Infinity) || a.id - b.id);
    const lines = new Map([...this.list.children].map((line) => [line.dataset.track, line]));
    const wanted = sorted.map((detection) => this.#line(lines.get(String(detection.id)), detection, how));
    const same = wanted.length === this.list.children.length && wanted.every((line, index) => line === this.list.children[index]);
    if (!same) this.list.replaceChildren(...wanted);
    this.empty.hidden = wanted.length > 0;
    setText(this.count, wanted.length ? `(${plural(wanted.length, "thing")})` : "");
  }

  #line(existing, detection, how) {
    const line = existing ?? h("li", { dataset: { track: detection.id } }, h("span", { class: "badge" }), h("span"));
    const [badge, words] = line.children;
    badge.className = `badge badge--${detection.urgency}`;
    setText(badge, wordOf(detection.urgency));
    setText(words, describeDetection(detection, how));
    Object.assign(line.dataset, { urgency: detection.urgency, source: detection.source });
    return line;
  }

  clear() {
    this.list.replaceChildren();
    this.empty.hidden = false;
    setText(this.count, "");
  }
}
