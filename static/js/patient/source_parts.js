// What every source of frames needs.

/** A source that cannot be used. `title` and `message` are shown to the person: what happened, what to do. */
export class SourceError extends Error {
  constructor(title, message) {
    super(message);
    this.name = "SourceError";
    this.title = title;
  }
}

/** Draws a still picture into the page's canvas at its own size, and shows the canvas. */
export function show(canvas, picture) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    Object.assign(canvas, { width: picture.width, height: picture.height });
  }
  canvas.getContext("2d").drawImage(picture, 0, 0);
  canvas.hidden = false;
}
