/** The review of one session: charts that move together, and the ledger tied to the same time. */

import { fateGroup, markIcon, STAGE_WORDS } from "../charts/marks.js";
import { TimeChart } from "../charts/time_chart.js";
import { getJson } from "../common/api.js";
import { bootData, byId, fill, h, setText } from "../common/dom.js";
import { clockTime, dateTime, duration, plural } from "../common/format.js";
import { fateWord, finalFate, GROUP_WORDS } from "./fates.js";
import { Ledger } from "./ledger.js";
import { printAsOnePage } from "./print.js";
import { columnsOf, fateCounts, lengthOf, placeAlerts, summarise } from "./review_data.js";
import { conditionName, engineLine, interruptedWords, lossWords, sourceWords, stateWords } from "./session_words.js";

/** Ledger rows this close to the scrubber are marked. */
const AT_CURSOR_S = 1;

const { session: booted } = bootData();
const charts = [];
let ledger;
let model;

load();

async function load() {
  try {
    show(await wholeSession());
  } catch (error) {
    byId("review-error").hidden = false;
    setText(byId("review-error"), `The session could not be loaded: ${error.message}`);
    setText(byId("state"), "Not loaded.");
  }
}

/** The session with its whole ledger, which comes in parts. */
async function wholeSession() {
  const path = `/clinician/api/sessions/${encodeURIComponent(booted.id)}`;
  const answer = await getJson(path);
  while (answer.alerts.length < (answer.alerts_total ?? 0)) {
    const { alerts } = await getJson(`${path}?alerts_from=${answer.alerts.length}`);
    if (alerts.length === 0) break;
    answer.alerts.push(...alerts);
  }
  return answer;
}

function show({ session, figures, alerts }) {
  const columns = columnsOf(figures);
  const placed = placeAlerts(alerts, session.started_at);
  model = { session, columns, alerts: placed, length_s: lengthOf(session, columns), figures };
  showHead();
  showFates();
  ledger = new Ledger(byId("ledger"), { onPick: (at_s) => scrubTo(at_s) });
  ledger.add(placed);
  byId("timeline").hidden = columns.times.length === 0;
  byId("timeline-empty").hidden = columns.times.length > 0;
  if (columns.times.length) buildTimeline();
  printAsOnePage(charts, byId("print"));
}

function showHead() {
  const { session, figures } = model;
  const name = session.patient?.name ?? "developer's session";
  setText(byId("review-title"), `Session review: ${name}`);
  if (session.patient) {
    byId("patient-link").href = `/clinician/patients/${encodeURIComponent(session.patient.id)}`;
    setText(byId("patient-link"), name);
  }
  byId("state").dataset.state = session.state;
  setText(byId("state"), stateWords(session));
  const live = byId("live-link");
  live.hidden = session.state !== "running";
  live.href = `/clinician/sessions/${encodeURIComponent(session.id)}/live`;
  byId("interrupted").hidden = session.state !== "interrupted";
  setText(byId("interrupted"), interruptedWords(session, figures));
  const gaps = lossWords(session);
  byId("gaps").hidden = gaps === null;
  setText(byId("gaps"), gaps ?? "");
  setText(byId("summary"), summarise(model));
  const facts = [
    ["Started", dateTime(session.started_at)], ["Length", duration(model.length_s)],
    ["Condition tried on", conditionName(session.condition)], ["Source", sourceWords(session)],
    ["Engine", engineLine(session.engine)], ["Software", session.software_version ?? "–"],
  ];
  fill(byId("facts"), facts.map(([term, words]) => h("div", {}, h("dt", {}, term), h("dd", {}, words))));
}

function showFates() {
  const counts = fateCounts(model.alerts);
  byId("fates").hidden = counts.length === 0;
  fill(byId("fates").tBodies[0], counts.map(([fate, count]) => h("tr", {},
    h("th", { scope: "row" }, `${fateWord(fate)} (${GROUP_WORDS[fateGroup(fate)].toLowerCase()})`), h("td", { class: "number" }, count))));
}

function buildTimeline() {
  const { columns, alerts, length_s } = model;
  const host = byId("review-charts");
  const shared = { syncKey: "review", onPick: scrubTo };
  const add = (options, data) => {
    const chart = new TimeChart(host, { ...shared, ...options });
    chart.setData(columns.times, data);
    chart.setWindow(0, Math.max(1, length_s));
    charts.push(chart);
    return chart;
  };
  add({ title: "Latency", unit: "ms", atLeast: 100, marks: true, series: [{ label: "Median" }, { label: "95th percentile" }] }, [columns.p50, columns.p95])
    .setMarks(alerts.map((alert) => ({ time_s: alert.at_s, stage: alert.stage, fate: finalFate(alert) })));
  add({ title: "Frames", unit: "a second", atLeast: 10, series: [{ label: "Results" }, { label: "Dropped" }] }, [columns.results, columns.dropped]);
  add({ title: "Uncertainty", range: [0, 1], digits: 2, series: [{ label: "Mean uncertainty" }] }, [columns.uncertainty]);
  showMarksKey();
  wireScrubber();
}

function showMarksKey() {
  const stages = Object.entries(STAGE_WORDS).map(([stage, words]) => h("li", {}, markIcon(stage, "spoken"), ` ${stage} ${words}`));
  fill(byId("marks-key"), h("li", {}, "Alerts:"), stages, h("li", {}, markIcon("P2", "suppressed"), " outlined: not delivered"));
}

function wireScrubber() {
  const scrubber = byId("scrubber");
  scrubber.max = String(Math.ceil(model.length_s));
  scrubber.addEventListener("input", () => scrubTo(Number(scrubber.value)));
  byId("next-alert").addEventListener("click", () => step(1));
  byId("previous-alert").addEventListener("click", () => step(-1));
  scrubTo(0);
}

/** Moves every chart, the scrubber and the ledger to `at_s` seconds of the session. */
function scrubTo(at_s) {
  const time_s = Math.min(Math.max(0, at_s), model.length_s);
  const scrubber = byId("scrubber");
  scrubber.value = String(Math.round(time_s));
  const clock = clockTime(new Date(Date.parse(model.session.started_at) + time_s * 1000));
  scrubber.setAttribute("aria-valuetext", `${duration(time_s)}, at ${clock}`);
  setText(byId("scrubber-time"), `${duration(time_s)} (${clock})`);
  model.time_s = time_s;
  charts.forEach((chart) => chart.select(time_s));
  const hits = ledger.highlight(time_s, AT_CURSOR_S);
  setText(byId("at-cursor"), hits.length === 0 ? `No alert within ${plural(AT_CURSOR_S, "second")}.`
    : hits.map((alert) => `${alert.stage}: “${alert.text}” ${fateWord(finalFate(alert)).toLowerCase()}`).join("; "));
}

function step(direction) {
  const times = model.alerts.map((alert) => alert.at_s);
  const beyond = direction > 0 ? times.filter((time) => time > model.time_s + 0.01) : times.filter((time) => time < model.time_s - 0.01);
  if (beyond.length) scrubTo(direction > 0 ? Math.min(...beyond) : Math.max(...beyond));
  else setText(byId("at-cursor"), direction > 0 ? "No later alert." : "No earlier alert.");
}
