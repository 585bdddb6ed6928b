// When the next frame may go, and whether vision is alive. Pure logic: the clock is handed in.
import { median } from "../common/format.js";

export const MAX_FPS = 10; // docs/protocol.md: one frame in flight; more than 10 a second tells a walker nothing new
export const PAUSED_AFTER_MS = 1000; // alert policy, "lost perception": older than 1 s is said
export const FIRST_RESULT_WITHIN_MS = 3000; // the very first frame may meet a cold engine
export const UNANSWERED_AFTER_MS = 3000; // a reply that never comes must not stop the frames for ever
export const RESUME_AFTER_MS = 2000; // alert policy, resume_after_s: steady for so long; no "paused, seeing, paused"
const RECENT = 30;

export class Pacer {
  /** @param {{now?: () => number, maxFps?: number}} [options] `now` in milliseconds, monotonic */
  constructor({ now = () => performance.now(), maxFps = MAX_FPS } = {}) {
    this.now = now;
    this.minIntervalMs = 1000 / maxFps;
    this.counters = { sent: 0, results: 0, dropped: 0, unanswered: 0, pauses: 0, droppedByReason: {} };
    this.seq = 0;
    this.recent = [];
    this.begin();
  }

  /** A (new) session: nothing is in flight, the first result has its grace. Counters and `seq` go on. */
  begin({ credit = 1, maxFps } = {}) {
    if (maxFps) this.minIntervalMs = 1000 / maxFps;
    this.credit = credit;
    this.inFlight = new Map();
    this.lastSentAt = -Infinity;
    this.lastResultAt = null;
    this.beganAt = this.now();
    this.resume();
    this.lastDropReason = null;
  }

  /** Vision is not to be trusted from here on: no result came for too long, or the camera went away. */
  pause() {
    this.paused = true;
    this.pausedAt = this.now();
    this.goodSince = null;
    this.counters.pauses += 1;
  }

  resume() {
    this.paused = false;
    this.pausedAt = -Infinity;
    this.goodSince = null;
  }

  /** Paused, but pictures captured since then have been answered again. */
  get returning() {
    return this.paused && this.goodSince !== null;
  }

  canSend() {
    this.#forgetUnanswered();
    return this.inFlight.size < this.credit && this.msUntilNext() <= 0;
  }

  /** Milliseconds until the frame-rate cap allows the next frame (0 or less: now). */
  msUntilNext() {
    return this.lastSentAt + this.minIntervalMs - this.now();
  }

  /** Takes the credit for one frame; returns its `seq`. */
  take(tCap) {
    this.seq += 1;
    this.inFlight.set(this.seq, { tCap, at: this.now() });
    this.lastSentAt = tCap; // from capture to capture: the time to encode a frame is no pause
    this.counters.sent += 1;
    return this.seq;
  }

  /** A `result` came. Returns the round trip in milliseconds, or null for a frame of an earlier session. */
  result(seq, credit) {
    const frame = this.#settle(seq, credit);
    if (!frame) return null;
    const now = this.now();
    const gapMs = now - (this.lastResultAt ?? -Infinity);
    const since = frame.tCap >= this.pausedAt; // the late answer to an older picture is no sign that new ones come
    if (since && (gapMs > PAUSED_AFTER_MS || this.goodSince === null)) this.goodSince = now;
    this.lastResultAt = now;
    this.lastDropReason = null;
    this.counters.results += 1;
    this.recent.push({ at: now, latencyMs: now - frame.tCap });
    if (this.recent.length > RECENT) this.recent.shift();
    return now - frame.tCap;
  }

  /** A `frame_dropped` came: the credit is back, but it is no result. */
  dropped(seq, reason, credit) {
    if (!this.#settle(seq, credit)) return;
    this.lastDropReason = reason;
    this.counters.dropped += 1;
    this.counters.droppedByReason[reason] = (this.counters.droppedByReason[reason] ?? 0) + 1;
  }

  #settle(seq, credit) {
    if (Number.isInteger(credit) && credit >= 1) this.credit = credit;
    const frame = this.inFlight.get(seq);
    this.inFlight.delete(seq);
    return frame;
  }

  #forgetUnanswered() {
    for (const [seq, frame] of this.inFlight) {
      if (this.now() - frame.at < UNANSWERED_AFTER_MS) continue;
      this.inFlight.delete(seq);
      this.counters.unanswered += 1;
    }
  }

  /** The watchdog: "paused" or "resumed" at the moment it changes, null otherwise. */
  check() {
    const silentMs = this.lastResultAt === null
      ? this.now() - this.beganAt - FIRST_RESULT_WITHIN_MS + PAUSED_AFTER_MS
      : this.now() - this.lastResultAt;
    if (!this.paused && silentMs > PAUSED_AFTER_MS) {
      this.pause();
      return "paused";
    }
    if (this.paused && this.goodSince !== null && silentMs <= PAUSED_AFTER_MS && this.lastResultAt - this.goodSince >= RESUME_AFTER_MS) {
      this.resume();
      return "resumed";
    }
    return null;
  }

  /** Results a second over the last three seconds, and the median round trip. */
  figures() {
    const now = this.now();
    const last = this.recent.filter(({ at }) => now - at <= 3000);
    const spanMs = last.length > 1 ? last.at(-1).at - last[0].at : 0;
    const fps = spanMs > 0 ? ((last.length - 1) * 1000) / spanMs : 0;
    const latencyMs = median(last.map((entry) => entry.latencyMs));
    return { fps, latencyMs: Number.isNaN(latencyMs) ? null : latencyMs };
  }
}
