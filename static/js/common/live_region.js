// Screen-reader announcements: one polite and one assertive region, no text twice in a row too soon.

const SAME_TEXT_GAP_MS = 3000;
const CLEAR_AFTER_MS = 6000;

export class LiveRegion {
  /** @param {HTMLElement} polite @param {HTMLElement} assertive */
  constructor(polite, assertive, now = () => performance.now()) {
    this.regions = { polite, assertive };
    this.now = now;
    this.last = { text: "", at: -Infinity };
    this.timers = {};
  }

  /**
   * Announces `text`. Equal text within three seconds is left out, in whichever region.
   * @returns {boolean} whether it was announced
   */
  say(text, { assertive = false } = {}) {
    const now = this.now();
    if (text === this.last.text && now - this.last.at < SAME_TEXT_GAP_MS) return false;
    this.last = { text, at: now };
    const name = assertive ? "assertive" : "polite";
    const region = this.regions[name];
    // A fresh node makes readers speak the same words again when they are really said again later.
    const line = document.createElement("p");
    line.textContent = text;
    region.replaceChildren(line);
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(() => region.replaceChildren(), CLEAR_AFTER_MS);
    return true;
  }
}
