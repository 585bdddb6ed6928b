/** One patient: the sessions, newest first, each leading to its review, and a link while one runs. */

import { getJson } from "../common/api.js";
import { bootData, byId, fill, h } from "../common/dom.js";
import { dateTime, duration } from "../common/format.js";
import { fateWord } from "./fates.js";
import { conditionName, sourceWords, stateWord, endWords } from "./session_words.js";

const RUNNING_EVERY_MS = 3000;

const { patient, sessions } = bootData();

for (const time of document.querySelectorAll("time[data-date]")) {
  time.textContent = new Date(time.dateTime).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}
const table = document.getElementById("sessions");
if (table) fill(table.tBodies[0], sessions.map(row));
await readRunning();
setInterval(readRunning, RUNNING_EVERY_MS);

function row(session) {
  const path = `/clinician/sessions/${encodeURIComponent(session.id)}`;
  const running = session.state === "running";
  const reason = session.end_reason && session.state !== "running" ? `, ${endWords(session.end_reason).toLowerCase()}` : "";
  return h("tr", { role: "row", "data-session": session.id },
    h("th", { role: "rowheader", scope: "row", "data-label": "Started" }, h("a", { href: running ? `${path}/live` : path }, dateTime(session.started_at))),
    cell("State", h("span", { class: "state", "data-state": session.state }, h("span", {}, stateWord(session.state), h("span", { class: "state-reason" }, reason)))),
    cell("Length", Number.isFinite(session.duration_s) ? duration(session.duration_s) : "–", "number"),
    cell("Source", sourceWords(session)),
    cell("Condition", conditionName(session.condition)),
    cell("Alerts", alertsByFate(session)),
    cell("Dropped", session.dropped ?? "–", "number"));
}

function alertsByFate({ alerts_by_fate: counts }) {
  if (!counts) return "in the review";
  const parts = Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([fate, count]) => `${count} ${fateWord(fate).toLowerCase()}`);
  return parts.length ? parts.join(", ") : "none";
}

function cell(label, content, name = null) {
  return h("td", { role: "cell", "data-label": label, class: name }, content);
}

/** Sessions that begin or end while the page is open: the badge, and the rows that changed. */
async function readRunning() {
  let running;
  try {
    running = (await getJson("/clinician/api/running")).sessions.find((session) => session.patient?.id === patient.id) ?? null;
    await refreshRows(running);
  } catch {
    return; // the list as loaded stays; the next reading follows in seconds
  }
  const now = byId("patient-now");
  if ((now.dataset.session ?? "") === (running?.id ?? "")) return;
  now.dataset.session = running?.id ?? "";
  fill(now, running ? h("a", { class: "button button--primary", href: `/clinician/sessions/${encodeURIComponent(running.id)}/live` }, "Live now: watch") : null);
}

async function refreshRows(running) {
  const known = new Set(sessions.map((session) => session.id));
  const changed = sessions.filter((session) => session.state === "running" && session.id !== running?.id).map((session) => session.id);
  if (running && !known.has(running.id)) changed.push(running.id);
  for (const id of changed) {
    const { session } = await getJson(`/clinician/api/sessions/${encodeURIComponent(id)}`);
    const at = sessions.findIndex((listed) => listed.id === id);
    if (at < 0) sessions.unshift(session); else sessions[at] = { ...sessions[at], ...session };
  }
  if (changed.length && table) fill(table.tBodies[0], sessions.map(row));
}
