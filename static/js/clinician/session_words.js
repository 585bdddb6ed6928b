/** A session's state and circumstances in words. */

import { clockTime, dateTime, plural, sentence } from "../common/format.js";

const CONDITION_NAMES = { amd: "Macular degeneration (AMD)", cvi: "Cortical visual impairment (CVI)", retinitis_pigmentosa: "Retinitis pigmentosa" };
const END_WORDS = {
  stopped: "the patient stopped it",
  disconnected: "the connection was lost",
  stopped_by_clinician: "a clinician stopped it",
  stopped_by_developer: "a developer stopped it",
  server_killed: "the server stopped",
  server_stopped: "the server was stopped",
  logged_out: "the patient logged out",
  login_ended: "the patient's login ended",
  restarted: "the patient started again",
  replaced: "a newer session of the patient took its place",
};
const STATE_WORDS = { running: "Running", ended: "Ended", interrupted: "Interrupted" };
const SOURCE_WORDS = { webcam: "Camera", upload: "File", scene: "Built-in scene" };

export function conditionName(condition) {
  if (!condition) return "None";
  return CONDITION_NAMES[condition] ?? sentence(condition);
}

/** The reason a session ended: known ones in words, any other as it was recorded. */
export function endWords(reason) {
  return END_WORDS[reason] ?? sentence(reason);
}

export function stateWord(state) {
  return STATE_WORDS[state] ?? sentence(state);
}

/** "Camera: Integrated Webcam"; a source without a detail is its kind alone. */
export function sourceWords({ source, source_detail: detail }) {
  const kind = SOURCE_WORDS[source] ?? sentence(source);
  return detail && detail !== source ? `${kind}: ${detail}` : kind;
}

/** What the saved rows lack, where the database did not keep up; null where nothing is missing. */
export function lossWords({ alerts_lost: alerts = 0, figures_lost: figures = 0 }) {
  if (!alerts && !figures) return null;
  const lost = [alerts ? plural(alerts, "alert") : null, figures ? plural(figures, "second") : null].filter(Boolean).join(" and ");
  return `The record has gaps: ${lost} could not be saved because the database did not keep up.`;
}

export function stateWords(session) {
  if (session.state === "running") return "Running now.";
  if (session.state === "interrupted") return "Interrupted.";
  const reason = session.end_reason ? `: ${endWords(session.end_reason).replace(/\.$/, "")}` : "";
  return `Ended ${dateTime(session.ended_at)}${reason}.`;
}

/** What an interrupted session still holds. Rows are acknowledged only after their commit, so the last one is certain. */
export function interruptedWords(session, figures) {
  const last = figures.at(-1);
  if (!last) return "The server stopped while this session ran, before any figure was saved.";
  const at_ms = Number.isFinite(Date.parse(last.at)) ? Date.parse(last.at) : Date.parse(session.started_at) + (last.second + 1) * 1000;
  return `The server stopped while this session ran. Everything acknowledged up to ${clockTime(new Date(at_ms))} is here.`;
}

/** The engine in one line: runtime, precision, and whether any head is trained. */
export function engineLine(engine) {
  if (!engine || Object.keys(engine).length === 0) return "not recorded";
  const trained = engine.trained_heads ?? [];
  const heads = trained.length ? `trained heads: ${trained.join(", ")}` : "no trained head, measured outputs only";
  return [[engine.runtime, engine.precision].filter(Boolean).join(" "), heads].filter(Boolean).join("; ");
}
