/** The strip of figures and the charts of the last minute. */

import { Rolling, WINDOW_S } from "../charts/rolling.js";
import { TimeChart } from "../charts/time_chart.js";
import { fateGroup } from "../charts/marks.js";
import { byId, setText } from "../common/dom.js";
import { milliseconds, number } from "../common/format.js";
import { finalFate } from "./fates.js";

/** Frames a second are counted over this long. */
const RATE_WINDOW_S = 3;

export class LiveFigures {
  /**
   * @param {HTMLElement} host of the charts
   * @param {number} running_s how long the session ran already when the page was made
   * @param {() => number} now seconds of a clock that never jumps
   */
  constructor(host, running_s = 0, now = () => performance.now() / 1000) {
    this.now = now;
    this.start_s = now() - running_s;
    this.rolling = new Rolling(["age", "engine", "uncertainty", "fps"]);
    this.marks = [];
    const shared = { syncKey: "live" };
    this.latency = new TimeChart(host, { ...shared, title: "Latency", unit: "ms", atLeast: 100, marks: true, series: [{ label: "Frame age when sent" }, { label: "Stage A" }] });
    this.uncertainty = new TimeChart(host, { ...shared, title: "Uncertainty", range: [0, 1], digits: 2, series: [{ label: "Uncertainty" }] });
    this.rate = new TimeChart(host, { ...shared, title: "Frames a second", atLeast: 10, digits: 1, series: [{ label: "Results" }] });
  }

  /** Seconds since the session began. */
  get elapsed_s() {
    return this.now() - this.start_s;
  }

  /** @param {{age_ms?: number, stage_a_ms?: number, uncertainty?: number}} row one result */
  push(row) {
    this.rolling.push(this.elapsed_s, { age: row.age_ms, engine: row.stage_a_ms, uncertainty: row.uncertainty, fps: this.#rate() });
    setText(byId("latency-p50"), milliseconds(this.rolling.quantile("age", 0.5)));
    setText(byId("latency-p95"), milliseconds(this.rolling.quantile("age", 0.95)));
    setText(byId("uncertainty"), number(row.uncertainty, 2));
  }

  mark(alerts) {
    const time_s = this.elapsed_s;
    this.marks.push(...alerts.map((alert) => ({ time_s, stage: alert.stage, fate: finalFate(alert) }))
      .filter((mark) => fateGroup(mark.fate) !== "withheld" || mark.stage === "P0"));
    this.marks = this.marks.filter((mark) => mark.time_s > time_s - WINDOW_S);
  }

  /** Draws; called a few times a second, not for every frame. */
  render() {
    const { times, columns } = this.rolling;
    const [age, engine, uncertainty, fps] = columns;
    setText(byId("fps"), number(this.#rate(), 1));
    this.latency.setData(times, [age, engine]);
    this.latency.setMarks(this.marks);
    this.uncertainty.setData(times, [uncertainty]);
    this.rate.setData(times, [fps]);
    const end = Math.max(WINDOW_S, this.elapsed_s);
    for (const chart of [this.latency, this.uncertainty, this.rate]) chart.setWindow(end - WINDOW_S, end);
  }

  /** Results a second over the last window, or null before a window has passed since the first result. */
  #rate() {
    const { times } = this.rolling;
    const from = this.elapsed_s - RATE_WINDOW_S;
    if (times.length === 0 || times[0] > from) return null;
    return times.filter((time) => time > from).length / RATE_WINDOW_S;
  }
}
