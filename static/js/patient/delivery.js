// One alert, from the message to the person: felt first, then heard, always written; its fate goes back to the server.
import { earconOf } from "./earcons.js";

const SEEN_IDS = 200;
const PERCEPTION_KINDS = ["perception", "vision_paused", "vision_resumed"];
const SAME_NOTICE_WITHIN_MS = 3000;
const LATE_STOP_MS = 1500; // a stop that a slow link delivered late is not spoken any more, but still felt and heard

export class Delivery {
  /**
   * @param {{speech: import("./speech.js").Speech, haptics: object, earcon: (name: string, bearingDeg: number|null) => void,
   *   said: {add: Function}, live: {say: Function}, report: (body: object) => void,
   *   speaker: () => "maxsight"|"screen_reader", now?: () => number}} parts
   */
  constructor({ now = () => performance.now(), ...parts }) {
    Object.assign(this, parts, { now });
    this.seen = new Set();
    this.last = null;
    this.counters = { spoken: 0, haptic_only: 0, expired: 0, interrupted: 0 };
  }

  /** A new session numbers its alerts anew. */
  begin() {
    this.seen.clear();
  }

  /**
   * Gives one delivered decision of the alert engine to the person.
   * @param {object} alert AlertDecision.to_json @param {number|null} tCap capture time of its frame, page clock (ms)
   */
  give(alert, tCap) {
    if ((alert.fate !== "spoken" && alert.fate !== "haptic_only") || this.#known(alert.id) || saidByPage(alert)) return;
    const begunAt = tCap ?? this.now();
    const expiresAt = begunAt + Math.max(0, alert.expires_s - alert.time_s) * 1000;
    const item = {
      id: alert.id, text: alert.text, stage: alert.stage, tCap: begunAt, expiresAt,
      interrupts: Boolean(alert.interrupts), kind: alert.kind,
    };
    if (this.#justToldPerception(alert.kind, alert.text)) return this.fate(item, "spoken", "said_by_page", this.now() - begunAt);
    const late = this.now() - expiresAt;
    const lateStop = late > 0 && alert.stage === "P0" && late <= LATE_STOP_MS;
    if (late > 0 && !lateStop) return this.fate(item, "expired", "stale_on_arrival", this.now() - begunAt);
    item.felt = this.haptics.play(alert.haptic);
    // The silence key stops words. A stop still sounds: many devices have no vibration motor.
    const sound = this.speech.silenced && alert.stage !== "P0" ? null : earconOf(alert);
    if (sound) this.earcon(sound, alert.bearing_deg);
    this.#write(item);
    if (lateStop) return this.fate(item, item.felt ? "haptic_only" : "expired", "stale_on_arrival", this.now() - begunAt);
    return this.#speak(item, alert.fate === "haptic_only");
  }

  /**
   * The page and the engine both watch over perception and may notice the same thing within a moment. True when
   * "Vision paused" or "Seeing again" was told just now by the other one.
   */
  #justToldPerception(kind, text) {
    if (!PERCEPTION_KINDS.includes(kind)) return false;
    const what = text.slice(0, "Vision paused".length);
    const again = this.perception?.what === what && this.now() - this.perception.at < SAME_NOTICE_WITHIN_MS;
    if (!again) this.perception = { what, at: this.now() };
    return again;
  }

  #known(id) {
    if (this.seen.has(id)) return true;
    this.seen.add(id);
    if (this.seen.size > SEEN_IDS) this.seen.delete(this.seen.values().next().value);
    return false;
  }

  #write(item) {
    this.last = item;
    this.said.add(item);
    this.live.say(item.text, { assertive: item.stage === "P0" });
  }

  #speak(item, hapticOnly) {
    const latencyMs = this.now() - item.tCap;
    if (hapticOnly) return this.fate(item, item.felt ? "haptic_only" : "expired", item.felt ? "" : "shown_as_text_only", latencyMs);
    if (this.speaker() === "screen_reader" && !this.speech.silenced) return this.fate(item, "spoken", "screen_reader", latencyMs);
    return this.speech.say(item);
  }

  /** Words of the page itself: written, announced, and spoken unless the screen reader speaks. */
  tell(text, { kind, urgent = false, silentToo = false } = {}) {
    if (this.#justToldPerception(kind, text)) return;
    const now = this.now();
    this.#write({ id: null, text, stage: urgent ? "P0" : "system", kind, tCap: now, expiresAt: Infinity, interrupts: urgent });
    if (this.speaker() === "maxsight") this.speech.system(text, { urgent, silentToo });
  }

  /** The last words once more, on request; false when nothing was said yet. */
  repeat() {
    if (!this.last) return false;
    const item = { ...this.last, stage: "P3", interrupts: true, felt: false, expiresAt: Infinity, reason: "repeated" };
    this.live.say(`Again: ${item.text}`);
    if (this.speaker() === "maxsight") this.speech.say(item);
    else if (!this.speech.silenced) this.fate(item, "spoken", "repeated", 0);
    return true;
  }

  /** Counts and reports what became of an alert; words of the page itself have no row in the ledger. */
  fate(item, fate, reason, latencyMs) {
    if (item.reason === "repeated" && fate !== "spoken") return;
    if (item.reason !== "repeated" && item.id) this.counters[fate] += 1;
    if (!item.id) return;
    const body = { alert_id: item.id, fate };
    if (reason) body.reason = reason;
    // A repetition has no latency: its moment is the person's choice.
    if (item.reason !== "repeated") body.latency_ms = Math.max(0, Math.round(latencyMs * 10) / 10);
    this.report(body);
  }
}

/** "Vision paused" that this page noticed and said itself comes back as a row of the ledger: no second time. */
function saidByPage(alert) {
  return alert.kind === "perception" && /^browser\b/.test(alert.reason ?? "");
}
