// Consoles: `/` finds a member, one box ticks all rows, filters apply as they are chosen.
const typing = (place) => place.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  const box = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (box && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-tick-all]")) {
    for (const box of target.form.querySelectorAll("[data-tick]")) {
      box.checked = target.checked;
    }
  }
  if (target.matches("[data-tick], [data-tick-all]")) {
    const ticked = target.form.querySelectorAll("[data-tick]:checked").length;
    for (const count of target.form.querySelectorAll("[data-ticked]")) {
      count.textContent = ticked ? `${ticked} chosen` : "";
    }
  }
});

// An act in the dialog that replaced the page behind it has been answered: the dialog is done.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const sheet = document.getElementById("sheet");
  if (sheet?.open && !sheet.contains(detail.elt) && document.querySelector(".shell--console")) {
    sheet.close();
  }
});

// On a phone navigation and tabs are wider than the screen: begin where one is.
for (const here of document.querySelectorAll(":is(.sidenav, .pagetabs) [aria-current]")) {
  here.scrollIntoView({ block: "nearest", inline: "center" });
}
