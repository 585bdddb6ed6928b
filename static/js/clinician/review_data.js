/** From a session's saved rows to what the review shows. Pure functions. */

import { duration, number, plural } from "../common/format.js";
import { countGroups, finalFate } from "./fates.js";

/**
 * One row per second from 0 to the last, so that a second without figures is a gap in the line and not a bridge.
 * @param {Array<Object>} figures as `/clinician/api/sessions/<id>` lists them, ascending
 */
export function columnsOf(figures) {
  const last = figures.length ? figures.at(-1).second : -1;
  const bySecond = new Map(figures.map((row) => [row.second, row]));
  const times = Array.from({ length: last + 1 }, (_, second) => second);
  const column = (read) => times.map((second) => {
    const row = bySecond.get(second);
    const value = row ? read(row) : null;
    return Number.isFinite(value) ? value : null;
  });
  return {
    times,
    p50: column((row) => row.latency_p50_ms),
    p95: column((row) => row.latency_p95_ms),
    results: column((row) => row.results),
    dropped: column((row) => dropsOf(row)),
    uncertainty: column((row) => row.uncertainty),
  };
}

export function dropsOf(row) {
  return Object.values(row.dropped ?? {}).reduce((sum, count) => sum + count, 0);
}

/**
 * Alerts with `at_s`, the second of the session they belong to. The server's own time of the decision places them
 * where it is known; otherwise the frame clock does, counted from the first alert's frame.
 */
export function placeAlerts(alerts, startedAt) {
  const started_ms = Date.parse(startedAt);
  const firstFrame_s = alerts.length ? Math.min(...alerts.map((alert) => alert.time_s)) : 0;
  return alerts.map((alert) => {
    const decided_ms = Date.parse(alert.decided_at);
    const known = Number.isFinite(decided_ms) && Number.isFinite(started_ms);
    return { ...alert, at_s: known ? Math.max(0, (decided_ms - started_ms) / 1000) : alert.time_s - firstFrame_s };
  }).sort((a, b) => a.at_s - b.at_s);
}

/** Alerts by what became of them, in the order a reader asks: fate to count. */
export function fateCounts(alerts) {
  const counts = new Map();
  for (const alert of alerts) counts.set(finalFate(alert), (counts.get(finalFate(alert)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/** The whole session in three sentences, for whoever cannot or need not look at charts. */
export function summarise({ columns, alerts, length_s }) {
  const results = sum(columns.results);
  const dropped = sum(columns.dropped);
  const medians = columns.p50.filter((value) => value !== null).sort((a, b) => a - b);
  const slow = Math.max(...columns.p95.filter((value) => value !== null));
  const groups = countGroups(alerts);
  const others = [[groups.partly, "cut short"], [groups.pending, "pending"]].filter(([count]) => count).map(([count, words]) => `, ${count} ${words}`);
  const stops = alerts.filter((alert) => alert.stage === "P0").length;
  const frames = `${duration(length_s)} long: ${plural(results, "result")}, ${plural(dropped, "dropped frame")}.`;
  const latency = medians.length
    ? ` Latency was typically ${number(medians[medians.length >> 1])} ms; the slowest second's 95th percentile was ${number(slow)} ms.` : " No latency was recorded.";
  const told = ` ${plural(alerts.length, "alert")}: ${groups.delivered} delivered, ${groups.withheld} not delivered${others.join("")}; ${stops} of them P0 stop.`;
  return frames + latency + told;
}

/** Length of the session, seconds: from its own times, or from its figures while it runs or was interrupted. */
export function lengthOf(session, columns) {
  const span_s = (Date.parse(session.ended_at) - Date.parse(session.started_at)) / 1000;
  return Math.max(Number.isFinite(span_s) ? span_s : 0, columns.times.length);
}

function sum(column) {
  return column.reduce((total, value) => total + (value ?? 0), 0);
}
