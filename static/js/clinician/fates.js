/** What became of an alert, in words a clinician reads at a glance. */

import { fateGroup } from "../charts/marks.js";

const FATE_WORDS = {
  pending: "Pending",
  spoken: "Spoken",
  haptic_only: "Vibration only",
  suppressed: "Held back",
  expired: "Expired",
  interrupted: "Interrupted",
  masked: "Masked",
};

export const GROUP_WORDS = { delivered: "Delivered", partly: "Cut short", withheld: "Not delivered", pending: "Pending" };

export function fateWord(fate) {
  return FATE_WORDS[fate] ?? fate;
}

/** The patient's browser has the last word: what it did with the alert replaces what the engine decided. */
export function finalFate(alert) {
  const delivery = alert.delivery;
  if (typeof delivery === "string" && delivery) return delivery;
  return delivery?.fate ?? alert.fate;
}

/** Milliseconds from the frame's capture to speech or vibration, as the patient's browser measured them, or null. */
export function deliveryLatency_ms(alert) {
  const latency = alert.delivery_latency_ms ?? alert.delivery?.latency_ms;
  return Number.isFinite(latency) ? latency : null;
}

/** The reason in the ledger: the engine's, then the browser's where it gave one. */
export function reasonText(alert) {
  const fromBrowser = alert.delivery?.reason ?? alert.delivery_reason;
  return [alert.reason, fromBrowser].filter(Boolean).join("; ") || "–";
}

/** @returns {{delivered: number, partly: number, withheld: number, pending: number}} */
export function countGroups(alerts) {
  const counts = { delivered: 0, partly: 0, withheld: 0, pending: 0 };
  for (const alert of alerts) counts[fateGroup(finalFate(alert))] += 1;
  return counts;
}
