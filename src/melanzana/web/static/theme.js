// Runs before the first paint: the theme this browser chose, and the mark that script is there.
"use strict";
{
  const root = document.documentElement;
  const themes = ["system", "light", "dark"];
  const glyphs = { system: "◐", light: "○", dark: "●" };
  const chosen = () => {
    try {
      const stored = localStorage.getItem("theme");
      return themes.includes(stored) ? stored : "system";
    } catch {
      return "system";
    }
  };
  const show = (theme) => {
    root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-button]")) {
      button.textContent = glyphs[theme];
      button.title = `Theme: ${theme}`;
      button.setAttribute("aria-label", button.title);
    }
  };
  root.classList.add("js");
  show(chosen());
  addEventListener("DOMContentLoaded", () => show(chosen()));
  addEventListener("storage", () => show(chosen()));
  addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-button]")) return;
    const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    try {
      localStorage.setItem("theme", next);
    } catch {
      /* private windows may refuse; the theme then lasts for this page */
    }
    show(next);
  });
}
