/** A value in its natural form: a figure on its scale, a picture with its scale, a table of items, a list of parts. */

import { h } from "../common/dom.js";
import { drawHeatMap, drawScale, isMatrix, matrixPreview } from "../charts/heat_map.js";
import { unbatched } from "./store.js";
import { number } from "./value_text.js";

const MAX_TABLE_ROWS = 40;
const MAX_DEPTH = 3;

/** @param {Object} value Value JSON with a value or a summary. @param {Object} spec. @returns {HTMLElement} */
export function naturalForm(value, spec) {
  if (value.summary) return mapForm(value, spec);
  return anyForm(unbatched(value.value), spec, 0);
}

function anyForm(held, spec, depth) {
  if (held === null || held === undefined) return h("p", {}, "nothing");
  if (typeof held === "number") return depth === 0 ? scalarForm(held, spec) : h("span", {}, number(held));
  if (typeof held !== "object") return h(depth === 0 ? "p" : "span", { class: "form-text" }, String(held));
  if (depth >= MAX_DEPTH) return h("code", {}, JSON.stringify(held));
  if (isMatrix(held)) return pictureForm(matrixPreview(held), spec);
  if (Array.isArray(held)) return listForm(held, spec, depth);
  return h("dl", { class: "form-parts" }, ...Object.entries(held).flatMap(([key, item]) => [h("dt", {}, key), h("dd", {}, anyForm(item, null, depth + 1))]));
}

function scalarForm(held, spec) {
  const figure = h("p", { class: "form-figure" }, number(held), spec?.unit ? h("span", { class: "form-unit" }, ` ${spec.unit}`) : null);
  if (!Number.isFinite(spec?.low) || !Number.isFinite(spec?.high)) return figure;
  return h("div", {}, figure, h("meter", { min: spec.low, max: spec.high, value: held, "aria-label": `${spec.name} from ${spec.low} to ${spec.high}` }),
    h("p", { class: "form-range" }, h("span", {}, number(spec.low)), h("span", {}, number(spec.high))));
}

function listForm(items, spec, depth) {
  if (items.length === 0) return h("p", {}, "Empty list.");
  if (items.length === 1 && typeof items[0] === "number" && depth === 0) return scalarForm(items[0], spec);
  if (items.every((item) => item && typeof item === "object" && !Array.isArray(item))) return tableForm(items, spec);
  if (depth > 0 && items.every((item) => typeof item === "number")) return h("span", {}, `[${items.map(number).join(", ")}]`);
  const names = choiceNames(spec, items.length);
  if (names && items.every((item) => typeof item === "number")) return choicesForm(items, names, spec);
  return h("ol", { class: "form-list", start: 0 }, ...items.slice(0, MAX_TABLE_ROWS).map((item) => h("li", {}, anyForm(item, null, depth + 1))));
}

/** A number for each named choice, with a bar on the output's own scale. */
function choicesForm(items, names, spec) {
  const top = Number.isFinite(spec.high) ? spec.high : Math.max(...items, 1);
  return h("dl", { class: "bars" }, ...items.flatMap((item, index) => {
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${Math.max(0, Math.min(1, item / top)) * 100}%`;
    return [h("dt", {}, names[index]), h("dd", {}, bar, h("span", { class: "bar-figure" }, number(item)))];
  }));
}

function tableForm(items, spec) {
  const keys = [...new Set(items.flatMap(Object.keys))];
  const shown = items.slice(0, MAX_TABLE_ROWS);
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": `Items of ${spec?.name ?? "the list"}` },
    h("table", { class: "form-table" },
      h("thead", {}, h("tr", {}, ...keys.map((key) => h("th", { scope: "col" }, key)))),
      h("tbody", {}, ...shown.map((item) => h("tr", {}, ...keys.map((key) => h("td", {}, anyForm(item[key], null, MAX_DEPTH - 1))))))),
    items.length > shown.length ? h("p", {}, `${items.length - shown.length} more items are not shown.`) : null);
}

function mapForm(value, spec) {
  const { summary, preview } = value;
  const figures = h("dl", { class: "form-parts" }, ...["min", "mean", "max"].flatMap((key) => [h("dt", {}, key), h("dd", {}, number(summary[key]))]));
  if (!preview) return h("div", {}, figures, h("p", {}, "No picture of this shape; only its summary is sent."));
  return h("div", {}, pictureForm(preview, spec), figures);
}

/** A map with its scale. @param {Object|null} spec of the output, where the map is the whole of it */
function pictureForm(preview, spec) {
  const picture = h("canvas", { class: "form-map", width: preview.columns * 8, height: preview.rows * 8, role: "img",
    "aria-label": `Map${spec ? ` of ${spec.name}` : ""}, ${preview.rows} rows by ${preview.columns} columns, from ${number(preview.low)} to ${number(preview.high)}` });
  drawHeatMap(picture.getContext("2d"), preview, { width: picture.width, height: picture.height });
  const scale = h("canvas", { class: "form-scale", width: 256, height: 12, "aria-hidden": "true" });
  drawScale(scale);
  return h("div", {}, picture, scale,
    h("p", { class: "form-range" }, h("span", {}, number(preview.low)), h("span", {}, spec?.unit ?? ""), h("span", {}, number(preview.high))));
}

/** "safe/caution/warning/danger" at the end of a shape names the entries of the list, when the number fits. */
function choiceNames(spec, count) {
  const named = spec?.shape?.match(/([a-z_]+(?:\/[a-z_]+)+)/)?.[1].split("/");
  return named?.length === count ? named : null;
}
