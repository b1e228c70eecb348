// <… data-poll="45"> gets a `poll` event every 45 seconds while somebody looks, and on their return when one is overdue.
const due = new WeakMap();

function tick() {
  if (document.hidden) {
    return;
  }
  const now = Date.now();
  for (const feed of document.querySelectorAll("[data-poll]")) {
    const next = now + feed.dataset.poll * 1000;
    if (!due.has(feed)) {
      due.set(feed, next);
    } else if (due.get(feed) <= now) {
      due.set(feed, next);
      feed.dispatchEvent(new CustomEvent("poll"));
    }
  }
}

tick();
setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
