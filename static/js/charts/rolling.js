/** The last minute of several quantities, for live charts. */

export const WINDOW_S = 60;

export class Rolling {
  /** @param {string[]} keys names of the columns. @param {number} window_s how much is kept */
  constructor(keys, window_s = WINDOW_S) {
    this.keys = keys;
    this.window_s = window_s;
    this.times = [];
    this.columns = keys.map(() => []);
  }

  /** @param {number} time_s ascending. @param {Object<string, number|null>} row a missing key is a gap */
  push(time_s, row) {
    this.times.push(time_s);
    this.keys.forEach((key, index) => this.columns[index].push(Number.isFinite(row[key]) ? row[key] : null));
    while (this.times.length && this.times[0] < time_s - this.window_s) {
      this.times.shift();
      this.columns.forEach((column) => column.shift());
    }
  }

  /** The 0..1 quantile of a column, or null while it is empty. */
  quantile(key, share) {
    const known = this.columns[this.keys.indexOf(key)].filter((number) => number !== null).sort((a, b) => a - b);
    return known.length ? known[Math.min(known.length - 1, Math.floor(share * known.length))] : null;
  }
}
