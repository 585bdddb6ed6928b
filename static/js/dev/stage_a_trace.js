/** Stage A's time of the last frames: one bar per frame above its cell of the strip, against the limit. */

import { palette } from "../charts/palette.js";
import { byId, setText } from "../common/dom.js";
import { number, quantile } from "../common/format.js";
import { LOGGED_FRAMES } from "./frame_log.js";

/** Stage A's limit in the system description, milliseconds; the bars' scale is at least this. */
const STAGE_A_LIMIT_MS = 150;

/** @param {Array<Object>} frames of FrameLog, oldest first */
export function paintTrace(frames) {
  const known = frames.map((frame) => frame.stage_a_ms).filter(Number.isFinite);
  setText(byId("trace-words"), known.length === 0 ? "No frame yet."
    : `Stage A: median ${number(quantile(known, 0.5), 1)} ms, 95th percentile ${number(quantile(known, 0.95), 1)} ms, highest ${number(Math.max(...known), 1)} ms. Dashed line: the limit of ${STAGE_A_LIMIT_MS} ms.`);
  draw(byId("trace"), frames, Math.max(STAGE_A_LIMIT_MS, ...known));
}

function draw(canvas, frames, scale_ms) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const colours = palette();
  const step = width / LOGGED_FRAMES;
  const offset = LOGGED_FRAMES - frames.length;
  context.fillStyle = colours["line-1"];
  frames.forEach(({ stage_a_ms: ms }, index) => {
    if (!Number.isFinite(ms)) return;
    const bar = Math.max(2, (ms / scale_ms) * (height - 2));
    context.fillRect((offset + index) * step, height - bar, Math.max(1, step - 1), bar);
  });
  const limit = height - (STAGE_A_LIMIT_MS / scale_ms) * (height - 2);
  context.strokeStyle = colours.axis;
  context.setLineDash([4, 4]);
  context.beginPath();
  context.moveTo(0, limit);
  context.lineTo(width, limit);
  context.stroke();
}
