// Forms: the list of what to correct gets the focus; passwords can be shown.
document.querySelector("[data-error-summary]")?.focus();

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-reveal]");
  if (!button) {
    return;
  }
  const input = document.getElementById(button.dataset.reveal);
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.textContent = shown ? "Show" : "Hide";
  button.setAttribute("aria-pressed", String(!shown));
});
