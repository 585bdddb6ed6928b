// The theme switch: auto (follow the system), light, dark or high contrast. Kept per device.
import { load, save } from "./store.js";

export const THEMES = ["auto", "light", "dark", "contrast"];

/** The stored choice; "auto" when nothing (or something unknown) is stored. */
export function currentTheme() {
  const choice = load("theme", "auto");
  return THEMES.includes(choice) ? choice : "auto";
}

/** Applies and stores a theme, and brings every switch on the page up to date. */
export function setTheme(choice) {
  if (!THEMES.includes(choice)) {
    throw new RangeError(`setTheme: expected one of ${THEMES.join(", ")}; got ${choice}`);
  }
  save("theme", choice);
  const root = document.documentElement;
  if (choice === "auto") delete root.dataset.theme;
  else root.dataset.theme = choice;
  for (const select of document.querySelectorAll("[data-theme-switch]")) select.value = choice;
  document.dispatchEvent(new CustomEvent("maxsight:theme", { detail: { theme: choice } }));
}

/** Takes over the theme that a person keeps with their account, on a device where nothing was chosen yet. */
export function adoptTheme(kept) {
  if (load("theme") === null && THEMES.includes(kept) && kept !== "auto") setTheme(kept);
}

/** Wires every <select data-theme-switch> of the page. */
export function wireThemeSwitches() {
  for (const select of document.querySelectorAll("[data-theme-switch]")) {
    select.value = currentTheme();
    select.addEventListener("change", () => setTheme(select.value));
  }
}
