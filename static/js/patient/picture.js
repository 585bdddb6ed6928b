// The picture's side of the page: overlay, "In view", path guidance, lighting. Shows data; decides nothing.
import { byId, setText } from "../common/dom.js";
import { Overlay } from "../common/overlay.js";
import { readPath } from "../common/path_strip.js";
import { ThingsList } from "./things.js";

const SCENE_VALID_MS = 2500; // advice of Stage B older than this leaves the picture
const NOTHING = "Nothing recognised yet.";
const UNNAMED = "Nothing found yet. This server has no trained weights: things are not named. What comes closer, text and light are measured.";
/** @param {string[]} names the only classes that are reported, and not every one of them is found */
const partly = (names) => `Nothing recognised yet. The only things this server can name: ${names.join(", ")}. It misses many of them.`;
const LIGHT_WORDS = { dark: "Very dark picture", dim: "Dim light", bright: "Very bright light" };

export class Picture {
  constructor() {
    this.overlay = new Overlay(byId("overlay"));
    this.things = new ThingsList({ list: byId("things"), empty: byId("things-empty"), count: byId("things-count") });
    this.data = null;
    this.nothing = NOTHING;
    this.advice = { pathGuidance: null, pedestrians: [], at: -Infinity };
  }

  begin() {
    byId("stage-empty").hidden = true;
    setText(byId("things-empty"), this.nothing);
  }

  /** @param {{names_things?: boolean, named_classes?: string[] | null}} answer to `session_start`: an empty list must not be read as an empty way */
  opened(answer) {
    const known = answer.named_classes ? partly(answer.named_classes) : NOTHING;
    this.nothing = answer.names_things === false ? UNNAMED : known;
    setText(byId("things-empty"), this.nothing);
  }

  /** @param {object} message `result` @param {object} settings of the person */
  result(message, settings) {
    const { units, directions } = settings;
    const advice = performance.now() - this.advice.at < SCENE_VALID_MS ? this.advice : null;
    this.data = {
      w: message.w, h: message.h, detections: message.detections ?? [], hfovDeg: settings.hfov_deg ?? undefined, units, directions,
      pathGuidance: advice?.pathGuidance ?? null, pedestrians: advice?.pedestrians ?? [],
    };
    this.#shape(message.w, message.h);
    this.overlay.draw(this.data);
    setText(byId("things-empty"), this.nothing);
    this.things.show(this.data.detections, { units, directions });
    setText(byId("quality"), LIGHT_WORDS[lightingLevel(message.lighting)] ?? "");
    if (!advice) byId("path").hidden = true;
  }

  /** The frame takes the picture's own shape, so that no black bands are drawn. */
  #shape(w, h) {
    const ratio = `${w} / ${h}`;
    if (this.ratio === ratio) return;
    this.ratio = ratio;
    byId("stage").style.aspectRatio = ratio;
  }

  /** @param {object} message `scene`: Stage B's advice about an earlier frame */
  scene(message) {
    const outputs = message.outputs ?? {};
    if (!("path_guidance" in outputs) && !("pedestrians" in outputs)) return;
    const people = outputs.pedestrians?.value;
    this.advice = { pathGuidance: outputs.path_guidance ?? null, pedestrians: Array.isArray(people) ? people : [], at: performance.now() };
    this.#tellPath();
  }

  /** In the estimator's own words, which are never more certain than it is. */
  #tellPath() {
    const words = readPath(this.advice.pathGuidance)?.words;
    byId("path").hidden = !words;
    if (words) setText(byId("path"), `${words} (an estimate; steps down are not seen)`);
  }

  /** What is drawn is old: it fades, and is not a list of things in view any more. */
  dim() {
    if (this.data) this.overlay.draw({ ...this.data, detections: [], pathGuidance: null, pedestrians: [], dimmed: true });
    this.things.clear();
    setText(byId("things-empty"), "Vision is paused: nothing is known about what is in view.");
    byId("path").hidden = true;
  }

  clear() {
    this.data = null;
    this.advice = { pathGuidance: null, pedestrians: [], at: -Infinity };
    this.overlay.clear();
    this.things.clear();
    setText(byId("things-empty"), NOTHING);
    setText(byId("quality"), "");
    byId("path").hidden = true;
    byId("stage-empty").hidden = false;
  }
}

/** `lighting` may be the level itself, or the output that holds it. */
function lightingLevel(lighting) {
  return typeof lighting === "string" ? lighting : (lighting?.value?.level ?? lighting?.level ?? null);
}
