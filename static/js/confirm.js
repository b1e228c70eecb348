// Confirms an address as soon as a person sees the page. What only loads it (a mail scanner, a prefetch) uses nothing up.
const form = document.querySelector("form[data-confirm]");
let sent = false;

function send() {
  if (!sent && !document.prerendering && document.visibilityState === "visible") {
    sent = true;
    form.requestSubmit();
  }
}

if (form) {
  document.addEventListener("visibilitychange", send);
  document.addEventListener("prerenderingchange", send);
  send();
}
