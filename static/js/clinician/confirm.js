/** A question before something that cannot be undone, in the browser's own modal dialogue. */

/**
 * @param {HTMLDialogElement} dialog its submit buttons carry the values "yes" and "no"
 * @returns {Promise<boolean>} true only when "yes" was chosen
 */
export function confirmIn(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}
