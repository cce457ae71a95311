// What a viewer prefers, on the page of settings: the same as over the live table, in this browser.

class Preferences {
  constructor(root) {
    this.element = root.querySelector(".preferences");
    this.toast = new Toast();
    this.alarm = new Alarm({ toast: this.toast, show: () => {} });
    this.alarm.fill();
    this.element.append(
      h("h3", {}, "The live table"),
      choice("Dense rows, so that more are seen at once", remembered.get("dense", true), (on) => remembered.set("dense", on)),
      h("h3", {}, "Sound and notice for new alerts"), this.alarm.menu,
      this.toast.element);
  }
  destroy() { this.alarm.destroy(); this.toast.destroy(); }
}

const PREFERENCES = new WeakMap();

export default function preferences({ parentElement }) {
  if (!PREFERENCES.has(parentElement)) PREFERENCES.set(parentElement, new Preferences(parentElement));
  return () => { PREFERENCES.get(parentElement)?.destroy(); PREFERENCES.delete(parentElement); };
}
