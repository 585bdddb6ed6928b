// Short sounds before the words, placed left or right by bearing. Synthesised: no files. The names are those of the
// alert engine (maxsight_core/alerts/earcons.py).
import { audioContext } from "./audio.js";

const FULL_PAN_AT_DEG = 45; // a thing 45 degrees to the side sounds from that side alone
const EDGE_S = 0.006; // ramps against clicks

/** Tones: [start s, length s, frequency Hz, end frequency Hz, wave]. Higher, shorter and rougher means more urgent. */
const SOUNDS = {
  stop: { gain: 0.5, tones: [[0, 0.07, 1175, 1175, "square"], [0.1, 0.07, 1175, 1175, "square"]] },
  soon: { gain: 0.4, tones: [[0, 0.06, 660, 660, "triangle"], [0.07, 0.08, 990, 990, "triangle"]] },
  vision_paused: { gain: 0.5, tones: [[0, 0.25, 440, 220, "sawtooth"], [0.32, 0.3, 330, 165, "sawtooth"]] },
  vision_resumed: { gain: 0.3, tones: [[0, 0.1, 330, 330, "sine"], [0.12, 0.14, 494, 494, "sine"]] },
};

/** The sound of an alert: its own; an unknown name still sounds, as its urgency asks. null for an alert without one. */
export function earconOf(alert) {
  if (!alert.earcon) return null;
  if (SOUNDS[alert.earcon]) return alert.earcon;
  return alert.stage === "P0" ? "stop" : "soon";
}

/**
 * Plays a sound.
 * @param {string} name @param {number|null} bearingDeg right positive
 * @returns {boolean} false when this browser cannot make sound (yet)
 */
export function playEarcon(name, bearingDeg = 0) {
  const ctx = audioContext();
  const sound = SOUNDS[name];
  if (!ctx || !sound || ctx.state !== "running") return false;
  const pan = ctx.createStereoPanner();
  pan.pan.value = Math.max(-1, Math.min(1, (bearingDeg ?? 0) / FULL_PAN_AT_DEG));
  pan.connect(ctx.destination);
  for (const tone of sound.tones) playTone(ctx, pan, sound.gain, tone);
  return true;
}

function playTone(ctx, output, gain, [start, length, from, to, wave]) {
  const begin = ctx.currentTime + start;
  const oscillator = ctx.createOscillator();
  const envelope = ctx.createGain();
  oscillator.type = wave;
  oscillator.frequency.setValueAtTime(from, begin);
  oscillator.frequency.linearRampToValueAtTime(to, begin + length);
  envelope.gain.setValueAtTime(0, begin);
  envelope.gain.linearRampToValueAtTime(gain, begin + EDGE_S);
  envelope.gain.setValueAtTime(gain, begin + length - EDGE_S);
  envelope.gain.linearRampToValueAtTime(0, begin + length);
  oscillator.connect(envelope).connect(output);
  oscillator.start(begin);
  oscillator.stop(begin + length);
}
