// Path guidance as a strip along the bottom of the picture: which directions are free, and where to go.

const FREE_FROM_M = 4.5; // perception.path_guidance.MIN_FREE_M: two steps past the nearest floor that is seen
const PARTLY_FROM_M = 3; // about the nearest floor that a level chest camera sees at all

/**
 * Reads a path_guidance output ({value: {sectors: [{bearing_deg, free_m, score}], free_bearing_deg, words}}).
 * The sectors are columns of equal width, left to right; `free_m` null: nothing can be said about that direction.
 * @returns {{sectors: ("free"|"partly"|"blocked"|"unknown")[], freeBearingDeg: number|null, words: string}|null}
 */
export function readPath(output) {
  const value = output?.source === "unavailable" ? null : output?.value;
  if (!Array.isArray(value?.sectors) || !value.sectors.length) return null;
  return { sectors: value.sectors.map(({ free_m: freeM }) => levelOf(freeM)), freeBearingDeg: value.free_bearing_deg ?? null, words: value.words ?? "" };
}

function levelOf(freeM) {
  if (!Number.isFinite(freeM)) return "unknown";
  if (freeM >= FREE_FROM_M) return "free";
  return freeM >= PARTLY_FROM_M ? "partly" : "blocked";
}

/** Free: solid; partly: half height; blocked: crossed out; unknown: dotted. Shape tells as much as colour. */
export function drawPathStrip(ctx, area, { sectors, freeBearingDeg }, hfovDeg, font) {
  const height = Math.max(14, font * 0.9);
  const top = area.y + area.height - height;
  const evenly = area.width / sectors.length;
  ctx.save();
  ctx.fillStyle = "rgb(0 0 0 / 75%)";
  ctx.fillRect(area.x, top - 4, area.width, height + 4);
  sectors.forEach((level, index) => drawSector(ctx, level, area.x + index * evenly + 2, top, evenly - 4, height - 3));
  if (freeBearingDeg !== null) drawArrow(ctx, area, top - 8, freeBearingDeg, hfovDeg, font);
  ctx.restore();
}

function column(bearingDeg, hfovDeg) {
  const radians = Math.PI / 180;
  return 0.5 + Math.tan(bearingDeg * radians) / (2 * Math.tan((hfovDeg / 2) * radians));
}

function drawSector(ctx, level, x, y, width, height) {
  if (level === "free") {
    ctx.fillStyle = "#8dffb8";
    ctx.fillRect(x, y, width, height);
  } else if (level === "partly") {
    ctx.fillStyle = "#ffe27a";
    ctx.fillRect(x, y + height / 2, width, height / 2);
  } else {
    ctx.setLineDash(level === "unknown" ? [3, 5] : []);
    ctx.strokeStyle = level === "unknown" ? "#ffffff" : "#ff8078";
    ctx.lineWidth = 2;
    ctx.strokeRect(x, y + 1, width, height - 2);
    ctx.setLineDash([]);
    if (level === "unknown") return;
    ctx.beginPath();
    ctx.moveTo(x, y + 1);
    ctx.lineTo(x + width, y + height - 1);
    ctx.stroke();
  }
}

function drawArrow(ctx, area, bottom, bearingDeg, hfovDeg, font) {
  const x = Math.min(area.x + area.width - font, Math.max(area.x + font, area.x + column(bearingDeg, hfovDeg) * area.width));
  ctx.beginPath();
  ctx.moveTo(x, bottom - font * 1.4);
  ctx.lineTo(x + font * 0.8, bottom - font * 0.4);
  ctx.lineTo(x + font * 0.3, bottom - font * 0.4);
  ctx.lineTo(x + font * 0.3, bottom);
  ctx.lineTo(x - font * 0.3, bottom);
  ctx.lineTo(x - font * 0.3, bottom - font * 0.4);
  ctx.lineTo(x - font * 0.8, bottom - font * 0.4);
  ctx.closePath();
  ctx.lineWidth = 4;
  ctx.strokeStyle = "#000000";
  ctx.stroke();
  ctx.fillStyle = "#8dffb8";
  ctx.fill();
}
