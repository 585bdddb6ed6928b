// Home: the number keys open the tasks.
import { wireKeys } from "./keys.js";

const bindings = {};
for (const link of document.querySelectorAll("[data-key]")) {
  bindings[link.dataset.key] = () => link.click();
}
wireKeys(bindings);
