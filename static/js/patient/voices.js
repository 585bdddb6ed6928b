// Two voices with one interface: the browser's own, and audio made by the server (espeak-ng) as the fallback.
// speak(text, {wpm, onStart}) -> {done: Promise<"ended"|"cancelled"|"failed">, cancel()}
import { postForBytes } from "../common/api.js";
import { audioContext, unlockAudio } from "./audio.js";

const WPM_AT_RATE_1 = 180; // usual speed of desktop and phone voices at rate 1
const START_WITHIN_MS = 1000; // some systems have voices that never start and report no error
const SERVER_ANSWER_WITHIN_MS = 4000;
const CACHED_PHRASES = 40;
const CHUNK_CHARACTERS = 240; // the first sentence sounds while the rest is made; the server takes at most 500

export class BrowserVoice {
  name = "browser";

  /** False where the browser has no speech at all, or has told that it has not one voice. */
  static async available() {
    const synthesis = window.speechSynthesis;
    if (!synthesis || typeof SpeechSynthesisUtterance === "undefined") return false;
    if (synthesis.getVoices().length) return true;
    // Chrome fills the list a moment later and tells so.
    return new Promise((resolve) => {
      const finish = () => resolve(synthesis.getVoices().length > 0);
      synthesis.addEventListener("voiceschanged", finish, { once: true });
      setTimeout(finish, 600);
    });
  }

  #voice() {
    const english = window.speechSynthesis.getVoices().filter((voice) => voice.lang.toLowerCase().startsWith("en"));
    // A voice on the device answers at once and without the network.
    return english.find((voice) => voice.localService && voice.default) ?? english.find((voice) => voice.localService) ?? english[0];
  }

  speak(text, { wpm, onStart = () => {} }) {
    const synthesis = window.speechSynthesis;
    const utterance = new SpeechSynthesisUtterance(text);
    const voice = this.#voice();
    if (voice) utterance.voice = voice;
    utterance.lang = voice?.lang ?? "en-GB";
    utterance.rate = Math.min(10, Math.max(0.1, wpm / WPM_AT_RATE_1));
    this.current = utterance; // Chrome forgets events of an utterance nobody holds
    let finish;
    const done = new Promise((resolve) => { finish = resolve; });
    const watchdog = setTimeout(() => { finish("failed"); synthesis.cancel(); }, START_WITHIN_MS);
    utterance.onstart = () => { clearTimeout(watchdog); onStart(); };
    utterance.onend = () => { clearTimeout(watchdog); finish("ended"); };
    utterance.onerror = ({ error }) => {
      clearTimeout(watchdog);
      finish(error === "interrupted" || error === "canceled" ? "cancelled" : "failed");
    };
    synthesis.speak(utterance);
    return { done, cancel: () => { clearTimeout(watchdog); finish("cancelled"); synthesis.cancel(); } };
  }
}

export class ServerVoice {
  name = "server";

  /** @param {string} url POST {text, wpm} -> audio/wav */
  constructor(url) {
    this.url = url;
    this.cache = new Map();
  }

  /** Fetches phrases ahead, so that they can be spoken when there is no connection. */
  async prepare(texts, wpm) {
    await Promise.allSettled(texts.map((text) => this.#audio(text, wpm)));
  }

  /** Whole sentences of at most CHUNK_CHARACTERS; a longer sentence is cut between words. */
  static chunks(text) {
    const pieces = text.match(/[^.!?]+[.!?]*\s*|[.!?]+\s*/g) ?? [text];
    const chunks = [""];
    for (const word of pieces.flatMap((piece) => (piece.length > CHUNK_CHARACTERS ? piece.match(/\S+\s*/g) : [piece]))) {
      if (chunks.at(-1) && (chunks.at(-1) + word).length > CHUNK_CHARACTERS) chunks.push("");
      chunks[chunks.length - 1] += word;
    }
    return chunks.map((chunk) => chunk.trim().slice(0, 2 * CHUNK_CHARACTERS)).filter(Boolean);
  }

  async #audio(text, wpm, signal) {
    const key = `${wpm}|${text}`;
    const kept = this.cache.get(key);
    if (kept) {
      this.cache.delete(key);
      this.cache.set(key, kept); // newest last: the oldest phrase leaves first
      return kept;
    }
    const bytes = await postForBytes(this.url, { text, wpm }, { signal });
    const buffer = await audioContext().decodeAudioData(bytes);
    this.cache.set(key, buffer);
    if (this.cache.size > CACHED_PHRASES) this.cache.delete(this.cache.keys().next().value);
    return buffer;
  }

  speak(text, { wpm, onStart = () => {} }) {
    const turn = { abort: new AbortController(), node: null, finish: null };
    const done = new Promise((resolve) => { turn.finish = resolve; });
    this.#play(turn, ServerVoice.chunks(text), wpm, onStart).then(turn.finish, () => turn.finish("failed"));
    return {
      done,
      cancel: () => {
        turn.finish("cancelled");
        turn.abort.abort();
        turn.node?.stop();
      },
    };
  }

  async #play(turn, chunks, wpm, onStart) {
    if (!audioContext() || !(await unlockAudio())) return "failed";
    const { signal } = turn.abort;
    const timer = setTimeout(() => turn.abort.abort(), SERVER_ANSWER_WITHIN_MS);
    let next = this.#audio(chunks[0], wpm, signal);
    for (const [index] of chunks.entries()) {
      const buffer = await next;
      clearTimeout(timer);
      if (signal.aborted) return "cancelled";
      if (index + 1 < chunks.length) {
        next = this.#audio(chunks[index + 1], wpm, signal);
        next.catch(() => {}); // awaited above; an abort in between is no unhandled fault
      }
      const ended = this.#sound(turn, buffer);
      if (index === 0) onStart();
      await ended;
      if (signal.aborted) return "cancelled";
    }
    return "ended";
  }

  #sound(turn, buffer) {
    const node = audioContext().createBufferSource();
    node.buffer = buffer;
    node.connect(audioContext().destination);
    turn.node = node;
    return new Promise((resolve) => {
      node.onended = resolve;
      node.start();
    });
  }
}
