// Consoles: `/` finds a member, one box ticks all rows, filters apply as they are chosen and leave no empty words behind.
const typing = (place) => place.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  const box = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (box && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

// The boxes stand in the table and belong to the form of acts above it, by its id.
const boxesOf = (form, kind) => [...form.elements].filter((control) => control.matches(kind));
const tickedOf = (form) => boxesOf(form, "[data-tick]").filter((box) => box.checked).length;

function tell(form, words) {
  const place = form.querySelector("[data-ticked]");
  if (place.textContent !== words) {
    place.textContent = words;
  }
}

function count(form) {
  const [ticked, all] = [tickedOf(form), boxesOf(form, "[data-tick]").length];
  for (const box of boxesOf(form, "[data-tick-all]")) {
    box.checked = ticked > 0 && ticked === all;
    box.indeterminate = ticked > 0 && ticked < all;
  }
  tell(form, ticked ? `${ticked} chosen` : "");
}

function countAll() {
  document.querySelectorAll("form[data-bulk]").forEach(count);
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-tick-all]")) {
    for (const box of boxesOf(target.form, "[data-tick]")) {
      box.checked = target.checked;
    }
  }
  if (target.matches("[data-tick], [data-tick-all]")) {
    count(target.form);
  }
});

// An act on nothing is not asked about: what is missing is said beside the button, and the list stays as it is.
document.addEventListener(
  "click",
  (event) => {
    const form = event.target.closest("button[formaction]")?.closest("form[data-bulk]");
    if (form && !tickedOf(form)) {
      event.preventDefault();
      event.stopPropagation();
      tell(form, "Choose at least one row first.");
    }
  },
  true,
);

countAll();
window.addEventListener("pageshow", countAll);
document.addEventListener("htmx:afterSettle", countAll);

// A list applies as it is chosen from; what is typed waits for Enter or the button, and is not asked for twice.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.matches("[data-filters] input")) {
      event.stopPropagation();
    }
  },
  true,
);

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.matches("[data-filters]")) {
    for (const [name, value] of [...detail.formData.entries()]) {
      if (value === "") {
        detail.formData.delete(name);
      }
    }
  }
});

// The link that turned the page may be gone with it: the focus goes on in the rows.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.elt.matches?.(".datatable") && document.activeElement === document.body) {
    detail.elt.querySelector(".datatable__scroll, .empty a")?.focus({ preventScroll: true });
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
