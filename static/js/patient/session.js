// One looking session: frames out with one credit, answers in, the watchdog, reconnection. No DOM, no speech.
import { Pacer } from "./pacer.js";

const WATCH_EVERY_MS = 100;
const IDLE_GRAB_MS = 15; // no newer picture yet: look again soon
const RETRY_AFTER_FAULT_MS = 500;
const MAX_DETAIL_CHARACTERS = 200;

/**
 * Calls back:
 *   onOpened(answer)      the server's answer to `session_start`
 *   onState(state, why)   "starting" | "seeing" | "paused" | "returning" (results again, not yet steady) | "stopped";
 *                         `why`: the reason of a pause
 *   onResult(message, latencyMs), onScene(message), onAlerts(alerts, tCapMs), onEnded(reason)
 */
export class LookSession {
  /** @param {{connection: import("../common/socket.js").Connection, settings: () => object}} parts plus the callbacks */
  constructor({ connection, settings, ...callbacks }) {
    this.connection = connection;
    this.settings = settings;
    this.callbacks = callbacks;
    this.pacer = new Pacer();
    this.running = false;
    this.sessionId = null;
    this.cameraLost = false;
    this.pendingNotices = [];
    connection.on("result", (message) => this.#result(message));
    connection.on("frame_dropped", (message) => this.#dropped(message));
    connection.on("scene", (message) => this.#scene(message));
    connection.on("alert", (message) => this.running && callbacks.onAlerts(message.alerts ?? [], message.t_cap ?? null));
    connection.on("session_ended", (message) => this.#endedByServer(message));
  }

  /** Starts with an open source. Throws ProtocolError when the server refuses. */
  async start(source) {
    this.source = source;
    this.running = true;
    this.callbacks.onState("starting", "");
    try {
      await this.connection.whenConnected(); // Start may be pressed before the page has its connection
      await this.#open();
    } catch (error) {
      this.running = false;
      throw error;
    }
    this.watch = setInterval(() => this.#watchdog(), WATCH_EVERY_MS);
  }

  async #open() {
    const payload = {
      source: this.source.kind,
      source_detail: (this.source.detail || this.source.kind).slice(0, MAX_DETAIL_CHARACTERS),
      settings: this.settings(),
    };
    let answer;
    try {
      answer = await this.connection.request("session_start", payload);
    } catch (error) {
      if (error.code !== "already_started") throw error;
      await this.connection.request("session_stop", { reason: "restarted" });
      answer = await this.connection.request("session_start", payload);
    }
    if (!this.running) { // stopped while the answer was on its way
      this.connection.send("session_stop", { reason: "stopped" });
      return;
    }
    this.sessionId = answer.session_id;
    this.opened = true;
    this.callbacks.onOpened?.(answer);
    const wasPaused = this.pacer.paused;
    this.pacer.begin({ credit: answer.credit ?? 1, maxFps: this.source.maxFps });
    this.pacer.paused = wasPaused; // a reconnection does not end the pause: results do
    for (const notice of this.pendingNotices.splice(0)) this.connection.send("notice", notice);
    this.#pump();
  }

  /** The connection came back: a new session, the same source. */
  async reopen() {
    if (!this.running || !this.watch) return; // not yet started: start() itself opens
    try {
      await this.#open();
    } catch (error) {
      this.lastFault = error.message;
      if (this.running && this.connection.connected) setTimeout(() => this.reopen(), RETRY_AFTER_FAULT_MS);
    }
  }

  /** The connection broke: nothing is in flight any more. */
  connectionLost() {
    this.opened = false;
    this.pacer.inFlight.clear();
  }

  /**
   * Another source for the running session (a camera that came back). The old one is closed before the new one
   * opens: both use the same video element.
   * @param {() => Promise<object>} open
   */
  async replaceSource(open) {
    this.source.close();
    const source = await open();
    if (!this.running) return source.close();
    this.source = source;
    this.cameraLost = false;
    return this.#pump();
  }

  async stop(reason = "stopped") {
    if (!this.running) return;
    this.#halt();
    if (this.connection.connected && this.opened) {
      this.opened = false;
      await this.connection.request("session_stop", { reason }).catch(() => {});
    }
    this.callbacks.onState("stopped", "");
  }

  #halt() {
    this.running = false;
    clearInterval(this.watch);
    this.watch = null;
    clearTimeout(this.timer);
    this.source?.close();
    this.cameraLost = false;
    this.pendingNotices = [];
    this.pacer.resume();
  }

  #endedByServer({ reason, session_id: id }) {
    if (!this.running || (id && this.sessionId && id !== this.sessionId)) return;
    this.opened = false;
    this.#halt();
    this.callbacks.onState("stopped", "");
    this.callbacks.onEnded(reason ?? "ended");
  }

  async #pump() {
    clearTimeout(this.timer);
    if (!this.running || !this.opened || this.grabbing) return;
    if (!this.pacer.canSend()) {
      this.timer = setTimeout(() => this.#pump(), Math.max(IDLE_GRAB_MS, this.pacer.msUntilNext()));
      return;
    }
    this.grabbing = true;
    let waitMs = IDLE_GRAB_MS;
    try {
      const frame = await this.source.grab();
      if (frame && this.running && this.opened) this.#send(frame);
    } catch (fault) {
      waitMs = RETRY_AFTER_FAULT_MS;
      if (this.running) this.lastFault = fault.message;
    } finally {
      this.grabbing = false;
    }
    if (this.running) this.timer = setTimeout(() => this.#pump(), waitMs);
  }

  #send({ bytes, w, h, tCap }) {
    this.lastFault = null;
    const seq = this.pacer.take(tCap);
    this.connection.send("frame", { seq, t_cap: tCap, w, h }, bytes);
  }

  #result(message) {
    if (!this.running) return;
    const latencyMs = this.pacer.result(message.seq, message.credit);
    if (latencyMs === null) return;
    this.#watchdog();
    if (!this.pacer.paused) this.callbacks.onState("seeing", "");
    else if (this.pacer.returning) this.callbacks.onState("returning", "");
    this.callbacks.onResult(message, latencyMs);
    this.callbacks.onAlerts(message.alerts ?? [], message.t_cap);
    this.#pump();
  }

  #dropped({ seq, reason, credit }) {
    this.pacer.dropped(seq, reason, credit);
    if (this.running) this.#pump();
  }

  #scene(message) {
    if (!this.running) return;
    this.callbacks.onScene(message);
    this.callbacks.onAlerts(message.alerts ?? [], message.t_cap);
  }

  #watchdog() {
    if (!this.running) return;
    const change = this.pacer.check();
    if (change === "paused") {
      this.#notice("vision_paused");
      this.callbacks.onState("paused", this.#why());
    } else if (change === "resumed") {
      this.#notice("vision_resumed");
      this.callbacks.onState("seeing", "resumed");
    }
  }

  /** The track of the camera ended: no need to wait a second to know it. */
  markCameraLost() {
    this.cameraLost = true;
    this.#notice("camera_lost");
    if (this.pacer.paused) return;
    this.pacer.pause();
    this.callbacks.onState("paused", this.#why());
  }

  #why() {
    if (!this.connection.connected) return "connection lost";
    if (this.cameraLost || this.source.lost) return "camera lost";
    if (document.hidden) return "this page is in the background";
    if (this.lastFault) return this.lastFault.replace(/\.$/, "");
    if (this.pacer.lastDropReason) return DROP_WORDS[this.pacer.lastDropReason] ?? "pictures are not accepted";
    if (this.pacer.inFlight.size) return "no answer from the engine";
    return this.source.kind === "webcam" ? "no new picture from the camera" : "no new picture";
  }

  #notice(kind) {
    const notice = { kind, t_cap: performance.now() };
    if (!this.opened || !this.connection.send("notice", notice)) this.pendingNotices.push(notice);
  }
}

const DROP_WORDS = {
  superseded: "the engine is too slow",
  stale: "pictures arrive too late",
  too_large: "pictures are too large",
  bad_image: "pictures cannot be read",
  bad_header: "pictures are not accepted",
  engine_error: "the engine has a fault",
  engine_restarting: "the engine is starting again",
  not_started: "the session is not open",
  session_stopped: "the session was stopped",
};
