/** The caseload: every patient of this clinician, flags first, with a badge while a session runs. */

import { getJson } from "../common/api.js";
import { byId, fill, h, setText } from "../common/dom.js";
import { ago, dateTime, plural } from "../common/format.js";
import { conditionName } from "./session_words.js";

/** The badge of a session that began is late by this much at most. */
const RUNNING_EVERY_MS = 3000;
/** Everything else changes when a session ends; that is seen at once, and checked this often besides. */
const CASELOAD_EVERY_MS = 30000;

const table = byId("caseload");
const body = table.tBodies[0];
const filter = byId("filter");
let patients = [];
let running = new Map();

filter.addEventListener("input", applyFilter);
filter.addEventListener("keydown", filterKeys);
body.addEventListener("keydown", rowKeys);
byId("filter-clear").addEventListener("click", () => {
  filter.value = "";
  applyFilter();
  filter.focus();
});
await readCaseload();
await readRunning();
setInterval(readRunning, RUNNING_EVERY_MS);
setInterval(readCaseload, CASELOAD_EVERY_MS);

async function readCaseload() {
  await guarded(async () => {
    const answer = await getJson("/clinician/api/caseload");
    patients = flagsFirst(answer.patients);
    renderRows();
  });
}

async function readRunning() {
  await guarded(async () => {
    const { sessions } = await getJson("/clinician/api/running");
    const now = new Map(sessions.filter((session) => session.patient).map((session) => [session.patient.id, session]));
    const someEnded = [...running.keys()].some((id) => !now.has(id));
    running = now;
    renderRunning();
    if (someEnded) await readCaseload();
  });
}

/** Runs a request; its failure is said beside the table and the last known rows stay. */
async function guarded(work) {
  try {
    await work();
    byId("caseload-error").hidden = true;
  } catch (error) {
    byId("caseload-error").hidden = false;
    setText(byId("caseload-error"), `The caseload is not up to date: ${error.message}`);
    if (patients.length === 0) setText(byId("caseload-count"), "Not loaded.");
  }
}

function flagsFirst(list) {
  const flags = (patient) => (patient.flags ?? []).length;
  return [...list].sort((a, b) => flags(b) - flags(a) || a.name.localeCompare(b.name));
}

function renderRows() {
  const focused = document.activeElement?.closest?.("tr")?.dataset.patient;
  fill(body, patients.map(row));
  renderRunning();
  applyFilter();
  if (focused) body.querySelector(`tr[data-patient="${CSS.escape(focused)}"] a`)?.focus();
}

function row(patient) {
  const last = patient.last_session ?? null;
  const when = typeof last === "string" ? last : last?.started_at;
  return h("tr", { role: "row", "data-patient": patient.id },
    h("th", { role: "rowheader", scope: "row", "data-label": "Name" }, h("a", { href: `/clinician/patients/${encodeURIComponent(patient.id)}` }, patient.name)),
    cell("Condition", conditionName(patient.condition)),
    cell("Last session", when ? h("time", { datetime: when, title: dateTime(when) }, ago(when)) : "None yet"),
    cell("Sessions", String(patient.sessions ?? 0), "number"),
    cell("Flags", (patient.flags ?? []).length ? h("ul", { class: "flags" }, patient.flags.map((flag) => h("li", { class: "flag" }, flagWords(flag)))) : "–", (patient.flags ?? []).length ? null : "nothing"),
    cell("Now", "–", "caseload-now nothing"));
}

function flagWords(flag) {
  return typeof flag === "string" ? flag : flag.text ?? flag.message ?? flag.code;
}

function cell(label, content, name = null) {
  return h("td", { role: "cell", "data-label": label, class: name }, content);
}

function renderRunning() {
  for (const tr of body.rows) {
    const session = running.get(tr.dataset.patient);
    const now = tr.querySelector(".caseload-now");
    if ((now.dataset.session ?? "") === (session?.id ?? "")) continue;
    now.dataset.session = session?.id ?? "";
    now.classList.toggle("nothing", !session);
    fill(now, session ? liveLink(session, "Live now") : "–");
  }
  byId("running-now").hidden = running.size === 0;
  const ids = [...running.values()].map((session) => session.id).join(" ");
  if (byId("running-list").dataset.ids === ids) return;
  byId("running-list").dataset.ids = ids;
  fill(byId("running-list"), [...running.values()].map((session) => h("li", {}, liveLink(session, session.patient.name))));
}

function liveLink(session, words) {
  return h("a", { class: "live-now", href: `/clinician/sessions/${encodeURIComponent(session.id)}/live` }, words,
    h("span", { class: "visually-hidden" }, words === "Live now" ? `: watch ${session.patient.name}` : ": watch the live session"));
}

function applyFilter() {
  const wanted = filter.value.trim().toLowerCase();
  let shown = 0;
  for (const tr of body.rows) {
    tr.hidden = Boolean(wanted) && !tr.textContent.toLowerCase().includes(wanted);
    shown += tr.hidden ? 0 : 1;
  }
  table.hidden = shown === 0;
  byId("caseload-empty").hidden = patients.length > 0;
  byId("caseload-none").hidden = patients.length === 0 || shown > 0;
  setText(byId("caseload-count"), wanted ? `${shown} of ${plural(patients.length, "patient")}` : plural(patients.length, "patient"));
}

function shownLinks() {
  return [...body.rows].filter((tr) => !tr.hidden).map((tr) => tr.querySelector("th a"));
}

function filterKeys(event) {
  const [first] = shownLinks();
  if (event.key === "ArrowDown" && first) {
    event.preventDefault();
    first.focus();
  } else if (event.key === "Enter" && first) {
    event.preventDefault();
    first.click();
  } else if (event.key === "Escape" && filter.value) {
    filter.value = "";
    applyFilter();
  }
}

function rowKeys(event) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = shownLinks();
  const at = links.indexOf(event.target.closest("tr").querySelector("th a"));
  const next = at + (event.key === "ArrowDown" ? 1 : -1);
  event.preventDefault();
  if (next < 0) filter.focus();
  else links[Math.min(next, links.length - 1)].focus();
}
