// Buttons, fields, dialogs and keys of the look page.
import { byId, setText } from "../common/dom.js";
import { wireKeys } from "./keys.js";
import { RATE_MAX_WPM, RATE_MIN_WPM, shortcutsEnabled } from "./settings.js";

const RATE_STEP_WPM = 20;
const TELL_RATE_AFTER_MS = 400; // one word about the rate, not one per key press

/**
 * @param {{settings: import("./settings.js").Settings, start: Function, stop: Function, ask: (kind: string, what?: string) => void,
 *   silence: Function, repeat: Function, isRunning: () => boolean, setRate: (wpm: number) => void,
 *   tell: (text: string) => void, restartTour: Function}} ways
 * @returns {{openFind: () => void}}
 */
export function wireControls(ways) {
  const openFind = () => {
    byId("find-what").value = "";
    byId("find-dialog").showModal();
  };
  const openHelp = () => byId("help-dialog").showModal();
  const click = (id, action) => byId(id).addEventListener("click", () => action());
  click("start", ways.start);
  click("stop", ways.stop);
  click("describe", () => ways.ask("describe"));
  click("read", () => ways.ask("read"));
  click("find", openFind);
  click("repeat", ways.repeat);
  click("silence", ways.silence);
  click("help", openHelp);
  byId("tour-again").addEventListener("click", () => setTimeout(ways.restartTour)); // after the dialog closed
  wireFindDialog(ways);
  wireSource();
  const rate = wireFields(ways);
  click("slower", () => rate(-1));
  click("faster", () => rate(1));
  const find = () => (ways.isRunning() ? openFind() : ways.tell("Press Space to start looking first."));
  wireKeys({
    space: () => (ways.isRunning() ? ways.stop() : ways.start()),
    s: ways.silence, r: ways.repeat, d: () => ways.ask("describe"), f: find, t: () => ways.ask("read"),
    "+": () => rate(1), "=": () => rate(1), "-": () => rate(-1), "?": openHelp,
  }, { enabled: shortcutsEnabled });
  return { openFind };
}

function wireFindDialog({ ask }) {
  byId("find-form").addEventListener("submit", (event) => {
    const what = byId("find-what").value.trim();
    if (event.submitter?.value !== "cancel" && what) ask("find", what);
  });
}

function wireSource() {
  const source = byId("source");
  const update = () => {
    byId("file-field").hidden = source.value !== "upload";
    byId("problem").hidden = true; // it was about the source before
  };
  source.addEventListener("change", update);
  update();
}

/** Fields show the stored settings and change them; returns the stepper of the rate. */
function wireFields({ settings, setRate, tell }) {
  const { values } = settings;
  byId("condition").value = values.condition ?? "";
  byId("condition").addEventListener("change", (event) => settings.change({ condition: event.target.value || null }));
  byId("verbosity").value = values.verbosity;
  byId("verbosity").addEventListener("change", (event) => settings.change({ verbosity: event.target.value }));
  const rate = byId("rate");
  const show = (wpm) => {
    rate.value = String(wpm);
    rate.setAttribute("aria-valuetext", `${wpm} words a minute`);
    setText(byId("rate-value"), `${wpm} words a minute`);
    setRate(wpm);
  };
  show(values.speech_wpm);
  rate.addEventListener("input", () => show(Number(rate.value)));
  rate.addEventListener("change", () => settings.change({ speech_wpm: Number(rate.value) }));
  let timer = null;
  return (direction) => {
    const wpm = Math.min(RATE_MAX_WPM, Math.max(RATE_MIN_WPM, Number(rate.value) + direction * RATE_STEP_WPM));
    show(wpm);
    settings.change({ speech_wpm: wpm });
    clearTimeout(timer);
    timer = setTimeout(() => tell(`${wpm} words a minute.`), TELL_RATE_AFTER_MS);
  };
}
