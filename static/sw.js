// Shows notifications that the portal pushes, and opens their page.
const FALLBACK = { title: "News about your rewards", url: "/account/loyalty" };

self.addEventListener("install", () => self.skipWaiting());

function read(data) {
  try {
    return { ...FALLBACK, ...data.json() };
  } catch {
    return FALLBACK;
  }
}

self.addEventListener("push", (event) => {
  const { title, body, tag, url } = read(event.data);
  event.waitUntil(
    self.registration.showNotification(title, { body, tag, icon: "/static/img/mark.svg", data: { url } }),
  );
});

// The page of the notification on this site, whatever name the site was called by: in its tab, or in a new one.
async function open(link) {
  const { pathname, search, hash } = new URL(link, self.location.origin);
  const url = new URL(pathname + search + hash, self.location.origin).href;
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab = tabs.find((client) => client.url === url);
  return tab ? tab.focus() : self.clients.openWindow(url);
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url ?? FALLBACK.url));
});
