"use strict";
// Copies a command. Where a browser allows a page from a file no clipboard, the command is
// selected, so that the keys for copying do it.
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    const range = document.createRange(), selection = getSelection();
    range.selectNodeContents(code);
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const said = button.nextElementSibling;
  said.textContent = "";
  const done = await copied(document.getElementById(button.dataset.copies));
  said.textContent = done ? "copied" : "selected: copy it with Ctrl+C";
});
