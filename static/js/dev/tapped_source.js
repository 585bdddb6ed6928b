/**
 * A source that remembers the last frames it gave, by their capture time, so that every result is drawn over exactly
 * the frame it was computed from and not over the one the camera shows meanwhile.
 */

/** More than the frames that can be in flight; older ones are released. */
const REMEMBERED = 8;

export class TappedSource {
  /** @param {Object} source one of patient/sources.js */
  constructor(source) {
    this.source = source;
    this.pictures = new Map();
  }

  get kind() { return this.source.kind; }

  get detail() { return this.source.detail; }

  get maxFps() { return this.source.maxFps; }

  get lost() { return this.source.lost; }

  async grab() {
    const frame = await this.source.grab();
    if (frame) this.#remember(frame.tCap, await createImageBitmap(new Blob([frame.bytes])));
    return frame;
  }

  /** The frame captured at `tCap`, or null when it is gone. */
  pictureOf(tCap) {
    return this.pictures.get(tCap) ?? null;
  }

  close() {
    this.source.close();
  }

  /** Frees the pictures; called when another session takes the place of this one. */
  forget() {
    for (const picture of this.pictures.values()) picture.close();
    this.pictures.clear();
  }

  #remember(tCap, picture) {
    this.pictures.set(tCap, picture);
    while (this.pictures.size > REMEMBERED) {
      const [oldest] = this.pictures.keys();
      this.pictures.get(oldest).close();
      this.pictures.delete(oldest);
    }
  }
}
