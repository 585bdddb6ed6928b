// The few DOM helpers every page needs.

/** The element with this id; a missing one is a fault of the template and is named. */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element #${id}: template and script disagree.`);
  return element;
}

/**
 * Builds an element: h("li", {class: "x", dataset: {track: 3}, onclick: f}, "text", child).
 * Text is always set as text, never parsed as HTML. null and false children are left out.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "dataset") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces everything inside `element`. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Sets text only when it changed, so that screen readers are not disturbed by equal text. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The JSON of <script type="application/json" id="boot">; {} when the page has none. */
export function bootData(id = "boot") {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : {};
}

/** True when typing or pressing keys in this element has its own meaning, so shortcuts must stay away. */
export function takesKeys(element) {
  return Boolean(element?.closest?.("input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable=true]"));
}
