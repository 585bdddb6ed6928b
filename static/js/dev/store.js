/**
 * The newest value of every output of the registry. An output that no frame has brought yet is listed as such: the
 * registry decides what exists, the frames only what is known.
 */

import { previewOf } from "../charts/heat_map.js";
import { History } from "../charts/sparkline.js";

export const NO_FRAME = { source: "none", reason: "no frame yet", method: "", confidence: null, age_ms: null };
/** After the first frame: Stage B and the background bring their outputs later, or not at all. */
export const NOT_BROUGHT = { ...NO_FRAME, source: "awaited", reason: "no frame has brought it yet" };

export class OutputStore {
  /**
   * @param {Array<Object>} registry as `/dev/api/outputs` lists it
   * @param {() => number} now milliseconds of a clock that never jumps
   */
  constructor(registry, now = () => performance.now()) {
    this.registry = registry;
    this.byName = new Map(registry.map((spec) => [spec.name, spec]));
    this.now = now;
    this.clear();
  }

  clear() {
    this.entries = new Map(this.registry.map((spec) => [spec.name, { value: NO_FRAME, seq: null, arrived_ms: null, history: new History() }]));
    this.unknown = new Set();
    this.seq = null;
  }

  /** @param {Object<string, Object>} outputs name to Value JSON. @param {number} seq number of the frame */
  update(outputs, seq) {
    const arrived_ms = this.now();
    for (const [name, value] of Object.entries(outputs ?? {})) {
      const entry = this.entries.get(name);
      if (!entry) { this.unknown.add(name); continue; }
      Object.assign(entry, { value, seq, arrived_ms });
      entry.history.push(historyNumber(value)?.number);
    }
    if (this.seq === null) {
      for (const entry of this.entries.values()) if (entry.value === NO_FRAME) entry.value = NOT_BROUGHT;
    }
    this.seq = seq;
  }

  /** What Stage B never brought is unavailable for the decision point's reason. @param {Object} decision */
  decided(decision) {
    const missing = decision.run ? NOT_BROUGHT : { ...NO_FRAME, source: "unavailable", reason: decision.reason };
    for (const [name, entry] of this.entries) {
      if (this.byName.get(name).stage === "B" && entry.arrived_ms === null) entry.value = missing;
    }
  }

  get(name) {
    return this.entries.get(name);
  }

  /** Age of an output now, milliseconds: its age when sent plus the time since it came, or null before any frame. */
  age_ms(name) {
    const entry = this.entries.get(name);
    if (!entry || entry.arrived_ms === null) return null;
    return (entry.value.age_ms ?? 0) + this.now() - entry.arrived_ms;
  }

  /** @returns {Object<string, number>} how many outputs are learned, measured, unavailable, and awaited still */
  counts() {
    const counts = { learned: 0, measured: 0, unavailable: 0, awaited: 0, none: 0 };
    for (const { value } of this.entries.values()) counts[value.source] += 1;
    return counts;
  }

  /** Names of outputs whose newest value can be drawn as a map. */
  maps() {
    return [...this.entries].filter(([, entry]) => previewOf(entry.value)).map(([name]) => name);
  }
}

/** Whether a Value holds a value at all. */
export function isKnown(value) {
  return value.source === "learned" || value.source === "measured";
}

/** Without batch dimensions of one: [[0.1, 0.9]] is [0.1, 0.9]. */
export function unbatched(held) {
  return Array.isArray(held) && held.length === 1 && Array.isArray(held[0]) ? unbatched(held[0]) : held;
}

/**
 * The one number of a value that its history follows.
 * @returns {{number: number, what: string}|null} null where no single number stands for the value
 */
export function historyNumber(value) {
  if (!isKnown(value)) return null;
  if (value.summary) return { number: value.summary.mean, what: "mean of the map" };
  const held = unbatched(value.value);
  if (typeof held === "boolean") return { number: held ? 1 : 0, what: "1 is true" };
  if (typeof held === "number") return { number: held, what: "value" };
  if (Array.isArray(held)) {
    if (held.length === 1 && typeof held[0] === "number") return { number: held[0], what: "value" };
    if (held.length && held.every((item) => typeof item === "number")) return { number: Math.max(...held), what: "highest entry" };
    return { number: held.length, what: "number of items" };
  }
  return null;
}
