// The settings page: every change is sent at once, and the page says that it was kept or why not.
import { postJson } from "../common/api.js";
import { bootData, byId, setText } from "../common/dom.js";
import { unlockAudio } from "./audio.js";
import { cameraGeometry, setCameraGeometry, setShortcuts, setSpeaker, shortcutsEnabled, speaker } from "./settings.js";
import { Speech } from "./speech.js";
import { BrowserVoice, ServerVoice } from "./voices.js";

const RATE_STEP_WPM = 20;
const boot = bootData();
const url = boot.urls?.settings ?? "/patient/settings";
const form = byId("settings-form");
const rate = byId("rate");
const speech = new Speech({
  voices: [new BrowserVoice(), new ServerVoice(boot.urls?.speech ?? "/patient/speech")],
  wpm: Number(rate.value),
  onVoice: (name) => name === "none" && tell("Neither this browser nor the server can speak.", true),
});

function tell(words, isError = false) {
  const line = byId("saved");
  line.classList.toggle("field__error", isError);
  setText(line, words);
}

async function keep(changes) {
  tell("Saving");
  try {
    await postJson(url, changes);
    tell("Kept.");
  } catch (error) {
    tell(`Not kept. ${error.message}`, true);
  }
}

function showRate() {
  rate.setAttribute("aria-valuetext", `${rate.value} words a minute`);
  setText(byId("rate-value"), `${rate.value} words a minute`);
  speech.setRate(Number(rate.value));
}

/** The number of a field, null for an empty one; undefined (with a message beside it) when it cannot be used. */
function numberOf(input) {
  const error = byId(`${input.id}-error`);
  const value = input.value.trim() === "" && !input.validity.badInput ? null : input.valueAsNumber;
  const wrong = input.validity.badInput || (value !== null && (value < Number(input.min) || value > Number(input.max)));
  error.hidden = !wrong;
  setText(error, wrong ? `Enter a number from ${input.min} to ${input.max}, or leave it empty.` : "");
  input.setAttribute("aria-invalid", String(Boolean(wrong)));
  input.closest(".field").classList.toggle("field--error", Boolean(wrong));
  return wrong ? undefined : value;
}

function onChange({ target }) {
  if (target.dataset.themeSwitch !== undefined) return keep({ theme: target.value });
  if (target.id === "shortcuts") {
    setShortcuts(target.checked);
    return tell("Kept on this device.");
  }
  if (target.name === "speaker") {
    setSpeaker(target.value);
    return tell("Kept on this device.");
  }
  if (target.type === "number") {
    const value = numberOf(target);
    if (value === undefined) return tell("Not kept: see the message beside the field.", true);
    setCameraGeometry(target.name, value);
    return tell("Kept on this device.");
  }
  const value = target.type === "range" ? Number(target.value) : target.value || null;
  return target.name ? keep({ [target.name]: value }) : undefined;
}

function step(direction) {
  rate.value = String(Number(rate.value) + direction * RATE_STEP_WPM);
  showRate();
  keep({ speech_wpm: Number(rate.value) });
}

form.addEventListener("change", onChange);
form.addEventListener("submit", (event) => event.preventDefault());
rate.addEventListener("input", showRate);
byId("slower").addEventListener("click", () => step(-1));
byId("faster").addEventListener("click", () => step(1));
byId("try-voice").addEventListener("click", () => {
  unlockAudio();
  speech.stop("again");
  speech.system("Bicycle, left, 3 metres.");
});
const camera = cameraGeometry();
for (const input of form.querySelectorAll("[data-camera]")) input.value = camera[input.name] ?? "";
byId("shortcuts").checked = shortcutsEnabled();
for (const input of form.querySelectorAll('input[name="speaker"]')) input.checked = input.value === speaker();
showRate();
