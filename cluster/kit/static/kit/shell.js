// The keyboard shortcuts of every page, and the buttons that show them.
// The palette and the list of shortcuts load when they are first asked for.

import "./status-strip.js";

const SECOND_KEY_WITHIN = 1500; // milliseconds between `g` and the letter after it

let gone = 0; // when `g` was pressed, or 0

const singleKeys = () => {
  try { return localStorage.getItem("single-keys") !== "off"; } catch { return true; }
};

const open = async (what) => {
  const palette = await import("./palette.js");
  palette.open(what);
};

const typing = (target) =>
  target instanceof Element &&
  target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable], dialog") !== null;

document.addEventListener("keydown", (event) => {
  const { key } = event;
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && key.toLowerCase() === "k") {
    event.preventDefault();
    open("palette");
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !singleKeys()) return;
  if (performance.now() - gone < SECOND_KEY_WITHIN && gone) {
    gone = 0;
    const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
  } else if (key === "g") {
    gone = performance.now();
  } else if (key === "/") {
    event.preventDefault();
    open("palette");
  } else if (key === "?") {
    event.preventDefault();
    open("help");
  }
});

for (const button of document.querySelectorAll("[data-opens]")) {
  button.addEventListener("click", () => open(button.dataset.opens));
}
if (/Mac|iPhone|iPad/.test(navigator.platform)) {
  for (const key of document.querySelectorAll(".find kbd")) key.textContent = "⌘ K";
}
