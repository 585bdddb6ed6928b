/** One output's value in one line. */

import { isMatrix } from "../charts/heat_map.js";
import { isKnown, unbatched } from "./store.js";

const MAX_CHARACTERS = 90;

const SIGNIFICANT_DIGITS = 4;

/** A number with the digits that carry something: 0.0123, 4.57, 128.3. */
export function number(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(SIGNIFICANT_DIGITS))) : "–";
}

/** @param {Object} value Value JSON; its unit stands in a column of its own */
export function valueLine(value) {
  if (!isKnown(value)) return value.reason;
  if (value.summary) {
    const { min, mean, max } = value.summary;
    return `min ${number(min)}, mean ${number(mean)}, max ${number(max)}`;
  }
  return clip(plain(unbatched(value.value)));
}

/** The shape that came, or the registry's where the value is not a map. */
export function shapeOf(value, spec) {
  if (value.summary) return `[${value.summary.shape.join(", ")}] ${value.summary.dtype}`;
  return spec.shape ?? "–";
}

export function confidenceText(value) {
  return Number.isFinite(value.confidence) ? value.confidence.toFixed(2) : "–";
}

export function ageText(age_ms) {
  if (age_ms === null) return "–";
  return age_ms < 1000 ? `${Math.round(age_ms)} ms` : `${(age_ms / 1000).toFixed(1)} s`;
}

function plain(held) {
  if (held === null || held === undefined) return "nothing";
  if (typeof held === "number") return number(held);
  if (typeof held === "boolean" || typeof held === "string") return String(held);
  if (Array.isArray(held)) {
    if (held.length === 0) return "empty list";
    if (held.every((item) => typeof item === "number")) return held.map(number).join(", ");
    return `${held.length} ${held.length === 1 ? "item" : "items"}: ${held.map(brief).join(", ")}`;
  }
  return Object.entries(held).map(([key, item]) => `${key}: ${brief(item)}`).join(", ");
}

function brief(item) {
  if (typeof item === "number") return number(item);
  if (isMatrix(item)) return `${item.length} × ${item[0].length} map`;
  if (Array.isArray(item)) return `[${item.length}]`;
  if (item && typeof item === "object") return String(item.class ?? item.label ?? item.text ?? item.name ?? item.hazard ?? "{…}");
  return String(item);
}

function clip(text) {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS - 1)}…` : text;
}
