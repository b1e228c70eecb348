// The dialog: what HTMX puts into #sheet-body opens it; closing gives the focus back to where it came from.
const sheet = document.getElementById("sheet");
const body = document.getElementById("sheet-body");
let opener = null;

function focusAfterwards() {
  const slug = opener?.closest("[data-slug]")?.dataset.slug;
  const again = slug && document.querySelector(`[data-slug="${CSS.escape(slug)}"] [data-testid="redeem-button"]`);
  for (const place of [opener, again, document.querySelector("#flash [data-flash]")]) {
    if (place?.isConnected && !place.disabled) {
      place.focus();
      return;
    }
  }
}

if (sheet) {
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.target === body && !sheet.open) {
      opener = document.activeElement;
    }
  });

  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target === body && !sheet.open) {
      sheet.showModal();
    }
  });

  sheet.addEventListener("click", (event) => {
    if (event.target === sheet || event.target.closest("[data-close]")) {
      event.preventDefault();
      sheet.close();
    }
  });

  sheet.addEventListener("close", () => {
    body.replaceChildren();
    focusAfterwards();
  });
}
