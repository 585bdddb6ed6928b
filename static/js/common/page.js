// What every page runs: the theme switch, and focus on an error summary when there is one.
import { wireThemeSwitches } from "./theme.js";

wireThemeSwitches();
document.querySelector("[data-autofocus-error]")?.focus();
