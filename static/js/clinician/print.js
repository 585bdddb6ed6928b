/** Printing: charts redrawn small and in the light theme, because a canvas is ink as it stands. */

const WIDTH_PX = 680;
const HEIGHT_PX = 96;

/** @param {Array<TimeChart>} charts. @param {HTMLButtonElement} button starts the browser's print dialogue */
export function printAsOnePage(charts, button) {
  const root = document.documentElement;
  let themeBefore;
  window.addEventListener("beforeprint", () => {
    themeBefore = root.dataset.theme;
    root.dataset.theme = "light";
    charts.forEach((chart) => chart.setFixedSize({ width: WIDTH_PX, height: HEIGHT_PX }));
  });
  window.addEventListener("afterprint", () => {
    if (themeBefore === undefined) delete root.dataset.theme; else root.dataset.theme = themeBefore;
    charts.forEach((chart) => chart.setFixedSize(null));
  });
  button.addEventListener("click", () => window.print());
}
