// Copy and share buttons beside a link.
import { say } from "./say.js";

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.value);
    say("Link copied.");
  } catch {
    source.select(); // no clipboard on plain http: the link is selected, ready for the keyboard
    say("Link selected. Copy it with your keyboard.");
  }
}

async function share(button) {
  try {
    await navigator.share({ title: button.dataset.title, url: button.dataset.share });
  } catch (refusal) {
    if (refusal.name !== "AbortError") {
      say("Sharing did not work here. Copy the link instead.");
    }
  }
}

document.addEventListener("click", ({ target }) => {
  const copier = target.closest("[data-copy]");
  const sharer = target.closest("[data-share]");
  if (copier) {
    copy(copier);
  } else if (sharer) {
    share(sharer);
  }
});

function revealSharing() {
  for (const button of document.querySelectorAll("[data-share]")) {
    button.hidden = !navigator.share;
  }
}

revealSharing();
document.addEventListener("htmx:afterSettle", revealSharing);
