// The browser's subscription to Web Push: made, ended, and kept alive by every page that is opened.
// What was sent last is in the Cache API, which the service worker (push_worker.js) reads as well.

const KEPT = "sentinel-push";

class Subscription {
  constructor(live) { this.live = live; }
  get possible() { return globalThis.isSecureContext && "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis && "caches" in globalThis; }
  get keptAt() { return `${this.live.path}/kept-subscription`; }
  async kept() { return (await (await caches.open(KEPT)).match(this.keptAt))?.json(); }
  get me() { return holder(this.live.token); }
  registration() { return navigator.serviceWorker.getRegistration(`${this.live.path}/`); }
  async found() { return (await this.registration())?.pushManager.getSubscription(); }
  /** Whether the server knows it as this person's, and the key that signs for the instance. */
  async asked(found) { return this.live.json("push", { params: { id: await idOf(found.endpoint) } }); }
  /** Whether this browser is subscribed for this person. */
  async known() {
    const found = await this.found();
    return Boolean(found && (await this.asked(found)).subscribed);
  }
  /** Subscribe it for this person: from now on this is who keeps it. */
  async make() {
    await navigator.serviceWorker.register(`${this.live.path}/push_worker.js`, { scope: `${this.live.path}/` });
    const worker = await activated(await this.registration());
    const { key } = await this.live.json("push");
    const made = await subscribed(worker.pushManager, key);
    await this.live.ask("push", { method: "POST", body: JSON.stringify(made.toJSON()) });
    await this.keep(made, key);
  }
  async end() {
    await (await caches.open(KEPT)).delete(this.keptAt);
    const found = await this.found();
    if (!found) return;
    await this.live.ask("push", { method: "DELETE", body: JSON.stringify({ endpoint: found.endpoint }) });
    await found.unsubscribe();
  }
  async keep(made, key) {
    const { endpoint, keys } = made.toJSON();
    const content = { person: this.me, key, endpoint, auth: keys.auth };
    await (await caches.open(KEPT)).put(this.keptAt, new Response(JSON.stringify(content)));
  }
  /**
   * Send the subscription again where the server has it no longer, or where the browser has another
   * by now. Only for who subscribed the browser, not for whoever opens a page in it.
   */
  async renew() {
    if (!this.possible || Notification.permission !== "granted") return;
    const worker = await this.registration();
    if (!worker?.active) return;
    const was = await this.kept(), found = await worker.pushManager.getSubscription();
    if (was && was.person !== this.me) return;
    if (!was) {  // of before it was kept, or of somebody who ended it
      if (!found) return;
      const { key, subscribed: mine } = await this.asked(found);
      if (mine) await this.keep(found, key);
      return;
    }
    const { key, subscribed: known } = found ? await this.asked(found) : await this.live.json("push");
    if (known && was.key === key && was.endpoint === found.endpoint) return;
    const made = found && was.key === key ? found : await subscribed(worker.pushManager, key);
    const moved = was.endpoint !== made.endpoint && await this.moved(was, made);
    if (!moved) await this.live.ask("push", { method: "POST", body: JSON.stringify(made.toJSON()) });
    await this.keep(made, key);
  }
  /** Put it in the place of the one that was sent last; false where the server has that no longer. */
  async moved(was, made) {
    const body = JSON.stringify({ from: { endpoint: was.endpoint, auth: was.auth }, to: made.toJSON() });
    const answer = await fetch(`${this.live.path}/push_moved`, { method: "POST", credentials: "same-origin", redirect: "manual", body });
    return answer.ok && !fromLogin(answer) && (await answer.json()).subscribed;
  }
}

/** The browser's subscription for a key. One for another key, of a database that was set up anew, must go first. */
async function subscribed(manager, key) {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  return manager.subscribe(options).catch(async (error) => {
    const old = await manager.getSubscription();
    if (!old) throw error;
    await old.unsubscribe();
    return manager.subscribe(options);
  });
}

/** A registration whose worker runs: a push manager takes no other. */
async function activated(registration) {
  const worker = registration.installing ?? registration.waiting;
  if (!registration.active && worker) {
    await new Promise((go, stop) => {
      worker.addEventListener("statechange", () => {
        if (worker.state === "activated") go();
        if (worker.state === "redundant") stop(new Error("the service worker could not be installed"));
      });
    });
  }
  return registration;
}

/** What names a subscription, so that its address stands in no log: sentinel/notifications/push_subscription.py. */
async function idOf(endpoint) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
  return [...new Uint8Array(digest)].map((one) => one.toString(16).padStart(2, "0")).join("").slice(0, 32);
}
