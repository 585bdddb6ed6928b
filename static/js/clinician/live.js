/** The live view of a patient's running session. No picture is received: only what was measured in it. */

import { getJson } from "../common/api.js";
import { bootData, byId, setText } from "../common/dom.js";
import { plural } from "../common/format.js";
import { Connection } from "../common/socket.js";
import { confirmIn } from "./confirm.js";
import { DataAge } from "./data_age.js";
import { Ledger, MAX_LIVE_ROWS } from "./ledger.js";
import { LiveFigures } from "./live_figures.js";
import { LiveView, shareText } from "./live_view.js";
import { placeAlerts } from "./review_data.js";
import { endWords } from "./session_words.js";
import { dropReason, skipReason, Tally } from "../charts/tally.js";

const RENDER_EVERY_MS = 250;
/** Drops are read from the saved figures; they are written once a second. */
const FIGURES_EVERY_MS = 3000;

/** A start beyond any ledger: the answer then holds the figures alone. */
const NO_ALERTS = 1e9;

const { session } = bootData();
const SESSION_API = `/clinician/api/sessions/${encodeURIComponent(session.id)}`;
const age = new DataAge();
const view = new LiveView(session.settings);
const figures = new LiveFigures(byId("live-charts"), session.running_s);
const ledger = new Ledger(byId("ledger"), { newestFirst: true, startTime_s: null });
const skips = new Tally();
const stageB = { ran: 0, seen: 0 };
let ended = false;
let stopping = false;

const connection = new Connection({ onState: connectionChanged });
connection.on("live", (event) => { if (event.session_id === session.id) receive(event); });
connection.on("delivery", (event) => {
  if (event.session_id === session.id) ledger.deliver(event.alert_id, { fate: event.fate, reason: event.reason, latency_ms: event.latency_ms });
});
connection.on("session_ended", (event) => { if (event.session_id === session.id) sessionEnded(event.reason); });

setState("connecting", "Connecting.");
setText(byId("live-title"), session.patient?.name ? `Live: ${session.patient.name}` : "Live session");
if (session.patient) {
  byId("patient-link").href = `/clinician/patients/${encodeURIComponent(session.patient.id)}`;
  setText(byId("patient-link"), session.patient.name);
}
byId("review-link").href = `/clinician/sessions/${encodeURIComponent(session.id)}`;
byId("stop-session").addEventListener("click", stopSession);
const renderTimer = setInterval(render, RENDER_EVERY_MS);
const figuresTimer = setInterval(readFigures, FIGURES_EVERY_MS);
readEarlierAlerts();
readFigures();

async function connectionChanged(state, detail) {
  if (ended) return;
  if (state === "connected") return watch();
  byId("stop-session").disabled = true;
  if (state === "refused") showError(`The server refused this page: ${detail}. Sign in again, then reload.`);
  setState("lost", state === "refused" ? "Not connected." : "Connection lost. Trying again.");
}

async function watch() {
  try {
    await connection.request("watch", { session_id: session.id, view: "clinician" });
    showError("");
    byId("stop-session").disabled = false;
    setState("waiting", "Watching. No frame yet.");
  } catch (error) {
    if (error.code === "not_found") sessionEnded("");
    else showError(`Watching failed: ${error.message}`);
  }
}

function receive(event) {
  if (event.kind === "ended") { sessionEnded(event.reason); return; }
  if (event.kind === "result") receiveResult(event);
  if (event.kind === "scene") view.advise(event.outputs);
  if (event.alerts?.length) {
    ledger.add(event.alerts);
    figures.mark(event.alerts);
  }
}

function receiveResult(event) {
  age.received(event.age_ms);
  // The frame clock began anywhere; from here on the ledger counts from the session's start, as the review does.
  ledger.startTime_s ??= event.time_s - figures.elapsed_s;
  view.show(event);
  figures.push({ age_ms: event.age_ms, stage_a_ms: event.timings_ms?.stage_a, uncertainty: event.uncertainty });
  const decision = event.stage_b;
  if (decision) {
    stageB.seen += 1;
    if (decision.run) stageB.ran += 1; else skips.add(skipReason(decision.reason));
    setText(byId("stage-b"), decision.run ? "Ran" : "Skipped");
  }
  if (!stopping) setState("live", "Live.");
}

function render() {
  if (ended) return;
  setText(byId("data-age"), age.words);
  byId("data-age-box").toggleAttribute("data-stale", age.stale);
  if (age.stale && byId("state").dataset.state === "live") {
    setState("stale", "Stale: no result for more than 3 seconds.");
    view.dim("Old: no result for more than 3 seconds.");
  }
  figures.render();
  setText(byId("stage-b-share"), shareText(stageB.ran, stageB.seen));
  byId("skips").hidden = skips.total === 0;
  skips.render(byId("skips").tBodies[0]);
}

/** Alerts of before this page was opened, as saved: the newest that the stream has room for. */
async function readEarlierAlerts() {
  try {
    const { alerts_total: total } = await getJson(`${SESSION_API}?alerts_from=${NO_ALERTS}`);
    const { alerts } = await getJson(`${SESSION_API}?alerts_from=${Math.max(0, total - MAX_LIVE_ROWS)}`);
    ledger.addEarlier(placeAlerts(alerts, session.started_at));
  } catch (error) {
    showError(`Alerts of before this page was opened could not be read: ${error.message}`);
  }
}

async function readFigures() {
  try {
    const { figures: saved } = await getJson(`${SESSION_API}?alerts_from=${NO_ALERTS}`);
    const drops = new Tally();
    for (const second of saved) for (const [reason, count] of Object.entries(second.dropped ?? {})) drops.add(dropReason(reason), count);
    drops.render(byId("drops").tBodies[0]);
    setText(byId("dropped"), String(drops.total));
    setText(byId("drops-note"), drops.total ? `${plural(drops.total, "frame")} since the session began, as saved.` : "None since the session began, as saved.");
  } catch (error) {
    setText(byId("drops-note"), `Not known now: ${error.message}`);
  }
}

async function stopSession() {
  if (!(await confirmIn(byId("stop-dialog")))) return;
  if (ended) return;
  stopping = true;
  byId("stop-session").disabled = true;
  setState("stopping", "Stopping the session.");
  try {
    await connection.request("session_control", { session_id: session.id, action: "stop" });
    sessionEnded("stopped_by_clinician");
  } catch (error) {
    if (ended) return; // the news of the end was faster than the answer
    stopping = false;
    showError(`The session was not stopped: ${error.message}`);
    byId("stop-session").disabled = false;
    setState("live", "Live.");
  }
}

function sessionEnded(reason) {
  if (ended) return;
  ended = true;
  clearInterval(renderTimer);
  clearInterval(figuresTimer);
  readFigures();
  connection.close();
  setState("ended", `The session has ended${reason ? `: ${endWords(reason)}` : ""}.`);
  setText(byId("data-age"), "ended");
  byId("data-age-box").removeAttribute("data-stale");
  view.dim("The session has ended. This is the last result.");
  byId("stop-session").hidden = true;
  byId("review-link").hidden = false;
}

/** Announced politely, because #state is a status region: only changes of state are written there. */
function setState(state, words) {
  byId("state").dataset.state = state;
  setText(byId("state"), words);
}

function showError(words) {
  byId("live-error").hidden = !words;
  setText(byId("live-error"), words);
}
