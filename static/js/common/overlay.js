// The picture's overlay, drawn from data alone: boxes, labels, bearing scale, path guidance.
// Used by the patient's page and, over the patient's data, by the clinician and Dev views.
import { direction, distance, sentence } from "./format.js";
import { drawPathStrip, readPath } from "./path_strip.js";
import { drawUrgencyShape, urgencyOf } from "./urgency.js";

const DEFAULT_HFOV_DEG = 66; // contracts.DEFAULT_HFOV_DEG
const BEARING_TICKS_DEG = [-60, -45, -30, -15, 0, 15, 30, 45, 60];
const LABEL_PAD_PX = 6;
const MIN_FONT_PX = 14;
const MAX_FONT_PX = 24;
const BRIEF_BELOW_PX = 480; // a phone's picture: whole labels would cover it

/**
 * Where a w x h picture lies inside a box when all of it is shown (object-fit: contain).
 * @returns {{x: number, y: number, width: number, height: number}}
 */
export function containRect(boxWidth, boxHeight, w, h) {
  const scale = Math.min(boxWidth / w, boxHeight / h);
  const [width, height] = [w * scale, h * scale];
  return { x: (boxWidth - width) / 2, y: (boxHeight - height) / 2, width, height };
}

/** Column (0..1) of a bearing for a pinhole camera: the inverse of Camera.bearing_deg. */
export function columnOfBearing(bearingDeg, hfovDeg = DEFAULT_HFOV_DEG) {
  const radians = Math.PI / 180;
  return 0.5 + Math.tan(bearingDeg * radians) / (2 * Math.tan((hfovDeg / 2) * radians));
}

/**
 * The words on a box: "Bicycle, left, 3 m"; the urgency's word is added from caution up. On a small picture
 * (`brief`) "Bicycle, 3 m": the shape still tells the urgency and the list beside the picture the rest.
 */
export function boxLabel(detection, { units = "metres", directions = "left_right", brief = false } = {}) {
  const howFar = distance(detection.distance_m, units) ?? detection.zone;
  const short = howFar?.replace(/ metres?$/, " m").replace(/ (feet|foot)$/, " ft");
  if (brief) return [sentence(detection.class), short].filter(Boolean).join(", ");
  const parts = [sentence(detection.class), direction(detection.bearing_deg, directions), short];
  const { word, rank } = urgencyOf(detection.urgency);
  return (rank > 0 ? [`${word}:`, parts.filter(Boolean).join(", ")] : [parts.filter(Boolean).join(", ")]).join(" ");
}

export class Overlay {
  /**
   * @param {HTMLCanvasElement} canvas lies over the picture, same box; its size follows the layout.
   */
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.data = null;
    this.labels = [];
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(canvas);
    this.#resize();
  }

  #resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    this.cssWidth = clientWidth;
    this.cssHeight = clientHeight;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#paint();
  }

  /**
   * Draws what one result holds; data of earlier calls is forgotten.
   * @param {{w: number, h: number, detections?: object[], pathGuidance?: object|null, pedestrians?: object[],
   *          hfovDeg?: number, units?: string, directions?: string, dimmed?: boolean, selectedTrack?: number|null}} data
   */
  draw(data) {
    this.data = data;
    this.#paint();
  }

  clear() {
    this.data = null;
    this.#paint();
  }

  /** Stops following the layout. */
  destroy() {
    this.observer.disconnect();
  }

  #paint() {
    const { ctx } = this;
    ctx.clearRect(0, 0, this.cssWidth, this.cssHeight);
    if (!this.data?.w || !this.data?.h || !this.cssWidth) return;
    const area = containRect(this.cssWidth, this.cssHeight, this.data.w, this.data.h);
    const font = Math.min(MAX_FONT_PX, Math.max(MIN_FONT_PX, area.width / 36));
    this.labels = [];
    ctx.save();
    ctx.globalAlpha = this.data.dimmed ? 0.45 : 1;
    ctx.font = `700 ${font}px "Atkinson Hyperlegible", system-ui, sans-serif`;
    ctx.textBaseline = "middle";
    for (const pedestrian of this.data.pedestrians ?? []) this.#faintBox(pedestrian, area);
    this.#bearings(area, font);
    const path = readPath(this.data.pathGuidance);
    if (path) drawPathStrip(ctx, area, path, this.data.hfovDeg ?? DEFAULT_HFOV_DEG, font);
    const inOrder = [...(this.data.detections ?? [])].sort((a, b) => urgencyOf(a.urgency).rank - urgencyOf(b.urgency).rank);
    for (const detection of inOrder) this.#box(detection, area);
    for (const detection of inOrder.reverse()) this.#label(detection, area, font);
    ctx.restore();
  }

  #rect(box, area) {
    const [cx, cy, w, h] = box;
    return { x: area.x + (cx - w / 2) * area.width, y: area.y + (cy - h / 2) * area.height, width: w * area.width, height: h * area.height };
  }

  #box(detection, area) {
    const { ctx } = this;
    const { colour, lineWidth } = urgencyOf(detection.urgency);
    const { x, y, width, height } = this.#rect(detection.box, area);
    const selected = this.data.selectedTrack !== undefined && this.data.selectedTrack === detection.id;
    ctx.lineJoin = "round";
    ctx.strokeStyle = "rgb(0 0 0 / 85%)"; // casing: the colour stays visible on a bright wall
    ctx.lineWidth = lineWidth + 3;
    ctx.strokeRect(x, y, width, height);
    ctx.strokeStyle = selected ? "#ffffff" : colour;
    ctx.lineWidth = selected ? lineWidth + 2 : lineWidth;
    ctx.strokeRect(x, y, width, height);
  }

  /** People found by the weak pedestrian estimator: dashed, with a question mark, no urgency. */
  #faintBox(pedestrian, area) {
    const { ctx } = this;
    const { x, y, width, height } = this.#rect(pedestrian.box, area);
    ctx.save();
    ctx.setLineDash([6, 6]);
    ctx.lineWidth = 2;
    ctx.strokeStyle = "rgb(255 255 255 / 85%)";
    ctx.strokeRect(x, y, width, height);
    ctx.fillStyle = "#ffffff";
    ctx.fillText("?", x + 4, y + 12);
    ctx.restore();
  }

  #label(detection, area, font) {
    const { ctx } = this;
    const box = this.#rect(detection.box, area);
    const text = boxLabel(detection, { ...this.data, brief: area.width < BRIEF_BELOW_PX });
    const icon = font;
    const width = Math.min(ctx.measureText(text).width + icon + LABEL_PAD_PX * 3, area.width);
    const height = font + LABEL_PAD_PX * 2;
    const x = Math.min(Math.max(box.x, area.x), area.x + area.width - width);
    const y = this.#freeRow(x, Math.max(box.y - height - 2, area.y), width, height, area);
    if (y === null) return;
    this.labels.push({ x, y, width, height });
    ctx.fillStyle = "rgb(0 0 0 / 88%)";
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, 4);
    ctx.fill();
    drawUrgencyShape(ctx, detection.urgency, x + LABEL_PAD_PX + icon / 2, y + height / 2, icon);
    ctx.fillStyle = "#ffffff";
    ctx.fillText(text, x + LABEL_PAD_PX * 2 + icon, y + height / 2 + 1, width - icon - LABEL_PAD_PX * 3);
  }

  /** The first row at or below `y` where the label covers no other; null when the picture is full. */
  #freeRow(x, y, width, height, area) {
    for (let row = y; row + height <= area.y + area.height; row += height + 2) {
      const covers = this.labels.some((other) => x < other.x + other.width && other.x < x + width
        && row < other.y + other.height && other.y < row + height);
      if (!covers) return row;
    }
    return null;
  }

  #bearings(area, font) {
    const { ctx } = this;
    const hfov = this.data.hfovDeg ?? DEFAULT_HFOV_DEG;
    const size = Math.max(12, font * 0.8);
    ctx.save();
    ctx.font = `400 ${size}px "Atkinson Hyperlegible", system-ui, sans-serif`;
    ctx.textAlign = "center";
    for (const degrees of BEARING_TICKS_DEG) {
      const column = columnOfBearing(degrees, hfov);
      if (column < 0.04 || column > 0.96) continue;
      const x = area.x + column * area.width;
      const text = degrees === 0 ? "ahead" : `${Math.abs(degrees)}° ${degrees < 0 ? "left" : "right"}`;
      if (Math.abs(degrees) % 30 === 15 && area.width < 520) continue;
      const half = ctx.measureText(text).width / 2 + 4;
      const middle = Math.min(Math.max(x, area.x + half), area.x + area.width - half);
      ctx.fillStyle = "rgb(0 0 0 / 70%)";
      ctx.fillRect(middle - half, area.y, half * 2, size + 6);
      ctx.fillStyle = "#ffffff";
      ctx.fillRect(x - 1, area.y + size + 6, 2, degrees === 0 ? 10 : 6);
      ctx.fillText(text, middle, area.y + size / 2 + 4);
    }
    ctx.restore();
  }
}
