/**
 * What became of the last frames of a session: one entry per frame, in the order of their numbers. Results, scenes and
 * drops come in any order; an entry is what the newest of them says.
 */

import { skipKind } from "./engine_words.js";

export const LOGGED_FRAMES = 120;

export class FrameLog {
  constructor(length = LOGGED_FRAMES) {
    this.length = length;
    this.clear();
  }

  clear() {
    this.frames = new Map();
    this.first = Infinity;
    this.last = -Infinity;
  }

  /** The decision point's word on a frame. @param {{seq: number, stage_b: Object, timings_ms?: Object}} event */
  decided({ seq, stage_b, timings_ms }) {
    if (!stage_b) return;
    if (!stage_b.run) this.#giveUp((frame) => frame.seq < seq); // what it would add to is no longer trusted
    this.#put({ seq, state: this.#stateOf(seq, stage_b), reason: stage_b.reason, stage_a_ms: timings_ms?.stage_a ?? stage_b.stage_a_ms ?? null });
    this.#supersede();
  }

  /** Stage B's result of a frame arrived; whatever was queued before it and did not arrive has been given up. */
  arrived({ seq, lane }) {
    if (lane !== "B") return;
    this.#put({ stage_a_ms: null, reason: "queued", ...this.frames.get(seq), seq, state: "ran" });
    this.#giveUp((frame) => frame.seq < seq);
  }

  dropped({ seq, reason }) {
    if (!this.frames.has(seq)) this.#put({ seq, state: "dropped", reason, stage_a_ms: null });
  }

  /** The session is over: nothing more will arrive. */
  ended() {
    this.#giveUp(() => true);
  }

  /** @returns {Array<Object>} the last frames, oldest first; a number nothing was heard of is `unsent` */
  cells() {
    if (this.frames.size === 0) return [];
    const from = Math.max(this.first, this.last - this.length + 1);
    return Array.from({ length: this.last - from + 1 }, (_, index) => {
      const seq = from + index;
      return this.frames.get(seq) ?? { seq, state: "unsent", reason: "", stage_a_ms: null };
    });
  }

  #stateOf(seq, decision) {
    if (!decision.run) return skipKind(decision.reason);
    if (this.frames.get(seq)?.state === "ran") return "ran";
    const overtaken = [...this.frames.values()].some((frame) => frame.seq > seq && frame.state === "ran");
    return overtaken ? "cancelled" : "waiting";
  }

  /** One frame is in Stage B and one waits for it: a newer one takes the place of the one that waited. */
  #supersede() {
    const waiting = [...this.frames.values()].filter((frame) => frame.state === "waiting").map((frame) => frame.seq);
    this.#giveUp((frame) => frame.seq > Math.min(...waiting) && frame.seq < Math.max(...waiting));
  }

  #put(frame) {
    if (frame.seq <= this.last - this.length) return;
    this.frames.set(frame.seq, frame);
    this.first = Math.min(this.first, frame.seq);
    this.last = Math.max(this.last, frame.seq);
    for (const seq of this.frames.keys()) if (seq <= this.last - this.length) this.frames.delete(seq);
  }

  #giveUp(concerns) {
    for (const frame of this.frames.values()) if (frame.state === "waiting" && concerns(frame)) frame.state = "cancelled";
  }
}
