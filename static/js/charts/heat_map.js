/**
 * Maps of the engine as pictures. A preview is `{rows, columns, low, high, data}`: row-major unsigned bytes in
 * base64, 0 at `low` and 255 at `high` (contracts.Value.to_json).
 */

/** Anchors of a scale whose lightness rises evenly from dark blue to yellow, so that it reads in grey and to the colour blind. */
const ANCHORS = [[68, 1, 84], [62, 74, 137], [38, 130, 142], [53, 183, 121], [253, 231, 37]];
const TABLE = buildTable();

function buildTable() {
  const table = new Uint8ClampedArray(256 * 3);
  for (let level = 0; level < 256; level += 1) {
    const position = (level / 255) * (ANCHORS.length - 1);
    const index = Math.min(ANCHORS.length - 2, Math.floor(position));
    const share = position - index;
    for (let channel = 0; channel < 3; channel += 1) {
      table[level * 3 + channel] = ANCHORS[index][channel] * (1 - share) + ANCHORS[index + 1][channel] * share;
    }
  }
  return table;
}

/** @returns {Uint8Array} the preview's bytes; throws when their number is not rows x columns */
export function decodePreview(preview) {
  const bytes = Uint8Array.from(atob(preview.data), (character) => character.charCodeAt(0));
  if (bytes.length !== preview.rows * preview.columns) {
    throw new Error(`preview: expected ${preview.rows} x ${preview.columns} bytes; got ${bytes.length}`);
  }
  return bytes;
}

/** The map of a Value as a preview: its own, or one made of a matrix that came whole, or null. */
export function previewOf(value) {
  if (value?.preview) return value.preview;
  const rows = isMatrix(value?.value) ? value.value : value?.value?.map;
  return isMatrix(rows) ? matrixPreview(rows) : null;
}

/** Whether it is a list of equally long lists of numbers, at least 2 x 2. */
export function isMatrix(rows) {
  return Array.isArray(rows) && rows.length > 1 && Array.isArray(rows[0]) && rows[0].length > 1
    && rows.every((row) => Array.isArray(row) && row.length === rows[0].length && row.every((cell) => typeof cell === "number"));
}

/** A preview of a matrix, scaled as the server scales its own. @param {number[][]} rows */
export function matrixPreview(rows) {
  const cells = rows.flat();
  const [low, high] = [Math.min(...cells), Math.max(...cells)];
  const levels = cells.map((cell) => (high > low ? Math.round(((cell - low) / (high - low)) * 255) : 0));
  return { rows: rows.length, columns: rows[0].length, low, high, data: btoa(String.fromCharCode(...levels)) };
}

/** Draws a preview into the rectangle of a 2-D context; `alpha` 0..1. Cells stay square-edged: nothing is interpolated. */
export function drawHeatMap(context, preview, { x = 0, y = 0, width, height, alpha = 1 }) {
  const bytes = decodePreview(preview);
  const picture = new ImageData(preview.columns, preview.rows);
  bytes.forEach((level, index) => {
    picture.data.set(TABLE.subarray(level * 3, level * 3 + 3), index * 4);
    picture.data[index * 4 + 3] = 255;
  });
  const small = document.createElement("canvas");
  small.width = preview.columns;
  small.height = preview.rows;
  small.getContext("2d").putImageData(picture, 0, 0);
  context.save();
  context.globalAlpha = alpha;
  context.imageSmoothingEnabled = false;
  context.drawImage(small, x, y, width, height);
  context.restore();
}

/** Fills a canvas with the scale, low at the left. */
export function drawScale(canvas) {
  const context = canvas.getContext("2d");
  for (let column = 0; column < canvas.width; column += 1) {
    const level = Math.round((column / Math.max(1, canvas.width - 1)) * 255);
    context.fillStyle = `rgb(${TABLE[level * 3]}, ${TABLE[level * 3 + 1]}, ${TABLE[level * 3 + 2]})`;
    context.fillRect(column, 0, 1, canvas.height);
  }
}
