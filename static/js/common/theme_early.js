// Runs before the first paint (a classic script in <head>): no flash of the wrong theme.
(function applyStoredTheme() {
  let choice = "auto";
  try {
    choice = window.localStorage.getItem("maxsight.theme") || "auto";
  } catch {
    // Storage refused (private window): the system's own preference is used.
  }
  if (choice === "light" || choice === "dark" || choice === "contrast") {
    document.documentElement.dataset.theme = choice;
  }
})();
