// HTMX requests: the CSRF token, whose answer counts, words for what failed, and where the focus goes afterwards.
import { say } from "./say.js";

const UNSAFE = new Set(["post", "put", "patch", "delete"]);
const BY_STATUS = {
  400: "This page has been open for too long. Reload it, then try again.",
  404: "That is no longer here. Reload the page to see what is.",
  413: "That is too much to send at once.",
  429: "That was a little fast. Wait a moment, then try again.",
};
const forStaff = document.querySelector(".shell--console") !== null;
const STANDING = forStaff ? "Reload to see what became of it." : "Reload to see where your points stand.";
const SHOP = forStaff ? "the portal" : "the shop";

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (UNSAFE.has(detail.verb)) {
    detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]")?.content ?? "";
  }
});

// Of what is asked for one place in quick succession the last counts: an answer that was overtaken changes neither the
// place nor the address. The place itself listens, as it may be gone from the page by then.
const newest = new WeakMap();

document.addEventListener("htmx:beforeRequest", ({ detail: { requestConfig, target, xhr } }) => {
  if (requestConfig.verb !== "get") {
    return;
  }
  if (!newest.has(target)) {
    target.addEventListener("htmx:beforeSwap", (event) => {
      if (event.detail.requestConfig.verb === "get" && event.target === target && event.detail.xhr !== newest.get(target)) {
        event.preventDefault();
      }
    });
  }
  newest.set(target, xhr);
});

// A feed that looks for news in vain looks again later, without a word.
for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    if (event.detail.requestConfig?.triggeringEvent?.type === "poll") {
      event.stopImmediatePropagation();
    }
  });
}

document.addEventListener("htmx:responseError", ({ detail }) => {
  say(BY_STATUS[detail.xhr.status] ?? `Something went wrong on our side. ${STANDING}`);
});

document.addEventListener("htmx:sendError", () => {
  say(`We can’t reach ${SHOP}. Check your connection and try again.`);
});

document.addEventListener("htmx:timeout", () => {
  say(`${SHOP[0].toUpperCase()}${SHOP.slice(1)} is taking too long. ${STANDING}`);
});

// A swap may remove the control that had the focus: an answer names with data-focus what to read next. What is to be
// corrected comes first.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const next =
    detail.elt?.querySelector?.("[data-error-summary]") ??
    detail.elt?.querySelector?.("[data-focus]") ??
    document.querySelector("main [data-focus-once]");
  if (next) {
    next.removeAttribute("data-focus-once");
    next.tabIndex = -1;
    next.focus({ preventScroll: next.closest("dialog") !== null });
  }
});

// An act whose control is gone afterwards leaves the focus on the news about it.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const acted = detail.successful && detail.requestConfig.verb !== "get";
  if (acted && document.activeElement === document.body) {
    document.getElementById("flash")?.focus();
  }
});
