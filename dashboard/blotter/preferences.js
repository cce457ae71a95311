// A viewer's preferences on the settings page: the same as above the live table, in this browser.

class Preferences {
  constructor(root) {
    this.element = root.querySelector(".preferences");
    this.toast = new Toast();
    this.alarm = new Alarm({ toast: this.toast, show: () => {} });
    this.alarm.fill();
    this.element.append(
      h("h3", {}, "Live table"),
      choice("Dense rows, to fit more on the screen", remembered.get("dense", true), (on) => remembered.set("dense", on)),
      h("h3", {}, "Sound and desktop notification for new alerts"), this.alarm.menu,
      this.toast.element);
  }
  destroy() { this.alarm.destroy(); this.toast.destroy(); }
}

const PREFERENCES = new WeakMap();

export default function preferences({ parentElement }) {
  if (!PREFERENCES.has(parentElement)) PREFERENCES.set(parentElement, new Preferences(parentElement));
  return () => { PREFERENCES.get(parentElement)?.destroy(); PREFERENCES.delete(parentElement); };
}
