// The rendered scene of the server as a source of frames, in real time. Each picture is fetched ahead and sent at the
// moment it is due, so that the time to render it is neither latency nor an error of the frame clock.
import { show, SourceError } from "./source_parts.js";

const FPS = 10; // the frame rate of a scene (maxsight_core.scenes)
const INTERVAL_MS = 1000 / FPS;
const OVERDUE_MS = 150; // an older picture is dropped: its time and the clock would disagree by more than one frame
const QUICK_LEAD_MS = 250; // pictures that come slower than this are not thrown away: the scene runs late instead
const FIRST_LEAD_MS = 150;
const LEAD_FACTOR = 1.3; // reserve over the last fetch
const LEAD_DECAY = 0.8;

class SceneSource {
  constructor(spec, url, canvas) {
    Object.assign(this, { kind: "scene", detail: spec, url, canvas, maxFps: FPS, lost: null });
    this.abort = new AbortController();
    this.leadMs = FIRST_LEAD_MS;
    this.beganAt = performance.now();
    this.renewed = false;
    this.next = null;
  }

  /** Fetches the first picture and begins the scene's clock. Throws SourceError when it cannot be had. */
  async ready() {
    await this.#fetch({ index: 0 }, performance.now());
    this.leadMs = FIRST_LEAD_MS;
    this.beganAt = performance.now();
  }

  async grab() {
    const now = performance.now();
    this.next ??= this.#order(now);
    const { fault, picture, dueAt } = this.next;
    if (fault) {
      this.next = null;
      throw fault;
    }
    if (!picture || now < dueAt) return null;
    const lateMs = now - dueAt;
    const { bytes, width, height, index } = this.next;
    if (lateMs > OVERDUE_MS && this.leadMs < QUICK_LEAD_MS && !this.renewed) {
      this.renewed = true; // once: the next one is sent however late it is
      picture.close();
      this.next = this.#order(now);
      return null;
    }
    if (lateMs > OVERDUE_MS) this.beganAt += lateMs; // slower than real time here: the scene waits for its pictures
    this.renewed = false;
    show(this.canvas, picture);
    picture.close();
    this.next = this.#order(now);
    return { bytes, w: width, h: height, tCap: this.beganAt + index * INTERVAL_MS };
  }

  /** Orders the picture that is due when it can be here. */
  #order(now) {
    const wanted = Math.ceil((now + this.leadMs - this.beganAt) / INTERVAL_MS);
    const index = Math.max(0, wanted, (this.lastIndex ?? -1) + 1);
    this.lastIndex = index;
    const order = { index, dueAt: this.beganAt + index * INTERVAL_MS, picture: null, fault: null };
    this.#fetch(order, now).catch((fault) => { order.fault = fault; });
    return order;
  }

  async #fetch(order, orderedAt) {
    const query = new URLSearchParams({ spec: this.detail, i: String(order.index) });
    const response = await fetch(`${this.url}?${query}`, { credentials: "same-origin", signal: this.abort.signal });
    if (response.status === 404 && order.index > 0) {
      this.#fromTheStart(order);
      return;
    }
    if (!response.ok || response.redirected) throw refusal(response);
    const blob = await response.blob();
    const picture = await createImageBitmap(blob);
    const bytes = await blob.arrayBuffer();
    this.leadMs = Math.max((performance.now() - orderedAt) * LEAD_FACTOR, this.leadMs * LEAD_DECAY);
    Object.assign(order, { bytes, width: picture.width, height: picture.height, picture });
  }

  /** The scene is at its end: once more from its first picture. */
  #fromTheStart(order) {
    this.beganAt = performance.now() + this.leadMs;
    this.lastIndex = -1;
    if (this.next === order) this.next = null;
  }

  close() {
    this.abort.abort();
    this.canvas.hidden = true;
  }
}

function refusal(response) {
  const loggedOut = response.redirected || response.status === 401;
  return new SourceError("The built-in scene cannot be shown", loggedOut ? "You are logged out. Log in again."
    : `The server answered with error ${response.status}. Choose another scene, or try again.`);
}

/**
 * Opens a scene. Its first picture takes longer (the server builds the scene), so it is awaited before looking begins.
 * @param {string} spec of the scene list @param {{url: string, still: HTMLCanvasElement}} parts
 */
export async function openScene(spec, { url, still }) {
  const source = new SceneSource(spec, url, still);
  await source.ready();
  return source;
}
