// What is spoken, in which order, and what is dropped. Never speaks stale words; a stop warning cuts everything.
// Voices are handed in (voices.js), so that the order and the fates can be tested without sound.

const PRIORITY = { P0: 0, P1: 1, P3: 2, system: 2, P2: 3 };
const P0_HEAD_START_MS = 1000; // one stop warning does not cut another that has just begun: nobody understands halves
const SYSTEM_EXPIRES_MS = 8000;
const LONGEST_QUEUE = 8;

/**
 * @typedef {{id: string|null, text: string, stage: string, tCap: number, expiresAt: number, interrupts: boolean,
 *            felt?: boolean, reason?: string, silentToo?: boolean}} Item  times on the page's own clock (ms)
 */
export class Speech {
  /**
   * @param {{voices: object[], wpm?: number, now?: () => number,
   *   onFate?: (item: Item, fate: string, reason: string, latencyMs: number) => void,
   *   onSpeaking?: (item: Item|null) => void, onVoice?: (name: string) => void}} setup
   *   `voices` in order of preference; one that fails is not tried again, except the last.
   */
  constructor({ voices, wpm = 180, now = () => performance.now(), onFate = () => {}, onSpeaking = () => {}, onVoice = () => {} }) {
    Object.assign(this, { voices: [...voices], wpm, now, onFate, onSpeaking, onVoice });
    this.queue = [];
    this.current = null;
    this.silenced = false;
    this.lastSpoken = null;
  }

  /** "browser", "server" or "none". */
  get voiceName() {
    return this.voices[0]?.name ?? "none";
  }

  /** Words of the page itself ("Vision paused"). `urgent` cuts other speech; `silentToo` speaks even when silenced. */
  system(text, { urgent = false, silentToo = false, expiresMs = SYSTEM_EXPIRES_MS } = {}) {
    const now = this.now();
    this.say({ id: null, text, stage: urgent ? "P0" : "system", tCap: now, expiresAt: now + expiresMs, interrupts: urgent, silentToo });
  }

  /** @param {Item} item */
  say(item) {
    if (this.silenced && !item.silentToo) return this.#unsaid(item, "silenced");
    if (this.now() > item.expiresAt) return this.#unsaid(item, "stale_on_arrival");
    if (this.current && this.#mayCut(item)) this.#cut(item.id ?? "maxsight");
    this.queue.push({ ...item, order: this.order = (this.order ?? 0) + 1 });
    this.queue.sort((a, b) => PRIORITY[a.stage] - PRIORITY[b.stage] || a.order - b.order);
    while (this.queue.length > LONGEST_QUEUE) this.#unsaid(this.queue.pop(), "queue_full");
    return this.#next();
  }

  /** A stop warning cuts what is spoken; a soon warning cuts what is less urgent, or it would expire unheard. */
  #mayCut(item) {
    const { item: speaking, startedAt } = this.current;
    if (item.stage === "P0" || item.interrupts) {
      return speaking.stage !== "P0" || (startedAt !== null && this.now() - startedAt >= P0_HEAD_START_MS);
    }
    return item.stage === "P1" && PRIORITY[speaking.stage] > PRIORITY.P1;
  }

  #cut(by) {
    const { item, handle, startedAt } = this.current;
    this.current = null;
    handle?.cancel();
    this.onSpeaking(null);
    this.onFate(item, "interrupted", `by ${by}`, (startedAt ?? this.now()) - item.tCap);
  }

  #unsaid(item, reason) {
    const fate = item.felt ? "haptic_only" : "expired";
    this.onFate(item, fate, reason, this.now() - item.tCap);
  }

  #next() {
    if (this.current) return;
    let item = this.queue.shift();
    while (item && this.now() > item.expiresAt) {
      this.#unsaid(item, "expired_in_queue");
      item = this.queue.shift();
    }
    if (item) this.#speak(item);
  }

  #speak(item) {
    const voice = this.voices[0];
    if (!voice) {
      this.#unsaid(item, "no_voice");
      return this.#next();
    }
    const turn = { item, startedAt: null, handle: null };
    this.current = turn;
    turn.handle = voice.speak(item.text, {
      wpm: this.wpm,
      onStart: () => {
        if (this.current !== turn) return;
        // The sound is ready too late for a warning whose moment has passed: it stays unspoken.
        if (this.now() > item.expiresAt) return this.#late(turn);
        turn.startedAt = this.now();
        this.lastSpoken = item;
        this.onSpeaking(item);
      },
    });
    turn.handle.done.then((end) => this.#ended(turn, voice, end));
  }

  #late(turn) {
    this.current = null;
    turn.handle?.cancel();
    this.#unsaid(turn.item, "voice_too_slow");
    this.#next();
  }

  #ended(turn, voice, end) {
    if (this.current !== turn) return;
    this.current = null;
    this.onSpeaking(null);
    if (end === "failed") return this.#failed(turn.item, voice);
    if (end === "ended") this.onFate(turn.item, "spoken", turn.item.reason ?? "", (turn.startedAt ?? this.now()) - turn.item.tCap);
    else this.onFate(turn.item, "interrupted", "voice_cancelled", (turn.startedAt ?? this.now()) - turn.item.tCap);
    this.#next();
  }

  /**
   * This voice does not work here: the next one takes over, beginning with the same words. The last voice stays:
   * a sentence that could not be fetched says nothing about the next one.
   */
  #failed(item, voice) {
    if (this.voices.length > 1) {
      this.voices = this.voices.filter((other) => other !== voice);
      this.onVoice(this.voiceName);
      this.queue.unshift(item);
    } else {
      this.onVoice("none");
      this.#unsaid(item, "voice_failed");
    }
    this.#next();
  }

  /** Silence cuts at once and keeps quiet; what waits is not spoken later. */
  setSilenced(on) {
    this.silenced = on;
    if (!on) return;
    if (this.current && !this.current.item.silentToo) this.#cut("silence");
    const waiting = this.queue;
    this.queue = waiting.filter((item) => item.silentToo);
    for (const item of waiting) if (!item.silentToo) this.#unsaid(item, "silenced");
    this.#next();
  }

  setRate(wpm) {
    this.wpm = wpm;
  }

  /** Drops everything, without a fate for words of the page itself. */
  stop(reason) {
    if (this.current) this.#cut(reason);
    const waiting = this.queue;
    this.queue = [];
    for (const item of waiting) this.#unsaid(item, reason);
  }
}
