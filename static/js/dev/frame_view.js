/** The frame with its layers: picture (own sessions only), map, regions, and the shared overlay. */

import { drawHeatMap, previewOf } from "../charts/heat_map.js";
import { byId, setText } from "../common/dom.js";
import { Overlay } from "../common/overlay.js";
import { drawRegions, fitCanvas, LayerControls, LAYERS } from "./layers.js";
import { number } from "./value_text.js";

const HEAT_ALPHA = 0.65;
/** Lines of the ground drawn where there is no picture. */
const GRID_LINES = 8;

export class FrameView {
  /** @param {OutputStore} store */
  constructor(store) {
    this.store = store;
    this.picture = byId("picture");
    this.layerCanvas = byId("layer-canvas");
    this.overlay = new Overlay(byId("overlay"));
    this.controls = new LayerControls(byId("layers"), byId("layer-map"), () => this.draw());
    this.result = null;
    new ResizeObserver(() => this.#redraw()).observe(byId("dev-stage"));
  }

  /** @param {Object} result a `live` result. @param {ImageBitmap|null} picture its frame, where this browser has it */
  show(result, picture) {
    this.result = result;
    this.#drawPicture(picture);
    this.draw();
  }

  /** Draws the layers of the last result again, with what the store holds now. */
  draw() {
    if (!this.result) return;
    const { w, h, detections = [] } = this.result;
    const value = (name) => this.store.get(name)?.value;
    const on = (key) => this.controls.on(key);
    this.controls.offerMaps(this.store.maps());
    this.overlay.draw({
      w, h, detections: on("boxes") ? detections : [],
      pathGuidance: on("path") && value("path_guidance")?.value ? value("path_guidance") : null,
      pedestrians: on("pedestrians") ? (value("pedestrians")?.value ?? []).filter((item) => Array.isArray(item.box)) : [],
    });
    const area = fitCanvas(this.layerCanvas, w, h);
    if (!area) return;
    const context = this.layerCanvas.getContext("2d");
    this.#drawMap(context, area, value);
    for (const layer of LAYERS.filter((candidate) => candidate.colour && on(candidate.key))) {
      drawRegions(context, layer, value(layer.output), detections, area);
    }
    setText(byId("frame-facts"), `Frame ${this.result.seq}, ${w} × ${h} px, ${detections.length} detections, uncertainty ${number(this.result.uncertainty)}`);
  }

  clear(note) {
    this.result = null;
    this.overlay.clear();
    fitCanvas(this.layerCanvas, 0, 0);
    fitCanvas(this.picture, 0, 0);
    this.lastPicture = null;
    setText(byId("stage-note"), note);
    setText(byId("frame-facts"), "No frame yet.");
    setText(byId("layer-range"), "");
  }

  #drawMap(context, area, value) {
    const name = this.controls.map;
    const held = name ? value(name) : null;
    const preview = name ? previewOf(held) : null;
    if (preview) drawHeatMap(context, preview, { ...area, alpha: HEAT_ALPHA });
    const unit = this.store.byName.get(name)?.unit ?? "";
    setText(byId("layer-range"), !name ? "" : preview ? `${number(preview.low)} (dark) to ${number(preview.high)} (light) ${unit}` : `no picture now: ${held?.reason ?? "not in this frame"}`);
  }

  #drawPicture(picture) {
    const area = fitCanvas(this.picture, this.result.w, this.result.h);
    if (!area) return;
    const context = this.picture.getContext("2d");
    setText(byId("stage-note"), "");
    if (picture) context.drawImage(picture, area.x, area.y, area.width, area.height);
    else this.#drawGround(context, area);
    this.lastPicture = picture;
  }

  /** Without a picture: an outlined frame with a faint grid, so that places can be judged. */
  #drawGround(context, area) {
    context.strokeStyle = "rgb(255 255 255 / 16%)";
    for (let line = 0; line <= GRID_LINES; line += 1) {
      const [x, y] = [area.x + (area.width * line) / GRID_LINES, area.y + (area.height * line) / GRID_LINES];
      context.strokeRect(x, area.y, 0, area.height);
      context.strokeRect(area.x, y, area.width, 0);
    }
  }

  #redraw() {
    if (!this.result) return;
    this.#drawPicture(null);
    this.draw();
  }
}
