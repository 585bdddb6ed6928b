/**
 * One figure over time: a uPlot canvas with its key, a sentence that says what it shows, and the same figures as a
 * table. The canvas is hidden from screen readers; the sentence and the table are what they meet.
 */

import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { h, setText } from "../common/dom.js";
import { duration } from "../common/format.js";
import { drawMark } from "./marks.js";
import { chartFont, palette, whenThemeChanges } from "./palette.js";
import { decorativeSvg, svg } from "./svg.js";
import { tableAlternative } from "./table.js";

const DASHES = [[], [8, 4], [2, 4], [12, 4, 2, 4]];
const DEFAULT_HEIGHT_PX = 160;
const MIN_WIDTH_PX = 200;
const TICK_FONT_PX = 14;
const AXIS_WIDTH_PX = 52;
const MARK_ROW_PX = 12;

/** A figure with its unit, or a dash where there is none. */
function figure(number, unit = "", digits = 0) {
  if (!Number.isFinite(number)) return "–";
  return `${number.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
}

export class TimeChart {
  /**
   * @param {HTMLElement} host
   * @param {Object} options
   * @param {string} options.title
   * @param {string} [options.unit]
   * @param {Array<{label: string}>} options.series at most four
   * @param {number} [options.digits] decimals shown
   * @param {[number, number]} [options.range] fixed y range; without it from 0 to a round number above the highest
   * @param {number} [options.atLeast] the smallest top of the y axis, so that calm data does not look wild
   * @param {string} [options.syncKey] charts of one key move their cursors together
   * @param {boolean} [options.marks] leave a row above the plot for alert marks
   * @param {(time_s: number) => void} [options.onPick] a click or a drag on the plot
   */
  constructor(host, options) {
    this.options = { digits: 0, unit: "", marks: false, height: DEFAULT_HEIGHT_PX, ...options };
    this.times = [];
    this.columns = this.options.series.map(() => []);
    this.alertMarks = [];
    this.selected = null;
    this.fixedSize = null;
    this.#buildDom(host);
    this.#buildPlot();
    this.resizeObserver = new ResizeObserver(() => this.#fit());
    this.resizeObserver.observe(this.plotHost);
    this.stopTheme = whenThemeChanges(() => this.#rebuild());
  }

  /** @param {number[]} times seconds, ascending. @param {Array<Array<number|null>>} columns one per series */
  setData(times, columns) {
    this.times = times;
    this.columns = columns;
    this.plot.setData([times, ...columns]);
    this.#showValues();
    this.#describe();
  }

  /** @param {Array<{time_s: number, stage: string, fate: string}>} marks */
  setMarks(marks) {
    this.alertMarks = marks;
    this.plot.redraw(false, false);
  }

  /** Shows the x range [from, to], seconds. */
  setWindow(from, to) {
    this.plot.setScale("x", { min: from, max: to });
  }

  /** Draws the shared cursor at `time_s` and shows the values there; null shows the newest. */
  select(time_s) {
    this.selected = time_s;
    this.plot.redraw(false, false);
    this.#showValues();
  }

  /** Draws at a fixed size and in the theme's present colours (for print); null follows the layout again. */
  setFixedSize(size) {
    this.fixedSize = size;
    this.#rebuild();
  }

  destroy() {
    this.resizeObserver.disconnect();
    this.stopTheme();
    this.plot.destroy();
    this.element.remove();
  }

  #buildDom(host) {
    const { title, unit, series } = this.options;
    this.valueElements = series.map(() => h("output", { class: "chart-value", "aria-live": "off" }, "–"));
    const key = h("ul", { class: "chart-key" }, ...series.map((line, index) => h("li", {},
      keySample(index), h("span", {}, line.label), this.valueElements[index])));
    this.plotHost = h("div", { class: "chart-plot", "aria-hidden": "true" });
    this.summary = h("p", { class: "chart-summary" }, "No figures yet.");
    this.element = h("figure", { class: "chart" },
      h("figcaption", {}, h("span", { class: "chart-title" }, title), unit ? h("span", { class: "chart-unit" }, unit) : null),
      key, this.plotHost, this.summary);
    host.append(this.element);
    tableAlternative(this.element, {
      title,
      columns: ["Time", ...series.map((line) => (unit ? `${line.label}, ${unit}` : line.label))],
      rows: () => this.times.map((time, row) => [duration(time),
        ...this.columns.map((column) => figure(column[row], "", this.options.digits))]),
    });
  }

  #buildPlot() {
    const colours = palette();
    const { series, syncKey, marks } = this.options;
    const { width, height } = this.fixedSize ?? { width: this.plotHost.clientWidth, height: this.options.height };
    const font = chartFont(TICK_FONT_PX);
    const axis = { stroke: colours.axis, font, grid: { stroke: colours.grid, width: 1 }, ticks: { stroke: colours.grid, width: 1, size: 4 } };
    this.plot = new uPlot({
      width: Math.max(MIN_WIDTH_PX, width), height,
      padding: [marks ? MARK_ROW_PX * 2 : 8, 12, 0, 0],
      legend: { show: false },
      scales: { x: { time: false }, y: { range: (_plot, low, high) => this.#yRange(low, high) } },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, ...(syncKey ? { sync: { key: syncKey } } : {}) },
      axes: [
        { ...axis, values: (_plot, ticks) => ticks.map(duration), size: 28 },
        { ...axis, size: AXIS_WIDTH_PX, space: 28, values: (_plot, ticks) => ticks.map((tick) => String(tick)) },
      ],
      series: [{}, ...series.map((line, index) => ({
        label: line.label, stroke: colours[`line-${index + 1}`], width: 2, dash: DASHES[index], points: { show: false },
      }))],
      hooks: { draw: [(plot) => this.#drawOver(plot, colours)], ready: [(plot) => this.#listen(plot)] },
    }, [this.times, ...this.columns], this.plotHost);
  }

  #yRange(low, high) {
    const { range, atLeast = 1 } = this.options;
    if (range) return range;
    return [Math.min(0, low ?? 0), Math.max(atLeast, (high ?? 0) * 1.1)];
  }

  #listen(plot) {
    if (!this.options.onPick) return;
    const pick = (event) => {
      const left = event.clientX - plot.over.getBoundingClientRect().left;
      this.options.onPick(plot.posToVal(left, "x"));
    };
    plot.over.addEventListener("pointerdown", (event) => {
      plot.over.setPointerCapture(event.pointerId);
      pick(event);
    });
    plot.over.addEventListener("pointermove", (event) => { if (event.buttons & 1) pick(event); });
  }

  #drawOver(plot, colours) {
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.setLineDash([]);
    for (const mark of this.alertMarks) {
      const x = plot.valToPos(mark.time_s, "x", true);
      if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
      drawMark(ctx, mark.stage, mark.fate, x, bbox.top - MARK_ROW_PX * ratio, colours, ratio);
    }
    if (this.selected !== null) {
      const x = Math.round(plot.valToPos(this.selected, "x", true));
      ctx.strokeStyle = colours.cursor;
      ctx.lineWidth = 2 * ratio;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top - (this.options.marks ? MARK_ROW_PX * 2 * ratio : 0));
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  #fit() {
    if (this.fixedSize) return;
    const width = Math.max(MIN_WIDTH_PX, this.plotHost.clientWidth);
    if (width !== this.plot.width) this.plot.setSize({ width, height: this.options.height });
  }

  #rebuild() {
    const { min, max } = this.plot.scales.x;
    this.plot.destroy();
    this.#buildPlot();
    if (Number.isFinite(min) && Number.isFinite(max)) this.setWindow(min, max);
  }

  #showValues() {
    const row = this.selected === null ? this.times.length - 1 : nearestRow(this.times, this.selected);
    this.valueElements.forEach((element, index) => {
      setText(element, figure(this.columns[index]?.[row], this.options.unit, this.options.digits));
    });
  }

  #describe() {
    const { series, unit, digits } = this.options;
    const parts = series.map((line, index) => {
      const known = this.columns[index].filter((number) => Number.isFinite(number));
      if (known.length === 0) return `${line.label}: no figures`;
      const [low, high] = known.reduce(([a, b], number) => [Math.min(a, number), Math.max(b, number)], [Infinity, -Infinity]);
      return `${line.label}: ${figure(low, "", digits)} to ${figure(high, unit, digits)}`;
    });
    setText(this.summary, this.times.length === 0 ? "No figures yet."
      : `${duration(this.times[0])} to ${duration(this.times.at(-1))}. ${parts.join("; ")}.`);
  }
}

/** Index of the time closest to `time_s`, or -1 in an empty list. @param {number[]} times ascending */
export function nearestRow(times, time_s) {
  if (times.length === 0) return -1;
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time_s) low = middle; else high = middle;
  }
  return Math.abs(times[low] - time_s) <= Math.abs(times[high] - time_s) ? low : high;
}

function keySample(index) {
  return decorativeSvg({ class: `key-line key-line-${index + 1}`, viewBox: "0 0 28 8", width: 28, height: 8 },
    svg("line", { x1: 0, y1: 4, x2: 28, y2: 4, "stroke-dasharray": DASHES[index].join(" ") || null }));
}
