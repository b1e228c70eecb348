// A short sentence at the foot of the window, read out politely, gone after a while.
const LASTS_MS = 7000;

export function say(sentence) {
  const open = document.querySelector("dialog[open] [data-notes]");
  const place = open ?? document.getElementById("notes");
  if (!place) {
    return;
  }
  const note = document.createElement("p");
  note.className = "toast-note";
  note.textContent = sentence;
  place.replaceChildren(note);
  setTimeout(() => note.remove(), LASTS_MS);
}
