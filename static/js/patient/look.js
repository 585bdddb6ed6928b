// The look page: wires the parts together. Each part has its own module; nothing here computes.
import { bootData, byId, setText } from "../common/dom.js";
import { milliseconds } from "../common/format.js";
import { LiveRegion } from "../common/live_region.js";
import { Connection } from "../common/socket.js";
import { adoptTheme } from "../common/theme.js";
import { unlockAudio } from "./audio.js";
import { wireControls } from "./controls.js";
import { Delivery } from "./delivery.js";
import { playEarcon } from "./earcons.js";
import { Haptics, PAUSED_PATTERN, RESUMED_PATTERN } from "./haptics.js";
import { Picture } from "./picture.js";
import { SaidList } from "./said.js";
import { openScene } from "./scene_source.js";
import { LookSession } from "./session.js";
import { Settings, speaker } from "./settings.js";
import { SourceError } from "./source_parts.js";
import { openFile, openWebcam } from "./sources.js";
import { Speech } from "./speech.js";
import { Tour } from "./tour.js";
import { BrowserVoice, ServerVoice } from "./voices.js";

const STATE_EVERY_MS = 500;
const CAMERA_RETRY_MS = 2000;
const ASK_READ_AFTER_MS = 1500; // reading runs in the background: the first frame has no text yet
const SPOKEN_WHEN_OFFLINE = ["Vision paused: connection lost.", "Vision paused: no answer from the engine.",
  "Vision paused: camera lost.", "Vision paused: no new picture from the camera.", "Vision paused: no new picture.", "Seeing again."];

/** The server's message names parts of the engine; the person needs to know what to do. */
const PLAIN_WORDS = {
  engine_unavailable: "MaxSight is not ready to see yet. Wait a minute, then press Start again. If it stays like this, tell whoever runs MaxSight.",
};

const boot = bootData();
adoptTheme(boot.preferences?.theme);
const serverVoice = new ServerVoice(boot.urls?.speech ?? "/patient/speech");
const haptics = new Haptics({ left: byId("haptic-left"), right: byId("haptic-right") });
const picture = new Picture();
let state = "idle";
let stateShownAt = -Infinity;
let wakeLock = null;
let cameraRetry = null;
let asked = new URLSearchParams(window.location.search).get("do");

const speech = new Speech({
  voices: [new BrowserVoice(), serverVoice],
  wpm: boot.preferences?.speech_wpm ?? 180,
  onFate: (item, fate, reason, latencyMs) => delivery.fate(item, fate, reason, latencyMs),
  onSpeaking: (item) => {
    setText(byId("caption"), item?.text ?? "");
    byId("caption").dataset.stage = item?.stage ?? "";
  },
  onVoice: (name) => {
    if (name === "server") serverVoice.prepare(SPOKEN_WHEN_OFFLINE, speech.wpm);
    if (name === "none" && connection.connected) showProblem("There is no voice", "Neither this browser nor the server could speak. Warnings come as tones, vibration and text.");
  },
});
const delivery = new Delivery({
  speech, haptics, speaker,
  earcon: playEarcon,
  said: new SaidList(byId("said"), byId("said-empty")),
  live: new LiveRegion(byId("live-polite"), byId("live-assertive")),
  report: (body) => connection.send("delivery", body),
});
const connection = new Connection({ onState: onConnection });
const settings = new Settings(boot.preferences ?? {}, {
  url: boot.urls?.settings ?? "/patient/settings",
  send: (changes) => {
    if (session.running) connection.request("settings", { settings: changes }).catch((error) => showProblem("The setting was not taken", error.message));
  },
  onError: (message) => showProblem("The setting was not kept", message),
});
const session = new LookSession({
  connection,
  settings: () => settings.forSession(),
  onState: onSessionState,
  onResult: (message, latencyMs) => {
    picture.result(message, settings.values);
    showSeeing(latencyMs);
    askOnce();
  },
  onOpened: (answer) => picture.opened(answer),
  onScene: (message) => picture.scene(message),
  onAlerts: (alerts, tCap) => {
    for (const alert of alerts) delivery.give(alert, tCap);
  },
  onEnded: (reason) => delivery.tell(`Looking was stopped: ${reason.replaceAll("_", " ")}. No warnings come now.`, { kind: "ended", urgent: true, silentToo: true }),
});

// ---- state -----------------------------------------------------------------------------------------------------

function setState(name, words) {
  state = name;
  setText(byId("state"), words);
  byId("state").parentElement.dataset.state = name;
  const running = session.running;
  swapButtons(running ? byId("stop") : byId("start"), running ? byId("start") : byId("stop"));
  byId("source").disabled = running;
  byId("file").disabled = running;
  for (const id of ["describe", "find", "read"]) byId(id).disabled = !running;
}

/** Enables one, disables the other; focus moves along, so that a keyboard user is not thrown to the top of the page. */
function swapButtons(on, off) {
  const hadFocus = document.activeElement === off;
  on.disabled = false;
  if (hadFocus) on.focus();
  off.disabled = true;
}

function onSessionState(name, why) {
  if (name === "starting") return setState("starting", "Starting");
  if (name === "paused") return onPaused(why);
  if (name === "returning") return setText(byId("state"), "Vision paused: pictures are coming back");
  if (name === "stopped") return onStopped();
  if (state === "paused" && why === "resumed") {
    haptics.play(RESUMED_PATTERN);
    if (!speech.silenced) playEarcon("vision_resumed");
    delivery.tell("Seeing again.", { kind: "vision_resumed", silentToo: true });
  }
  if (state !== "seeing") setState("seeing", "Seeing");
  return undefined;
}

function onPaused(why) {
  setState("paused", `Vision paused: ${why}`);
  setText(byId("fps"), "0.0 pictures a second");
  setText(byId("latency"), "");
  picture.dim();
  haptics.play(PAUSED_PATTERN);
  playEarcon("vision_paused"); // also in silence: silence must never look like safety
  delivery.tell(`Vision paused: ${why}.`, { kind: "vision_paused", urgent: true, silentToo: true });
}

function onStopped() {
  clearTimeout(cameraRetry);
  wakeLock?.release().catch(() => {});
  wakeLock = null;
  picture.clear();
  speech.stop("session_stopped");
  setState("stopped", "Stopped");
}

function showSeeing(latencyMs) {
  const now = performance.now();
  if (state !== "seeing" || now - stateShownAt < STATE_EVERY_MS) return;
  stateShownAt = now;
  const figures = session.pacer.figures();
  const shown = figures.latencyMs ?? latencyMs;
  setText(byId("state"), `Seeing, ${milliseconds(shown)}${speech.silenced ? ", voice silenced" : ""}`);
  setText(byId("fps"), `${figures.fps.toFixed(1)} pictures a second`);
  setText(byId("latency"), `${milliseconds(shown)} from picture to answer`);
}

function onConnection(name, detail) {
  if (name === "connected") session.reopen();
  if (name === "lost") session.connectionLost();
  if (name === "refused") {
    showProblem("MaxSight refused the connection", `${detail || "You may be logged out"}. Load this page again, or log in again.`);
  }
}

function showProblem(title, text) {
  setText(byId("problem-title"), title);
  setText(byId("problem-text"), text);
  byId("problem").hidden = false;
}

// ---- start and stop --------------------------------------------------------------------------------------------

async function openChosen() {
  const chosen = byId("source").value;
  const parts = { video: byId("video"), still: byId("still"), limits: boot.limits ?? {}, url: boot.urls?.scene ?? "/patient/scene.jpg" };
  if (chosen === "webcam") return openWebcam({ ...parts, onLost: onCameraLost });
  if (chosen === "upload") return openFile(byId("file").files[0], parts);
  return openScene(chosen, parts);
}

async function start() {
  if (session.running || state === "starting") return;
  byId("problem").hidden = true;
  setState("starting", byId("source").value === "webcam" ? "Starting: waiting for the camera" : "Starting");
  unlockAudio();
  let source = null;
  try {
    source = await openChosen();
    delivery.begin();
    picture.begin();
    await session.start(source);
    delivery.tell("Looking.", { kind: "started" });
    navigator.wakeLock?.request("screen").then((lock) => { wakeLock = lock; }, () => {});
  } catch (error) {
    source?.close();
    picture.clear();
    setState("idle", "Not started");
    const title = error instanceof SourceError ? error.title : "Looking could not start";
    const words = PLAIN_WORDS[error.code] ?? error.message;
    showProblem(title, words);
    delivery.tell(`${title}. ${words}`, { kind: "problem" });
  }
}

async function stop() {
  if (!session.running) return;
  await session.stop();
  delivery.tell("Stopped. No warnings come now.", { kind: "stopped" });
}

/** The camera went away (unplugged, taken by another program): told at once, tried again until it is back. */
function onCameraLost() {
  session.markCameraLost();
  const retry = async () => {
    if (!session.running) return;
    try {
      await session.replaceSource(() => openWebcam({ video: byId("video"), limits: boot.limits ?? {}, onLost: onCameraLost }));
    } catch {
      cameraRetry = setTimeout(retry, CAMERA_RETRY_MS);
    }
  };
  cameraRetry = setTimeout(retry, CAMERA_RETRY_MS);
}

// ---- requests --------------------------------------------------------------------------------------------------

async function ask(kind, what) {
  if (!session.running) return delivery.tell("Press Space to start looking first.", { kind: "hint" });
  try {
    await connection.request("request", what ? { kind, what } : { kind });
  } catch (error) {
    delivery.tell(error.message, { kind: "problem" });
  }
  return undefined;
}

/** Came from "Read text" or "Find something" on the home page: ask as soon as there is sight. */
function askOnce() {
  const kind = asked;
  asked = null;
  if (kind === "find") controls.openFind();
  if (kind === "read") setTimeout(() => ask("read"), ASK_READ_AFTER_MS);
}

function silence() {
  const on = !speech.silenced;
  // Said before the voice goes, and after it is back.
  speech.setSilenced(on);
  settings.change({ silenced: on });
  byId("silence").setAttribute("aria-pressed", String(on));
  delivery.tell(on ? "Voice silenced. Warnings vibrate and appear as text." : "Voice on.", { kind: "silence" });
}

const controls = wireControls({
  settings, start, stop, ask, silence,
  isRunning: () => session.running || state === "starting",
  repeat: () => delivery.repeat() || delivery.tell("Nothing was said yet.", { kind: "hint" }),
  setRate: (wpm) => speech.setRate(wpm),
  tell: (text) => delivery.tell(text, { kind: "hint" }),
  restartTour: () => tour.restart(),
});
const tour = new Tour(
  { panel: byId("tour"), title: byId("tour-title"), text: byId("tour-text"), progress: byId("tour-progress"), next: byId("tour-next"), skip: byId("tour-skip") },
  {
    speak: (text) => { unlockAudio(); speech.stop("tour"); delivery.tell(text, { kind: "tour" }); },
    hush: () => { if (speech.current?.item.id === null) speech.stop("tour"); },
    demo: (demo) => {
      unlockAudio().then(() => playEarcon(demo.earcon, demo.bearing));
      haptics.play(demo.haptic);
    },
  },
);

BrowserVoice.available().then((there) => {
  if (there || speech.voiceName !== "browser") return;
  speech.voices = [serverVoice];
  speech.onVoice("server");
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && session.running && wakeLock?.released) {
    navigator.wakeLock.request("screen").then((lock) => { wakeLock = lock; }, () => {});
  }
});
window.addEventListener("pagehide", () => speech.stop("page_left"));
if (asked === "find" || asked === "read") {
  const words = asked === "find" ? "Find something" : "Read text";
  setText(byId("heading"), words);
}
setState("idle", "Not started");

// Read-only counters, for tests and for the curious.
Object.defineProperty(window, "maxsight", {
  value: Object.freeze({
    get stats() {
      return structuredClone({ ...session.pacer.counters, ...delivery.counters, ...session.pacer.figures(), state,
        sessionId: session.sessionId, voice: speech.voiceName, haptics: haptics.played, speaking: speech.current?.item.text ?? null });
    },
  }),
});
