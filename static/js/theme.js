// Runs in <head>, before the first paint: marks that scripts run, and applies the remembered light or dark choice.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const remembered = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be closed to us; the system's choice is a good answer then
    }
  };

  const apply = () => {
    root.dataset.bsTheme = remembered() ?? (system.matches ? "dark" : "light");
  };

  const choose = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // the choice then lasts for this page
    }
    root.dataset.bsTheme = theme;
  };

  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-switch]")) {
      choose(root.dataset.bsTheme === "dark" ? "light" : "dark");
    }
  });
})();
