// News of the history: the newest page is merged into what is shown, which keeps its place and its further pages.
import { say } from "./say.js";

const items = (root) => [...root.querySelectorAll("[data-id]")];

function update(old, fresh) {
  if (old.textContent === fresh.textContent && old.dataset.status === fresh.dataset.status) {
    return;
  }
  const focused = old.contains(document.activeElement);
  old.dataset.status = fresh.dataset.status;
  old.replaceChildren(...fresh.childNodes);
  window.htmx.process(old);
  if (focused) {
    old.tabIndex = -1;
    old.focus({ preventScroll: true });
  }
}

// Under the heading of its day, which comes along when there is none yet, and below the event before it.
function insert(list, fresh, before, headings) {
  const { day } = fresh.dataset;
  let heading = list.querySelector(`.timeline__day[data-day="${day}"]`);
  if (!heading) {
    heading = headings.get(day);
    if (before) {
      before.after(heading);
    } else {
      list.prepend(heading);
    }
  }
  (before?.dataset.day === day ? before : heading).after(fresh);
  window.htmx.process(fresh);
}

// What the reader sees stays where it is, in browsers that anchor the scroll position themselves, too.
function holdingStill(list, change) {
  const root = document.documentElement;
  const seen = items(list).find((item) => item.getBoundingClientRect().bottom > 0);
  const reading = seen && list.getBoundingClientRect().top < 0;
  const before = seen?.getBoundingClientRect().top;
  root.style.overflowAnchor = "none";
  change();
  if (reading) {
    window.scrollBy({ top: seen.getBoundingClientRect().top - before, behavior: "instant" });
  }
  requestAnimationFrame(() => requestAnimationFrame(() => root.style.removeProperty("overflow-anchor")));
}

function merge(list, news) {
  const known = new Map(items(list).map((item) => [item.dataset.id, item]));
  const headings = new Map([...news.querySelectorAll(".timeline__day")].map((heading) => [heading.dataset.day, heading]));
  for (const heading of list.querySelectorAll(".timeline__day")) {
    heading.textContent = headings.get(heading.dataset.day)?.textContent ?? heading.textContent;
  }
  let before = null;
  for (const fresh of items(news)) {
    const old = known.get(fresh.dataset.id);
    if (old) {
      update(old, fresh);
    } else {
      insert(list, fresh, before, headings);
    }
    before = old ?? fresh;
  }
}

function announce(count) {
  if (count) {
    say(count === 1 ? "One new entry in your history." : `${count} new entries in your history.`);
  }
}

function receive(section, answer, asked) {
  const news = new DOMParser().parseFromString(answer, "text/html").getElementById("history");
  const list = section.querySelector(".timeline");
  const fresh = news ? items(news) : [];
  const added = fresh.filter(({ dataset }) => !section.querySelector(`[data-id="${dataset.id}"]`));
  if (!list) {
    section.querySelector(".panel").replaceWith(news.querySelector(".panel"));
    window.htmx.process(section);
  } else if (fresh.length && added.length === fresh.length) {
    say("A lot has happened since. Reload the page to see all of your history.");
    return;
  } else {
    holdingStill(list, () => merge(list, news));
  }
  if (!asked) {
    announce(added.length);
  }
}

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const section = detail.elt.closest?.("#history");
  if (section && detail.successful && detail.elt.hasAttribute("data-news")) {
    receive(section, detail.xhr.responseText, detail.requestConfig.triggeringEvent?.type !== "poll");
  }
});
