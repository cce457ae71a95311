// A viewer's preferences on the settings page: the same as above the live table, in this browser.

class Preferences {
  constructor(root) {
    this.element = root.querySelector(".preferences");
    this.toast = new Toast();
    this.live = new LiveApi();
    this.alarm = new Alarm({ toast: this.toast, show: () => {} });
    this.push = new PushSwitch(this.live, this.toast);
    this.alarm.fill();
    this.element.append(
      h("h3", {}, "Live table"),
      choice("Dense rows, to fit more on the screen", remembered.get("dense", true), (on) => remembered.set("dense", on)),
      h("h3", {}, "Sound and desktop notification for new alerts"), this.alarm.menu,
      h("h3", {}, "Web Push"), this.push.element,
      this.toast.element);
  }
  receive(data) {
    this.live.receive(data.live_api);
    if (this.push.state === "unknown") this.push.look();
  }
  destroy() { this.alarm.destroy(); this.toast.destroy(); }
}

const PREFERENCES = new WeakMap();

export default function preferences({ parentElement, data }) {
  if (!PREFERENCES.has(parentElement)) PREFERENCES.set(parentElement, new Preferences(parentElement));
  PREFERENCES.get(parentElement).receive(data);
  return () => { PREFERENCES.get(parentElement)?.destroy(); PREFERENCES.delete(parentElement); };
}
