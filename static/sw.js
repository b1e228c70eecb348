// Shows notifications that the portal pushes, and opens their page.
self.addEventListener("push", (event) => {
  const card = event.data?.json() ?? {};
  event.waitUntil(
    self.registration.showNotification(card.title ?? "News about your rewards", {
      body: card.body,
      tag: card.tag,
      icon: "/static/img/mark.svg",
      data: { url: card.url },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url ?? "/account/loyalty", self.location.origin);
  if (url.origin === self.location.origin) {
    event.waitUntil(self.clients.openWindow(url.href));
  }
});
