/** Reads the engine's health once a second while somebody looks at the page, and reckons counts a second from it. */

import { getJson } from "../common/api.js";

const EVERY_MS = 1000;
/** Counts a second are taken over this many readings, so that they can be read. */
const RATE_READINGS = 6;

export class EngineFeed {
  /** @param {string} url. @param {{onReading: (reading: Object) => void, onFault: (error: Error) => void}} callbacks */
  constructor(url, { onReading, onFault }) {
    Object.assign(this, { url, onReading, onFault, timer: null, running: false });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#again(0); });
  }

  start() {
    this.running = true;
    this.#again(0);
  }

  stop() {
    this.running = false;
    clearTimeout(this.timer);
  }

  #again(afterMs) {
    clearTimeout(this.timer);
    if (this.running) this.timer = setTimeout(() => this.#read(), afterMs);
  }

  async #read() {
    if (document.hidden) return;
    try {
      const reading = await getJson(this.url);
      if (this.running) this.onReading(reading);
    } catch (error) {
      if (this.running) this.onFault(error);
    }
    this.#again(EVERY_MS);
  }
}

/** How many pieces of work each lane finished a second, over the last readings. */
export class LaneRates {
  constructor() {
    this.readings = [];
  }

  /** @param {{at_s: number, engine: Object}} reading */
  add({ at_s, engine }) {
    const done = Object.fromEntries(Object.entries(engine.lanes ?? {}).map(([name, lane]) => [name, lane.done]));
    const before = this.readings.at(-1);
    const startedAgain = before && (at_s < before.at_s || Object.keys(done).some((name) => done[name] < before.done[name]));
    this.readings = startedAgain ? [{ at_s, done }] : [...this.readings, { at_s, done }].slice(-RATE_READINGS);
  }

  /** @returns {number|null} pieces of work a second, or null where the engine does not report them or too few readings came */
  of(name) {
    const [first, last] = [this.readings[0], this.readings.at(-1)];
    if (!first || last.at_s <= first.at_s) return null;
    const done = last.done[name] - first.done[name];
    return Number.isFinite(done) ? done / (last.at_s - first.at_s) : null;
  }
}
