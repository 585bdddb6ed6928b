/** What the engine reports, in words. Pure functions; the names of the figures are those of the engine's health. */

import { dropReason } from "../charts/tally.js";
import { number, percent, plural, sentence } from "../common/format.js";

export const NOT_REPORTED = "not reported";

export const LANE_WORDS = { A: "safety", B: "context", C: "background" };

/** The watchdog replaces a lane that is at one piece of work for longer: seconds, the engine's defaults. */
const STALL_S = { A: 5, B: 5, C: 60 };

/**
 * @param {string} name `A`, `B` or `C`. @param {Object|undefined} lane its health. @param {Object} [previous] the one before
 * @returns {{key: string, words: string}} key: idle, busy, hung, restarting or unknown
 */
export function laneState(name, lane, previous) {
  if (!lane) return { key: "unknown", words: NOT_REPORTED };
  if (lane.alive === false) return { key: "restarting", words: "restarting" };
  if (previous && lane.restarts > previous.restarts) return { key: "restarting", words: "restarting, was replaced" };
  const busy_s = lane.busy_s ?? 0;
  if (busy_s > (lane.stall_s ?? STALL_S[name] ?? Infinity)) return { key: "hung", words: `hung for ${number(busy_s, 1)} s` };
  return busy_s > 0 ? { key: "busy", words: `busy for ${number(busy_s, 2)} s` } : { key: "idle", words: "idle" };
}

const ENGINE_STATES = {
  not_started: ["stale", "The engine is not started."],
  starting: ["waiting", "The engine is starting."],
  stopped: ["ended", "The engine is stopped."],
};

/** @param {Object} health. @returns {{key: string, words: string}} for the `.state` line of the page */
export function engineState(health) {
  const [key, words] = ENGINE_STATES[health.state] ?? [];
  if (words) return { key, words };
  if (health.state === "failed") return { key: "lost", words: `The engine could not be started: ${health.error ?? "see the server's log"}.` };
  if (health.alive === false) return { key: "stale", words: "A lane of the engine is not alive." };
  const { sessions, max_sessions: most } = health;
  return { key: "live", words: Number.isFinite(sessions) ? `Running, ${sessions} of ${plural(most, "session")}.` : "Running." };
}

// ---- Stage B ---------------------------------------------------------------------------------------------------

const TOO_SLOW = /Stage A took ([\d.]+) ms > ([\d.]+) ms/;
const TOO_UNCERTAIN = /uncertainty ([\d.]+) > ([\d.]+)/;

/** Which threshold of the decision point stopped Stage B: `latency`, `uncertainty`, or `other`. */
export function skipKind(reason) {
  if (TOO_SLOW.test(reason)) return "latency";
  return TOO_UNCERTAIN.test(reason) ? "uncertainty" : "other";
}

/** A reason as the engine writes it, as one plain sentence. */
export function reasonWords(reason) {
  if (!reason) return "None yet.";
  const slow = TOO_SLOW.exec(reason);
  if (slow) return `Stage A was slow: ${slow[1]} ms, and Stage B needs it within ${slow[2]} ms.`;
  const uncertain = TOO_UNCERTAIN.exec(reason);
  if (uncertain) return `The picture was too uncertain: ${uncertain[1]}, and Stage B needs ${uncertain[2]} or less.`;
  const plain = sentence(reason);
  return /[.!?]$/.test(plain) ? plain : `${plain}.`;
}

const KIND_WORDS = {
  latency: "Skipped: Stage A was too slow",
  uncertainty: "Skipped: the picture was too uncertain",
  superseded: "Cancelled: a newer frame took its place",
  newer_frame_skipped: "Cancelled: a newer frame was skipped",
  latency_rose: "Cancelled: Stage A became too slow",
  waited_for_safety: "Cancelled: it waited too long for Stage A",
  session_closed: "Cancelled: the session ended",
  network_failed: "The network failed",
  network_hung: "The network hung",
  network_off: "The network is off for now",
  not_finite: "An output held NaN or infinity",
  estimator_failed: "An estimator failed",
  estimator_hung: "An estimator hung",
  lane_failed: "The lane failed",
};

/** `waited_for_safety` and its like in words; an unknown kind keeps its own name. */
export function kindWords(kind) {
  return KIND_WORDS[kind] ?? sentence(kind);
}

/** @param {string|undefined} network `trained`, `untrained`, `none`, or `off: <reason>` */
export function networkWords(network) {
  if (!network) return NOT_REPORTED;
  if (network === "none") return "none in this tier; Stage B measures";
  if (network === "untrained") return "untrained; its outputs are withheld";
  return network;
}

/** For how many of the frames that Stage A answered Stage B was skipped. @param {Object} counters of the engine's health */
export function shareWords({ ran, skipped, cancelled, failed }) {
  const counts = [ran, skipped, cancelled, failed];
  if (!counts.every(Number.isFinite)) return `Share skipped: ${NOT_REPORTED}.`;
  const frames = counts.reduce((sum, count) => sum + count, 0);
  return frames ? `${percent(skipped / frames)} of ${plural(frames, "frame")} skipped since the engine started.` : "No frame since the engine started.";
}

// ---- the timeline ----------------------------------------------------------------------------------------------

/** What a cell of the timeline says, in its key and in the words of one frame. */
export const CELL_WORDS = {
  ran: "ran", latency: "skipped: latency", uncertainty: "skipped: uncertainty", other: "skipped: other",
  cancelled: "cancelled", dropped: "dropped", waiting: "waiting", unsent: "not told",
};

const CELL_REASONS = {
  ran: "Its result arrived.",
  cancelled: "Given up before it was finished: for Stage A, or for a newer frame.",
  waiting: "Queued; no result yet.",
  unsent: "Nothing about this frame reached this page.",
};

/** Why a frame's cell is what it is, as a sentence. @param {Object} frame of FrameLog */
export function cellReason({ state, reason }) {
  if (state === "dropped") return `${sentence(dropReason(reason))}.`;
  return CELL_REASONS[state] ?? reasonWords(reason);
}

/** "Frame 118, Stage B skipped: uncertainty. The picture was ..." */
export function cellSentence(frame) {
  const time = Number.isFinite(frame.stage_a_ms) && frame.state !== "latency" ? ` Stage A: ${number(frame.stage_a_ms, 1)} ms.` : "";
  const what = frame.state === "dropped" ? "dropped" : `Stage B ${CELL_WORDS[frame.state]}`;
  return `Frame ${frame.seq}, ${what}. ${cellReason(frame)}${time}`;
}
