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
    this.subscription = new Subscription(live);
    this.toast = toast;
    this.button = h("button", { type: "button", class: "button", onclick: () => this.toggle() });
    this.says = h("p", { class: "small", role: "status" });
    this.element = h("div", { class: "push" }, this.button, this.says);
    this.paint("unknown");
  }
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
    if (!this.subscription.possible) return this.paint("none");
    try {
      const known = await this.subscription.known();
      this.paint(known ? "on" : Notification.permission === "denied" ? "denied" : "off");
    } catch (error) { this.failed(error); }
  }
  async toggle() {
    const on = this.state !== "on";
    this.button.disabled = true;
    try {
      if (on && (await Notification.requestPermission()) !== "granted") return this.paint("denied");
      await (on ? this.subscription.make() : this.subscription.end());
      this.paint(on ? "on" : "off");
      this.toast.show(on ? "This browser is notified from now on" : "This browser is no longer notified");
    } catch (error) { this.failed(error); }
  }
  failed(error) {
    this.paint("off");
    this.says.textContent = `This browser was not changed: ${error.message}`;
  }
}
