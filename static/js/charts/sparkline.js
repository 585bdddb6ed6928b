/** A line of a number's recent history, without axes; the words beside it give the range. */

import { palette } from "./palette.js";

/** Keeps the last `capacity` numbers of one quantity; null marks a gap. */
export class History {
  constructor(capacity = 120) {
    this.capacity = capacity;
    this.numbers = [];
  }

  push(number) {
    this.numbers.push(Number.isFinite(number) ? number : null);
    if (this.numbers.length > this.capacity) this.numbers.shift();
  }

  /** @returns {{low: number, high: number, last: number|null, count: number}|null} null before the first number */
  range() {
    const known = this.numbers.filter((number) => number !== null);
    if (known.length === 0) return null;
    return { low: Math.min(...known), high: Math.max(...known), last: this.numbers.at(-1), count: known.length };
  }
}

/** Draws `history` over the whole canvas, newest at the right edge. */
export function drawSparkline(canvas, history) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (width === 0 || height === 0) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const range = history.range();
  if (!range) return;
  const colours = palette();
  const margin = 4;
  const span = range.high - range.low || 1;
  const stepX = (width - 2 * margin) / Math.max(1, history.capacity - 1);
  const offset = history.capacity - history.numbers.length;
  context.strokeStyle = colours["line-1"];
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.beginPath();
  let penDown = false;
  history.numbers.forEach((number, index) => {
    if (number === null) { penDown = false; return; }
    const x = margin + (offset + index) * stepX;
    const flat = range.high === range.low;
    const y = flat ? height / 2 : height - margin - ((number - range.low) / span) * (height - 2 * margin);
    context[penDown ? "lineTo" : "moveTo"](x, y);
    penDown = true;
  });
  context.stroke();
}
