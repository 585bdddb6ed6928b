// A picture of any size -> a JPEG of at most 640 px, as the protocol wants it.

export const MAX_SIDE_PX = 640;
const QUALITY = 0.7;
const LOW_QUALITY = 0.45; // second try, for a picture that is too heavy at the first

export class FrameEncoder {
  /** @param {{max_bytes?: number, max_side_px?: number}} [limits] of the server */
  constructor(limits = {}) {
    this.maxBytes = limits.max_bytes ?? Infinity;
    this.maxSide = Math.min(MAX_SIDE_PX, limits.max_side_px ?? MAX_SIDE_PX);
    this.canvas = document.createElement("canvas");
    this.ctx = this.canvas.getContext("2d", { alpha: false, willReadFrequently: false });
  }

  /**
   * @param {CanvasImageSource} picture @param {number} width @param {number} height its own size in pixels
   * @returns {Promise<{bytes: ArrayBuffer, w: number, h: number}>}
   */
  async encode(picture, width, height) {
    const scale = Math.min(1, this.maxSide / Math.max(width, height));
    const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    this.ctx.drawImage(picture, 0, 0, w, h);
    let blob = await this.#jpeg(QUALITY);
    if (blob.size > this.maxBytes) blob = await this.#jpeg(LOW_QUALITY);
    return { bytes: await blob.arrayBuffer(), w, h };
  }

  #jpeg(quality) {
    return new Promise((resolve, reject) => {
      this.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The browser could not encode the picture."))), "image/jpeg", quality);
    });
  }
}
