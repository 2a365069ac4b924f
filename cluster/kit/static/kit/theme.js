// The reader's choice of theme. A classic script in the head, so that it is
// made before anything is drawn; without it the system's choice holds.

(() => {
  "use strict";
  const root = document.documentElement;

  const chosen = () => {
    try { return localStorage.getItem("theme") ?? "system"; } catch { return "system"; }
  };

  const apply = (theme) => {
    const fixed = theme === "light" || theme === "dark";
    if (fixed) root.dataset.theme = theme; else delete root.dataset.theme;
    // The browser's own bars: each of the two colours holds for its theme, or one for both.
    const [light, dark] = document.querySelectorAll('meta[name="theme-color"]');
    if (!dark) return;
    light.media = fixed ? (theme === "light" ? "all" : "not all") : "(prefers-color-scheme: light)";
    dark.media = fixed ? (theme === "dark" ? "all" : "not all") : "(prefers-color-scheme: dark)";
  };

  apply(chosen());

  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.querySelector(".theme");
    if (!choice) return;
    const mark = () => { choice.querySelector(`[value="${chosen()}"]`).checked = true; };
    mark();
    choice.addEventListener("change", (event) => {
      try { localStorage.setItem("theme", event.target.value); } catch { /* kept for this page */ }
      apply(event.target.value);
    });
    // Another tab, or a page that comes back from the browser's history.
    const again = () => { apply(chosen()); mark(); };
    addEventListener("storage", again);
    addEventListener("pageshow", (event) => { if (event.persisted) again(); });
  });
})();
