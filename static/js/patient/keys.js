// Single-key shortcuts. They stay away from typing, from modifiers and from open dialogs (WCAG 2.1.4, 2.1.1).
import { takesKeys } from "../common/dom.js";

/** Elements for which Space already has a meaning: pressing them. */
function spaceBelongsTo(element) {
  return Boolean(element?.closest?.("button, a[href], summary, input, [role=button]"));
}

/**
 * @param {Record<string, (event: KeyboardEvent) => void>} bindings by lower-case `event.key`; "space" for the space bar
 * @param {{enabled?: () => boolean}} [options]
 * @returns {() => void} removes the shortcuts
 */
export function wireKeys(bindings, { enabled = () => true } = {}) {
  const onKey = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!enabled() || takesKeys(event.target) || document.querySelector("dialog[open]")) return;
    const name = event.key === " " ? "space" : event.key.toLowerCase();
    const action = bindings[name];
    if (!action || (name === "space" && spaceBelongsTo(event.target))) return;
    if (event.repeat && name !== "+" && name !== "-") return;
    event.preventDefault();
    action(event);
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
