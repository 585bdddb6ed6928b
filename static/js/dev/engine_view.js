/** The live engine panel: the timeline of the shown session, and the engine's health once a second; it can be paused. */

import { byId, setText } from "../common/dom.js";
import { clockTime } from "../common/format.js";
import { EngineFeed, LaneRates } from "./engine_feed.js";
import { EnginePanel } from "./engine_panel.js";
import { FrameLog } from "./frame_log.js";
import { FrameStrip } from "./frame_strip.js";
import { SliceBars } from "./slice_bars.js";
import { paintTrace } from "./stage_a_trace.js";

/** The timeline is painted this often, whatever the frame rate: a reader cannot follow more. */
const PAINT_EVERY_MS = 250;
const LIVE_WORDS = "Updated every second.";

export class EngineView {
  /** @param {string} url where the engine's health is read */
  constructor(url) {
    this.log = new FrameLog();
    this.strip = new FrameStrip(this.log);
    this.panel = new EnginePanel();
    this.slices = new SliceBars();
    this.rates = new LaneRates();
    this.sessionSlices = null;
    this.paused = this.held = false;
    this.feed = new EngineFeed(url, { onReading: (reading) => this.#reading(reading), onFault: (error) => this.#fault(error) });
    this.feed.start();
    byId("engine-pause").addEventListener("click", () => this.#pause(!this.paused));
    new ResizeObserver(() => paintTrace(this.strip.shown)).observe(byId("trace"));
    setInterval(() => { if (!this.paused && !this.held) this.paintTimeline(); }, PAINT_EVERY_MS);
  }

  /** Another session is shown from here on. */
  forgetSession() {
    this.log.clear();
    this.sessionSlices = null;
  }

  /** @param {Object} event `live`. Frames are noted while the panel is paused too: they are there when it goes on. */
  receive(event) {
    if (event.kind === "result" || event.kind === "decision") this.log.decided(event);
    else if (event.kind === "dropped") this.log.dropped(event);
    else if (event.kind === "ended") this.log.ended();
    else if (event.kind === "scene") {
      this.log.arrived(event);
      if (event.lane === "B") this.sessionSlices = event.timings_ms;
    }
  }

  /** While the page is frozen the timeline stays with its frame. */
  hold(held) {
    this.held = held;
  }

  paintTimeline() {
    this.strip.paint();
    paintTrace(this.strip.shown);
  }

  #reading(reading) {
    this.rates.add(reading);
    this.panel.paint(reading.engine, this.rates);
    const reported = reading.engine.stage_b?.slices_ms;
    this.slices.paint(reported ?? this.sessionSlices, reported ? "Last run of any session." : "Last run of the shown session.");
    setText(byId("engine-updates"), LIVE_WORDS);
  }

  #fault(error) {
    byId("engine-state").dataset.state = "stale";
    setText(byId("engine-state"), "The engine's report could not be read.");
    setText(byId("engine-updates"), `${error.message} The figures below are the last ones read.`);
  }

  #pause(paused) {
    this.paused = paused;
    byId("engine-pause").setAttribute("aria-pressed", String(paused));
    setText(byId("engine-updates"), paused ? `Paused at ${clockTime()}.` : LIVE_WORDS);
    if (paused) {
      this.feed.stop();
      return;
    }
    this.rates = new LaneRates(); // a rate over the pause would be no rate of now
    this.feed.start();
  }
}
