// Figures and words for people. Pure functions.

const FEET_PER_METRE = 3.28084;
const AHEAD_HALF_ANGLE_DEG = 15; // alert policy: ahead is +-15 degrees
const ARM_LENGTH_M = 1;
const HALF_METRES_BELOW_M = 5;

/** "21 ms", "1.3 s"; "–" for nothing. */
export function milliseconds(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** A number with fixed digits; "–" for nothing. */
export function number(value, digits = 0) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(digits);
}

/** 0..1 as "83 %". */
export function percent(value, digits = 0) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : `${(value * 100).toFixed(digits)} %`;
}

/** "14:03:09", local time of the person. */
export function clockTime(date = new Date()) {
  return date.toLocaleTimeString("en-GB", { hour12: false });
}

/** "23 Nov 2026, 14:03". Accepts a Date, an ISO string or milliseconds. */
export function dateTime(value) {
  const date = value instanceof Date ? value : new Date(value);
  if (Number.isNaN(date.getTime())) return "–";
  return date.toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
}

/** "just now", "40 seconds ago", "3 minutes ago", "2 days ago". */
export function ago(from, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(from).getTime()) / 1000);
  if (seconds < 5) return "just now";
  const steps = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [Infinity, 86400, "day"]];
  const [, unit, name] = steps.find(([below]) => seconds < below);
  const count = Math.round(seconds / unit);
  return `${plural(count, name)} ago`;
}

/** "1 frame", "3 frames". */
export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** "4:07" for 247 seconds; "1:02:07" from an hour on. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const tail = `${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** Distance as the alerts say it: "arm's length", "2.5 metres", "8 metres", or feet. null when unknown. */
export function distance(metres, units = "metres") {
  if (metres === null || metres === undefined || !Number.isFinite(metres)) return null;
  if (metres < ARM_LENGTH_M) return "arm's length";
  if (units === "feet") return plural(Math.round(metres * FEET_PER_METRE), "foot", "feet");
  const rounded = metres < HALF_METRES_BELOW_M ? Math.round(metres * 2) / 2 : Math.round(metres);
  return plural(rounded, "metre");
}

/** Bearing in degrees (right positive) as "ahead", "left", "right", or a clock direction. */
export function direction(bearingDeg, directions = "left_right") {
  if (bearingDeg === null || bearingDeg === undefined || !Number.isFinite(bearingDeg)) return null;
  if (directions === "clock") {
    const hour = Math.round(bearingDeg / 30);
    return `${((hour + 11) % 12) + 1} o'clock`;
  }
  if (Math.abs(bearingDeg) <= AHEAD_HALF_ANGLE_DEG) return "ahead";
  return bearingDeg < 0 ? "left" : "right";
}

/** "Traffic light" out of "traffic light" or "traffic_light". */
export function sentence(text) {
  const plain = String(text ?? "").replaceAll("_", " ").trim();
  return plain ? plain[0].toUpperCase() + plain.slice(1) : "";
}

/** Hazard, direction, distance: "Bicycle, left, 3 metres". */
export function describeDetection(detection, { units = "metres", directions = "left_right" } = {}) {
  const where = direction(detection.bearing_deg, directions);
  const howFar = distance(detection.distance_m, units) ?? detection.zone;
  return [sentence(detection.class), where, howFar].filter(Boolean).join(", ");
}

/** Median of numbers; NaN for none. */
export function median(values) {
  if (!values.length) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The q-quantile (0..1) by linear interpolation; NaN for none. */
export function quantile(values, q) {
  if (!values.length) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (position - low);
}
