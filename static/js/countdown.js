// <span data-countdown="RFC 3339 time"> counts down to that time; then the form that waited for it opens again.
let timer = null;

function words(seconds) {
  const minutes = Math.floor(seconds / 60);
  return minutes ? `in ${minutes} min ${seconds % 60} s` : `in ${seconds} s`;
}

function open(mark) {
  const message = mark.closest("[data-waiting]");
  for (const control of document.querySelectorAll(`[data-waits-for="${message?.id}"]`)) {
    control.disabled = false;
  }
  message?.remove();
}

function tick() {
  const marks = document.querySelectorAll("[data-countdown]");
  for (const mark of marks) {
    const seconds = Math.ceil((Date.parse(mark.dataset.countdown) - Date.now()) / 1000);
    if (seconds > 0) {
      mark.textContent = words(seconds);
    } else {
      open(mark);
    }
  }
  if (!marks.length) {
    clearInterval(timer);
    timer = null;
  }
}

function start() {
  timer ??= setInterval(tick, 1000);
  tick();
}

start();
document.addEventListener("htmx:afterSettle", start);
