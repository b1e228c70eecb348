// The "For you" rail asks for news by itself; only what is new is read out, and only once.
const announced = new Set();
let etag = null;

const rail = () => document.getElementById("for-you");
const cards = () => [...(rail()?.querySelectorAll("[data-card]") ?? [])];

function announce() {
  const fresh = cards().filter(({ dataset }) => !announced.has(dataset.card));
  fresh.forEach(({ dataset }) => announced.add(dataset.card));
  const news = document.getElementById("for-you-news");
  if (news && fresh.length) {
    const title = fresh[0].querySelector("h3").textContent;
    news.textContent = fresh.length === 1 ? `New for you: ${title}` : `${fresh.length} new things for you.`;
  }
}

// Nothing new, or somebody is busy in here: the rail stays as it is.
function mayChange(xhr) {
  if (xhr.status === 304) {
    return false;
  }
  if (rail().contains(document.activeElement)) {
    etag = null;
    return false;
  }
  etag = xhr.getResponseHeader("ETag");
  return !xhr.responseText.includes(`data-version="${rail().dataset.version}"`);
}

cards().forEach(({ dataset }) => announced.add(dataset.card));

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.id === "for-you" && etag) {
    detail.headers["If-None-Match"] = etag;
  }
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "for-you") {
    return;
  }
  if (detail.requestConfig.verb === "get") {
    detail.shouldSwap = mayChange(detail.xhr);
  } else {
    etag = null;
  }
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.elt.id === "for-you" && detail.requestConfig?.verb === "get") {
    announce();
  }
});
