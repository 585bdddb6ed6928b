/** Colours of the charts, read from the stylesheet so that all three themes apply to a canvas too. */

const NAMES = ["line-1", "line-2", "line-3", "line-4", "grid", "axis", "cursor", "mark", "mark-muted"];

/** @returns {Object<string, string>} e.g. `{"line-1": "rgb(11, 92, 173)", ...}` */
export function palette() {
  const resolve = resolver();
  const colours = Object.fromEntries(NAMES.map((name) => [name, resolve(`--chart-${name}`)]));
  resolve.done();
  return colours;
}

/** One custom property as a colour a canvas understands. */
export function colourOf(property) {
  const resolve = resolver();
  const colour = resolve(property);
  resolve.done();
  return colour;
}

/** A custom property keeps `light-dark(...)` as it is written; only an element's own `color` is resolved. */
function resolver() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const resolve = (property) => {
    probe.style.color = `var(${property})`;
    return getComputedStyle(probe).color;
  };
  resolve.done = () => probe.remove();
  return resolve;
}

/** The page's own font, for text drawn on a canvas. */
export function chartFont(sizePx) {
  return `${sizePx}px ${getComputedStyle(document.body).fontFamily || "system-ui"}`;
}

/** Calls back after the theme changed, through the switch or through the system. @returns a function that stops it */
export function whenThemeChanges(callback) {
  const observer = new MutationObserver(() => callback());
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const queries = ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"].map((query) => matchMedia(query));
  const listener = () => callback();
  queries.forEach((query) => query.addEventListener("change", listener));
  return () => {
    observer.disconnect();
    queries.forEach((query) => query.removeEventListener("change", listener));
  };
}
