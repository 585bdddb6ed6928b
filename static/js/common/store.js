// Small per-device storage under one prefix. Storage can be refused; nothing may break because of that.
const PREFIX = "maxsight.";

/** The stored string, or `fallback`. */
export function load(name, fallback = null) {
  try {
    return window.localStorage.getItem(PREFIX + name) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Stores a string; returns false where the browser refuses. */
export function save(name, value) {
  try {
    window.localStorage.setItem(PREFIX + name, String(value));
    return true;
  } catch {
    return false;
  }
}
