// The service worker of the dashboard: shows what Web Push delivers, also where no page is open.
// It reads what blocks/vendors/web_push.py writes, and intercepts no request.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let told = {};
  try { told = event.data?.json() ?? {}; } catch { /* shown without a text: a browser must show something */ }
  const actions = told.acknowledge && !told.quiet ? [{ action: "acknowledge", title: "Acknowledge" }] : [];
  event.waitUntil(self.registration.showNotification(String(told.title || "Sentinel"), {
    body: String(told.body ?? ""),
    tag: String(told.tag || "sentinel"),
    renotify: !told.quiet,
    silent: Boolean(told.quiet),
    requireInteraction: Boolean(told.stays),
    icon: "icon.svg",
    actions,
    data: { url: told.url, acknowledge: told.acknowledge },
  }));
});

// The acknowledge link opens a page that asks before it acts.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url, acknowledge } = event.notification.data ?? {};
  const target = event.action === "acknowledge" ? acknowledge : url;
  if (/^https?:\/\//.test(target ?? "")) event.waitUntil(self.clients.openWindow(target));
});
