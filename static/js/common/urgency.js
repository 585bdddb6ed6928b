// The four urgencies: a colour, a shape and a word each (never colour alone). Shared by every canvas.

/** Colours for drawing over a photograph, on a black casing; at least 7:1 on black. */
export const URGENCY = {
  safe: { word: "Safe", colour: "#a5d8ff", rank: 0, lineWidth: 2 },
  caution: { word: "Caution", colour: "#ffe27a", rank: 1, lineWidth: 3 },
  warning: { word: "Warning", colour: "#ffa94d", rank: 2, lineWidth: 4 },
  danger: { word: "Danger", colour: "#ff8078", rank: 3, lineWidth: 5 },
};

export function urgencyOf(name) {
  return URGENCY[name] ?? URGENCY.safe;
}

/** Path of the urgency's shape, centred on (x, y), inside a square of side `size`. */
function shapePath(ctx, urgency, x, y, size) {
  const half = size / 2;
  ctx.beginPath();
  if (urgency === "danger") {
    const cut = size * 0.29;
    const corners = [[-half + cut, -half], [half - cut, -half], [half, -half + cut], [half, half - cut],
      [half - cut, half], [-half + cut, half], [-half, half - cut], [-half, -half + cut]];
    corners.forEach(([dx, dy], index) => (index ? ctx.lineTo(x + dx, y + dy) : ctx.moveTo(x + dx, y + dy)));
    ctx.closePath();
  } else if (urgency === "warning" || urgency === "caution") {
    ctx.moveTo(x, y - half);
    ctx.lineTo(x + half, y + half * 0.85);
    ctx.lineTo(x - half, y + half * 0.85);
    ctx.closePath();
  } else {
    ctx.arc(x, y, half * 0.85, 0, 2 * Math.PI);
  }
}

/** safe: thin ring; caution: triangle outline; warning: filled triangle; danger: filled octagon. */
export function drawUrgencyShape(ctx, urgency, x, y, size) {
  const { colour } = urgencyOf(urgency);
  const filled = urgency === "warning" || urgency === "danger";
  ctx.save();
  ctx.lineJoin = "round";
  shapePath(ctx, urgency, x, y, size);
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = urgency === "safe" ? 1.5 : 2.5;
  if (filled) ctx.fill();
  ctx.stroke();
  if (filled) {
    ctx.fillStyle = "#000000";
    ctx.fillRect(x - size * 0.06, y - size * 0.18, size * 0.12, size * 0.32);
    ctx.fillRect(x - size * 0.06, y + size * 0.22, size * 0.12, size * 0.1);
  }
  ctx.restore();
}
