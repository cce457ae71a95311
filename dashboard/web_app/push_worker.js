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

// A browser that changes its subscription, or whose push service does, has another address from then on:
// Sentinel learns it here, also while no page is open. dashboard/blotter/subscription.js keeps what was sent last.
const KEPT = "sentinel-push";

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(moved(event)));

async function moved({ newSubscription }) {
  const cache = await caches.open(KEPT), keptAt = new URL("kept-subscription", self.registration.scope);
  const kept = await (await cache.match(keptAt))?.json();
  if (!kept) return;  // a page that is opened sends it
  const made = newSubscription ?? await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: kept.key });
  const to = made.toJSON();
  const answer = await fetch(new URL("push_moved", self.registration.scope), {
    method: "POST", credentials: "same-origin", redirect: "error", headers: { "content-type": "application/json" },
    body: JSON.stringify({ from: { endpoint: kept.endpoint, auth: kept.auth }, to }),
  });
  const { subscribed } = answer.ok ? await answer.json() : {};
  if (!subscribed) throw new Error(`Sentinel answered ${answer.status}, and notifies the old address: the next page that is opened sends the new one`);
  const now = { ...kept, endpoint: to.endpoint, auth: to.keys.auth };
  await cache.put(keptAt, new Response(JSON.stringify(now)));
}

// The acknowledge link opens a page that asks before it acts.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url, acknowledge } = event.notification.data ?? {};
  const target = event.action === "acknowledge" ? acknowledge : url;
  if (/^https?:\/\//.test(target ?? "")) event.waitUntil(self.clients.openWindow(target));
});
