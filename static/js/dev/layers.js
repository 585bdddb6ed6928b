/** What lies over the frame. Nothing is drawn that no output says; detections and path are common/overlay.js's. */

import { colourOf } from "../charts/palette.js";
import { fill, h } from "../common/dom.js";
import { containRect } from "../common/overlay.js";

const LABEL_PX = 14;

/** The layers that can be switched, with the outputs they read. */
export const LAYERS = [
  { key: "boxes", label: "Boxes", output: "detections", on: true },
  { key: "path", label: "Free path", output: "path_guidance", on: true },
  { key: "pedestrians", label: "Pedestrians (weak)", output: "pedestrians", on: true },
  { key: "regions", label: "Regions of interest", output: "roi_priority", on: false, colour: "--layer-regions", dash: [2, 4] },
  { key: "text", label: "Text", output: "ocr", on: false, colour: "--layer-text", dash: [] },
];

/** The switches of the layers and the choice of the map. */
export class LayerControls {
  /** @param {HTMLFieldSetElement} fieldset. @param {HTMLSelectElement} mapSelect. @param {() => void} onChange */
  constructor(fieldset, mapSelect, onChange) {
    this.mapSelect = mapSelect;
    this.boxes = new Map();
    for (const { key, label, on } of LAYERS) {
      const box = h("input", { type: "checkbox", checked: on, onchange: onChange, "data-layer": key });
      this.boxes.set(key, box);
      fieldset.append(h("label", { class: "layer-choice" }, box, label));
    }
    mapSelect.addEventListener("change", onChange);
  }

  on(key) {
    return this.boxes.get(key).checked;
  }

  get map() {
    return this.mapSelect.value;
  }

  /** Offers the maps that have a picture now; the chosen one stays chosen even while it has none. */
  offerMaps(names) {
    const wanted = [...new Set([...names, ...(this.map ? [this.map] : [])])].sort();
    const known = [...this.mapSelect.options].map((option) => option.value).filter(Boolean);
    if (wanted.join() === known.join()) return;
    const chosen = this.map;
    fill(this.mapSelect, h("option", { value: "" }, "none"), wanted.map((name) => h("option", { value: name }, name)));
    this.mapSelect.value = chosen;
  }
}

/** Sizes a canvas to its box and clears it. @returns the area of a w x h picture inside it, in canvas pixels, or null */
export function fitCanvas(canvas, w, h) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  else canvas.getContext("2d").clearRect(0, 0, width, height);
  return width && height && w && h ? containRect(width, height, w, h) : null;
}

/** Draws the boxes of the layer `text` or `regions`. @returns {number} how many */
export function drawRegions(context, layer, value, detections, area) {
  const items = (layer.key === "regions" ? priorities(value?.value, detections) : value?.value ?? [])
    .filter((item) => Array.isArray(item.box) && item.box.length === 4);
  const colour = colourOf(layer.colour);
  for (const item of items) drawBox(context, item, colour, layer.dash, area);
  return items.length;
}

/** The priority of each detection; the output lists them in the detections' order. */
function priorities(held, detections) {
  return (held ?? []).map((priority, index) => ({ box: detections[index]?.box, text: `priority ${priority.toFixed(2)}` }));
}

/** `box` is cx, cy, w, h in fractions of the frame. */
function drawBox(context, { box: [cx, cy, w, h], text, confidence }, colour, dash, area) {
  const ratio = window.devicePixelRatio || 1;
  const [left, top] = [area.x + (cx - w / 2) * area.width, area.y + (cy - h / 2) * area.height];
  context.save();
  for (const [stroke, width] of [["rgb(0 0 0 / 85%)", 6], [colour, 3]]) {
    context.strokeStyle = stroke;
    context.lineWidth = width * ratio;
    context.setLineDash(stroke === colour ? dash.map((part) => part * 2 * ratio) : []);
    context.strokeRect(left, top, w * area.width, h * area.height);
  }
  const words = [text, Number.isFinite(confidence) ? confidence.toFixed(2) : null].filter(Boolean).join(" ");
  if (words) drawLabel(context, words, left, top + h * area.height, colour, ratio);
  context.restore();
}

function drawLabel(context, words, x, y, colour, ratio) {
  const size = LABEL_PX * ratio;
  context.font = `${size}px "Atkinson Hyperlegible", system-ui, sans-serif`;
  context.fillStyle = "rgb(0 0 0 / 85%)";
  context.fillRect(x, y, context.measureText(words).width + size * 0.6, size * 1.4);
  context.fillStyle = colour;
  context.textBaseline = "middle";
  context.fillText(words, x + size * 0.3, y + size * 0.7);
}
