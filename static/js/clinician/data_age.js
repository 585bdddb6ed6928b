/**
 * How old the figures on the page are. The server says how old a frame was when it sent it; from then on only this
 * browser's own clock runs, so that two machines' clocks are never compared.
 */

export const STALE_MS = 3000;

export class DataAge {
  /** @param {() => number} now milliseconds of a clock that never jumps */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.arrived_ms = null;
    this.ageAtArrival_ms = 0;
  }

  /** A message came whose frame was `age_ms` old when the server sent it. */
  received(age_ms) {
    this.arrived_ms = this.now();
    this.ageAtArrival_ms = Number.isFinite(age_ms) ? Math.max(0, age_ms) : 0;
  }

  /** Age now, milliseconds, or null before the first message. */
  get age_ms() {
    return this.arrived_ms === null ? null : this.ageAtArrival_ms + this.now() - this.arrived_ms;
  }

  get stale() {
    return this.age_ms !== null && this.age_ms > STALE_MS;
  }

  /** "0.2 s old", "4.1 s old: stale" or "no data yet". */
  get words() {
    if (this.age_ms === null) return "no data yet";
    const seconds = `${(this.age_ms / 1000).toFixed(1)} s old`;
    return this.stale ? `${seconds}: stale` : seconds;
  }
}
