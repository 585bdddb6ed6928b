// One AudioContext for earcons and server speech. Browsers let it sound only after a key or a click.

let context = null;

/** The shared context, made on first use; null where the browser has none. */
export function audioContext() {
  const Constructor = window.AudioContext ?? window.webkitAudioContext;
  if (!context && Constructor) context = new Constructor({ latencyHint: "interactive" });
  return context;
}

/** Call this from a key or click handler. */
export async function unlockAudio() {
  const ctx = audioContext();
  if (ctx && ctx.state !== "running") await ctx.resume().catch(() => {});
  return ctx?.state === "running";
}
