// Whether this browser is notified of alerts while no page is open (Web Push), on the settings page.

const PUSH_HINT = "Alerts reach it also while the dashboard is closed, through receivers with a channel of type Web Push that names you.";
const PUSH_STATES = {
  unknown: ["Notify this browser", "Asking the browser …"],
  none: ["Notify this browser", "This browser cannot be notified here: it needs HTTPS (or 127.0.0.1) and Web Push; on iOS, add the dashboard to the Home Screen first."],
  denied: ["Notify this browser", "The browser does not allow notifications for this page: allow them in its settings for this site."],
  off: ["Notify this browser", `This browser is not notified. ${PUSH_HINT}`],
  on: ["Stop notifying this browser", `This browser is notified. ${PUSH_HINT}`],
};

class PushSwitch {
  constructor(live, toast) {
    this.live = live;
    this.toast = toast;
    this.button = h("button", { type: "button", class: "button", onclick: () => this.toggle() });
    this.says = h("p", { class: "small", role: "status" });
    this.element = h("div", { class: "push" }, this.button, this.says);
    this.paint("unknown");
  }
  get possible() { return globalThis.isSecureContext && "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis; }
  paint(state) {
    this.state = state;
    const [words, said] = PUSH_STATES[state];
    this.button.textContent = words;
    this.button.disabled = !["off", "on", "denied"].includes(state);
    press(this.button, state === "on");
    this.says.textContent = said;
    this.element.dataset.state = state;
  }
  /** Ask the browser and the server once whether this browser is subscribed for this person. */
  async look() {
    if (!this.possible) return this.paint("none");
    try {
      const found = await (await this.registration())?.pushManager.getSubscription();
      const known = found && (await this.live.json("push", { params: { id: await idOf(found.endpoint) } })).subscribed;
      this.paint(known ? "on" : Notification.permission === "denied" ? "denied" : "off");
    } catch (error) { this.failed(error); }
  }
  registration() { return navigator.serviceWorker.getRegistration(`${this.live.path}/`); }
  async toggle() {
    const on = this.state !== "on";
    this.button.disabled = true;
    try {
      if (on && (await Notification.requestPermission()) !== "granted") return this.paint("denied");
      await (on ? this.subscribe() : this.unsubscribe());
      this.paint(on ? "on" : "off");
      this.toast.show(on ? "This browser is notified from now on" : "This browser is no longer notified");
    } catch (error) { this.failed(error); }
  }
  async subscribe() {
    const { path } = this.live;
    await navigator.serviceWorker.register(`${path}/push_worker.js`, { scope: `${path}/` });
    const worker = await activated(await this.registration());
    const { key } = await this.live.json("push");
    const options = { userVisibleOnly: true, applicationServerKey: key };
    // A subscription for another key, of a database that was set up anew, must go first.
    const made = await worker.pushManager.subscribe(options).catch(async (error) => {
      const old = await worker.pushManager.getSubscription();
      if (!old) throw error;
      await old.unsubscribe();
      return worker.pushManager.subscribe(options);
    });
    await this.live.ask("push", { method: "POST", body: JSON.stringify(made.toJSON()) });
  }
  async unsubscribe() {
    const found = await (await this.registration())?.pushManager.getSubscription();
    if (!found) return;
    await this.live.ask("push", { method: "DELETE", body: JSON.stringify({ endpoint: found.endpoint }) });
    await found.unsubscribe();
  }
  failed(error) {
    this.paint("off");
    this.says.textContent = `This browser was not changed: ${error.message}`;
  }
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
