// Vibration: location first (left, right, both = ahead), temporal pattern second. Always drawn as two bands,
// and given by the device's motor where there is one.

const LONGEST_PATTERN_MS = 3000; // a pattern is a signal, not a massage; longer ones are cut

const FAINTEST = 0.4; // of a band's strength: weaker would not be seen

// The same rhythms as the alert engine's "lost" and "resumed" (maxsight_core/alerts/haptics.py): the page needs them
// just when the engine cannot be reached.
export const PAUSED_PATTERN = { location: "both", pattern_ms: [600, 300, 600], intensity: 1 };
export const RESUMED_PATTERN = { location: "both", pattern_ms: [300, 300, 300], intensity: 1 };

export class Haptics {
  /**
   * @param {{left: HTMLElement, right: HTMLElement, vibrate?: (pattern: number[]) => boolean, steady?: () => boolean}} parts
   *   `steady`: light the bands without flicker for the length of the pattern (reduced motion)
   */
  constructor({ left, right, vibrate = (pattern) => navigator.vibrate?.(pattern) ?? false, steady = prefersReducedMotion }) {
    this.bands = { left: [left], right: [right], both: [left, right] };
    this.all = [left, right];
    this.vibrate = vibrate;
    this.steady = steady;
    this.timers = [];
    this.played = 0;
  }

  /**
   * Plays one pattern; a new one takes the place of the old one.
   * @param {{location: "left"|"right"|"both", pattern_ms: number[], intensity?: number}|null} haptic
   *   on, off, on, ... in milliseconds; intensity 0..1
   * @returns {boolean} whether there was a pattern to play
   */
  play(haptic) {
    const bands = this.bands[haptic?.location];
    if (!bands || !haptic.pattern_ms?.length) return false;
    this.stop();
    for (const band of bands) band.style.setProperty("--strength", String(Math.max(FAINTEST, haptic.intensity ?? 1)));
    for (const [from, length] of this.#bursts(haptic.pattern_ms)) {
      this.timers.push(setTimeout(() => this.#light(bands, true), from));
      this.timers.push(setTimeout(() => this.#light(bands, false), from + length));
    }
    this.played += 1;
    try {
      this.vibrate(haptic.pattern_ms);
    } catch {
      // A browser that refuses vibration still shows the bands.
    }
    return true;
  }

  /** [start, length] of every burst; one long burst where nothing may flicker. */
  #bursts(pattern) {
    const bursts = [];
    let at = 0;
    pattern.forEach((length, index) => {
      if (index % 2 === 0 && at < LONGEST_PATTERN_MS) bursts.push([at, length]);
      at += length;
    });
    return this.steady() ? [[0, Math.min(at, LONGEST_PATTERN_MS)]] : bursts;
  }

  stop() {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers = [];
    this.#light(this.all, false);
  }

  #light(bands, on) {
    for (const band of bands) band.classList.toggle("is-on", on);
  }
}

function prefersReducedMotion() {
  return window.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
}
