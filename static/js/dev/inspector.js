/** The inspector: every output of the registry, live, from a session of one's own or from a running one. */

import { getJson } from "../common/api.js";
import { bootData, byId, fill, h, setText } from "../common/dom.js";
import { plural } from "../common/format.js";
import { Connection } from "../common/socket.js";
import { endWords } from "../clinician/session_words.js";
import { Decisions } from "./decisions.js";
import { EngineView } from "./engine_view.js";
import { FrameView } from "./frame_view.js";
import { OutputDetail } from "./output_detail.js";
import { OutputsList } from "./outputs_list.js";
import { OutputsTable } from "./outputs_table.js";
import { OwnSession } from "./own_session.js";
import { OutputStore } from "./store.js";
import { Timings } from "./timings.js";

/** Figures change this often on the page, whatever the frame rate: a reader cannot follow more. */
const RENDER_EVERY_MS = 250;
const RUNNING_EVERY_MS = 3000;
const UNFROZEN = Infinity;

const setup = bootData();
const registry = (await getJson(setup.urls.outputs)).outputs;
const store = new OutputStore(registry);
const list = new OutputsList(byId("outputs"), store, { search: byId("output-search"), count: byId("outputs-count"), onSelect: select });
const table = new OutputsTable(byId("outputs-table").tBodies[0], store, select);
const detail = new OutputDetail(byId("detail"), store);
const frame = new FrameView(store);
const timings = new Timings();
const decisions = new Decisions();
const engine = new EngineView(setup.urls.engine);
/** How many more results may be shown; 0 while frozen, one more for every step. */
let allowance = UNFROZEN;
let shownSeq = null;
let watched = null;

const connection = new Connection({ onState: connectionChanged });
const own = new OwnSession(connection, { sceneUrl: setup.urls.scene, limits: setup.limits }, { onState: ownState, onEnded: ownEnded });
connection.on("live", receive);

byId("source").addEventListener("change", () => { byId("file-field").hidden = byId("source").value !== "upload"; });
byId("start").addEventListener("click", startOwn);
byId("stop").addEventListener("click", () => own.stop());
byId("watch-session").addEventListener("change", () => watchOther(byId("watch-session").value));
byId("freeze").addEventListener("click", toggleFreeze);
byId("step").addEventListener("click", () => { allowance += 1; });
setInterval(render, RENDER_EVERY_MS);
setInterval(readRunning, RUNNING_EVERY_MS);
readRunning();
render();

function select(name) {
  list.select(name);
  detail.show(name);
}

// ---- which session ---------------------------------------------------------------------------------------------

async function startOwn() {
  byId("start").disabled = true;
  showError("");
  setState("waiting", "Starting your own session: camera and server are asked.");
  try {
    await leave();
    await watch(await own.start(byId("source").value, byId("file").files[0]));
    byId("stop").disabled = false;
    byId("watch-session").value = "";
  } catch (error) {
    showError([error.title, error.message].filter(Boolean).join(". "));
    setState("idle", "Not started.");
    byId("start").disabled = false;
  }
}

async function watchOther(id) {
  showError("");
  try {
    if (own.running) await own.stop();
    await leave();
    if (!id) { setState("idle", "No session. Start your own or watch one."); return; }
    await watch(id);
    setState("waiting", "Watching. No frame yet.");
  } catch (error) {
    showError(`Watching failed: ${error.message}`);
    setState("idle", "Not watching.");
  }
}

/** Watches `id`; without a connection it does so as soon as there is one. */
async function watch(id) {
  forgetShown("Waiting for the first result.");
  watched = id;
  if (connection.connected) await connection.request("watch", { session_id: id, view: "dev" });
}

async function leave() {
  const id = watched;
  watched = null;
  if (id && connection.connected) await connection.request("unwatch", { session_id: id }).catch(() => {});
}

function forgetShown(note) {
  store.clear();
  timings.clear();
  decisions.clear();
  engine.forgetSession();
  frame.clear(note);
  shownSeq = null;
}

function ownState(state, why) {
  if (state === "seeing") setState("live", "Own session is running. Alerts are logged as masked, not spoken.");
  if (state === "paused") setState("stale", `Vision paused: ${why}.`);
  if (state === "stopped") {
    setState("ended", "Own session stopped. The last values stay.");
    byId("start").disabled = false;
    byId("stop").disabled = true;
  }
}

function ownEnded(reason) {
  showError(`The server ended the session: ${endWords(reason)}.`);
}

async function connectionChanged(state, detailText) {
  if (state === "lost") {
    own.look.connectionLost();
    setState("lost", "Connection lost. Trying again.");
  }
  if (state === "refused") showError(`The server refused this page: ${detailText}. Sign in again, then reload.`);
  if (state !== "connected") return;
  if (own.running) {
    await own.look.reopen();
    if (own.id) await watch(own.id).catch((error) => showError(error.message));
  } else if (watched) {
    await watchOther(watched);
  }
}

async function readRunning() {
  try {
    const { sessions } = await getJson(setup.urls.running);
    offerSessions(sessions.filter((session) => session.id !== own.id));
  } catch (error) {
    offerSessions([]);
    showError(`The list of running sessions could not be read: ${error.message}`);
  }
}

function offerSessions(sessions) {
  const chooser = byId("watch-session");
  const ids = sessions.map((session) => session.id).join(" ");
  if (chooser.dataset.ids === ids && chooser.options.length) return;
  chooser.dataset.ids = ids;
  const chosen = chooser.value;
  fill(chooser, h("option", { value: "" }, sessions.length ? "choose a running session" : "no running session"),
    sessions.map((session) => h("option", { value: session.id }, sessionWords(session))));
  chooser.value = sessions.some((session) => session.id === chosen) ? chosen : "";
}

function sessionWords(session) {
  const who = session.patient?.name ?? "developer";
  return [who, session.source_detail ?? session.source].filter(Boolean).join(", ");
}

// ---- what comes ------------------------------------------------------------------------------------------------

function receive(event) {
  if (event.session_id !== watched) return;
  engine.receive(event);
  if (event.kind === "ended") { sessionEnded(event.reason); return; }
  if (event.kind === "result") {
    if (allowance <= 0) return;
    allowance -= 1;
    showResult(event);
  } else if (allowance > 0 || event.seq === shownSeq) {
    if (event.kind === "scene") {
      store.update(event.outputs, event.seq);
      timings.scene(event);
      frame.draw();
    }
    decisions.add(event.alerts);
  }
}

function showResult(event) {
  shownSeq = event.seq;
  store.update(event.outputs, event.seq);
  if (event.stage_b) store.decided(event.stage_b);
  timings.result(event);
  if (allowance !== UNFROZEN) engine.paintTimeline();
  decisions.add(event.alerts);
  frame.show(event, own.running || event.session_id === own.id ? own.pictureOf(event.t_cap) : null);
  if (!own.running) setState("live", "Watching. The picture stays in the patient's browser.");
}

function sessionEnded(reason) {
  watched = null;
  if (!own.running) setState("ended", `The session has ended${reason ? `: ${endWords(reason)}` : ""}. The last values stay.`);
}

function toggleFreeze() {
  const frozen = allowance === UNFROZEN;
  allowance = frozen ? 0 : UNFROZEN;
  byId("freeze").setAttribute("aria-pressed", String(frozen));
  byId("step").disabled = !frozen;
  engine.hold(frozen);
}

// ---- what is shown ---------------------------------------------------------------------------------------------

function render() {
  list.render();
  table.render();
  detail.render();
  timings.render();
  const counts = store.counts();
  setText(byId("source-counts"), store.seq === null
    ? `${plural(registry.length, "output")} in the registry.`
    : `${counts.learned} learned, ${counts.measured} measured, ${counts.unavailable} unavailable, ${counts.awaited} not yet.`
      + (store.unknown.size ? ` Not in the registry: ${[...store.unknown].join(", ")}.` : ""));
}

function setState(state, words) {
  byId("state").dataset.state = state;
  setText(byId("state"), words);
}

function showError(words) {
  byId("dev-error").hidden = !words;
  setText(byId("dev-error"), words);
}
