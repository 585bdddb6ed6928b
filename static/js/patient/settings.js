// The person's settings on the look page: kept by the server, sent to the running session, some kept per device.
import { postJson } from "../common/api.js";
import { load, save } from "../common/store.js";

export const RATE_MIN_WPM = 80;
export const RATE_MAX_WPM = 450;
const SAVE_AFTER_MS = 700; // one request for a whole slide of the rate control

/** Names that `session_start` and `settings` accept (docs/protocol.md). */
const SESSION_NAMES = ["condition", "verbosity", "speech_wpm", "units", "directions", "silenced", "masked", "hfov_deg", "camera_height_m"];
const PASSING = ["silenced", "masked"]; // belong to one session; a page always opens with its voice on

const CAMERA_NAMES = ["hfov_deg", "camera_height_m"];

/** Geometry of this device's camera, as far as the person gave it: {hfov_deg?, camera_height_m?}. */
export function cameraGeometry() {
  const given = CAMERA_NAMES.map((name) => [name, Number.parseFloat(load(`camera.${name}`, ""))]);
  return Object.fromEntries(given.filter(([, value]) => Number.isFinite(value)));
}

/** @param {string} name of CAMERA_NAMES @param {number|null} value null: not known */
export function setCameraGeometry(name, value) {
  save(`camera.${name}`, value ?? "");
}

/** Who speaks: MaxSight's own voice, or the person's screen reader. A matter of the device. */
export function speaker() {
  return load("speaker", "maxsight") === "screen_reader" ? "screen_reader" : "maxsight";
}

export function shortcutsEnabled() {
  return load("shortcuts", "on") !== "off";
}

export function setSpeaker(value) {
  save("speaker", value);
}

export function setShortcuts(on) {
  save("shortcuts", on ? "on" : "off");
}

export class Settings {
  /** @param {object} initial of the page @param {{url: string, send: (changes: object) => void, onError: (message: string) => void}} ways */
  constructor(initial, { url, send, onError }) {
    this.values = { verbosity: "normal", speech_wpm: 180, units: "metres", directions: "left_right", ...initial, ...cameraGeometry(), silenced: false };
    Object.assign(this, { url, send, onError });
    this.unsaved = {};
  }

  /** What a session starts with. */
  forSession() {
    const chosen = SESSION_NAMES.filter((name) => this.values[name] !== undefined).map((name) => [name, this.values[name]]);
    return Object.fromEntries(chosen);
  }

  /** Applies changes here, in the running session, and (after a moment) in the person's stored settings. */
  change(changes) {
    Object.assign(this.values, changes);
    this.send(changes);
    const lasting = Object.entries(changes).filter(([name]) => !PASSING.includes(name));
    if (!lasting.length) return;
    Object.assign(this.unsaved, Object.fromEntries(lasting));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  async #save() {
    const changes = this.unsaved;
    this.unsaved = {};
    try {
      await postJson(this.url, changes);
    } catch (error) {
      this.onError(`This setting works now, but it was not kept for next time. ${error.message}`);
    }
  }
}
