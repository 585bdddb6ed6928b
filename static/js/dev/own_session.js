/** The developer's own session: the patient's sources and credit loop, with nothing spoken. */

import { LookSession } from "../patient/session.js";
import { openScene } from "../patient/scene_source.js";
import { openFile, openWebcam } from "../patient/sources.js";
import { byId } from "../common/dom.js";
import { TappedSource } from "./tapped_source.js";

/** Nobody listens here: decisions are computed and logged as masked, never as spoken. */
const SETTINGS = { masked: true };

export class OwnSession {
  /**
   * @param {Connection} connection
   * @param {{sceneUrl: string, limits: Object}} parts where pictures of built-in scenes come from; the server's limits
   * @param {{onState: (state: string, why: string) => void, onEnded: (reason: string) => void}} callbacks
   */
  constructor(connection, { sceneUrl, limits }, { onState, onEnded }) {
    Object.assign(this, { sceneUrl, limits });
    this.tapped = null;
    this.look = new LookSession({
      connection, settings: () => SETTINGS, onState, onEnded,
      onResult: () => {}, onScene: () => {}, onAlerts: () => {},
    });
  }

  get running() {
    return this.look.running;
  }

  get id() {
    return this.look.sessionId;
  }

  /**
   * @param {string} choice `webcam`, `upload`, or the specification of a built-in scene
   * @param {File|undefined} file for `upload`
   * @returns {Promise<string>} the session's id; throws SourceError or ProtocolError
   */
  async start(choice, file) {
    const source = await this.#open(choice, file);
    this.tapped?.forget();
    this.tapped = new TappedSource(source);
    try {
      await this.look.start(this.tapped);
    } catch (error) {
      source.close();
      throw error;
    }
    return this.look.sessionId;
  }

  stop() {
    return this.look.stop("stopped by the developer");
  }

  /** The frame a result was computed from, or null. */
  pictureOf(tCap) {
    return this.tapped?.pictureOf(tCap) ?? null;
  }

  #open(choice, file) {
    const [video, still] = [byId("video"), byId("still")];
    if (choice === "webcam") return openWebcam({ video, limits: this.limits, onLost: () => this.look.markCameraLost() });
    if (choice === "upload") return openFile(file, { video, still, limits: this.limits });
    return openScene(choice, { url: this.sceneUrl, still });
  }
}
