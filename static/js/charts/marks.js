/** Marks of alerts on a time axis. Shape says the stage and filling the fate, so colour is never alone. */

import { decorativeSvg, svg } from "./svg.js";

export const STAGE_WORDS = { P0: "stop", P1: "soon", P2: "context", P3: "on request" };
const DELIVERED = new Set(["spoken", "haptic_only"]);
const SIZE_PX = 9;

/**
 * The groups a reader sorts fates into: "delivered", "partly" (cut short by another alert), "withheld" or "pending".
 */
export function fateGroup(fate) {
  if (DELIVERED.has(fate)) return "delivered";
  if (fate === "interrupted") return "partly";
  return fate === "pending" ? "pending" : "withheld";
}

/** Corner points of the stage's shape around the origin: octagon, triangle, square, narrow diamond. */
function corners(stage) {
  const polygon = (n, turn, radius) => Array.from({ length: n }, (_, i) => {
    const angle = turn + (2 * Math.PI * i) / n;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  if (stage === "P0") return polygon(8, Math.PI / 8, 1.15);
  if (stage === "P1") return polygon(3, -Math.PI / 2, 1.1);
  if (stage === "P2") return polygon(4, Math.PI / 4, 1);
  return [[0, -1.1], [0.6, 0], [0, 1.1], [-0.6, 0]];
}

/** How much of the shape is filled: all when delivered, its core when cut short, nothing otherwise. */
function filledShare(fate) {
  return { delivered: 1, partly: 0.55 }[fateGroup(fate)] ?? 0;
}

/** Draws one mark centred on (x, y). */
export function drawMark(context, stage, fate, x, y, colours, scale = 1) {
  const outline = (radius) => {
    context.beginPath();
    corners(stage).forEach(([dx, dy], index) => {
      context[index ? "lineTo" : "moveTo"](x + dx * radius, y + dy * radius);
    });
    context.closePath();
  };
  const radius = (SIZE_PX / 2 + 1) * scale;
  const share = filledShare(fate);
  context.lineWidth = 2 * scale;
  context.strokeStyle = context.fillStyle = share ? colours.mark : colours["mark-muted"];
  if (share) {
    outline(radius * share);
    context.fill();
  }
  outline(radius);
  context.stroke();
}

/** The same mark as a small SVG, for ledger rows and keys of charts. Decorative: the words stand beside it. */
export function markIcon(stage, fate) {
  const points = (radius) => corners(stage).map(([x, y]) => `${(8 + x * radius).toFixed(2)},${(8 + y * radius).toFixed(2)}`).join(" ");
  const share = filledShare(fate);
  return decorativeSvg({ class: "mark", viewBox: "0 0 16 16", width: 16, height: 16 },
    svg("polygon", { points: points(6), class: "mark-outline" }),
    ...(share ? [svg("polygon", { points: points(6 * share), class: "mark-filled" })] : []));
}
