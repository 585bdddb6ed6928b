// What MaxSight says, as text: newest first, each with its time and stage.
import { h } from "../common/dom.js";
import { clockTime } from "../common/format.js";

const LONGEST = 60;

/** Words and badge of each stage. The page's own words have a plain badge. */
export const STAGES = {
  P0: { word: "Stop", badge: "badge--p0" },
  P1: { word: "Soon", badge: "badge--p1" },
  P2: { word: "Around you", badge: "badge--p2" },
  P3: { word: "Answer", badge: "badge--p3" },
  system: { word: "MaxSight", badge: "badge--plain" },
};

export class SaidList {
  /** @param {HTMLElement} list @param {HTMLElement} empty shown while nothing was said */
  constructor(list, empty) {
    this.list = list;
    this.empty = empty;
    list.hidden = true;
  }

  /** @param {{id: string|null, text: string, stage: string, kind?: string}} item */
  add(item) {
    // The page's own urgent words ("Vision paused") are no stop warning about a thing.
    const stage = item.id === null ? "system" : item.stage;
    const { word, badge } = STAGES[item.kind === "perception" ? "system" : stage] ?? STAGES.system;
    const line = h("li", { dataset: { stage, kind: item.kind ?? "", id: item.id ?? "" } },
      h("span", { class: "said__meta" }, h("span", { class: `badge ${badge}` }, word), h("time", {}, clockTime())),
      h("p", { class: "said__words" }, item.text));
    this.list.prepend(line);
    while (this.list.children.length > LONGEST) this.list.lastElementChild.remove();
    this.list.hidden = false;
    this.empty.hidden = true;
  }
}
