/** SVG elements, built like the HTML ones of common/dom.js. */

const NAMESPACE = "http://www.w3.org/2000/svg";

/** @param {string} tag e.g. "line". @param {Object} attributes null leaves one out. @param {...SVGElement} children */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** A small picture beside words that say the same: hidden from screen readers. */
export function decorativeSvg(attributes, ...children) {
  return svg("svg", { "aria-hidden": "true", focusable: "false", ...attributes }, ...children);
}
