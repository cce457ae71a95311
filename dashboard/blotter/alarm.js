// A sound and a desktop notification for new alerts of chosen severities; off until chosen.
// The choice stays in this browser.

const ALARM = { severities: [], sound: true, notification: false };
const GESTURES = ["pointerdown", "keydown"];
const SILENT = "No sound yet: the browser keeps this page silent until you click or press a key in it.";
/** A box to tick, with its words. */
const choice = (words, on, change) => h("label", { class: "choice" }, h("input", { type: "checkbox", checked: on, onchange: (event) => change(event.target.checked) }), words);
const alarm = () => ({ ...ALARM, ...remembered.get("alarm", {}) });

class Alarm {
  constructor(blotter) {
    this.blotter = blotter;
    this.button = h("button", { type: "button", class: "tool", title: "Sound and desktop notification for new alerts (B)", "aria-label": "Sound and desktop notification for new alerts", "aria-haspopup": "true", onclick: () => this.toggle() }, icon("bell"));
    this.menu = h("div", { class: "menu alarm", role: "group", "aria-label": "Sound and desktop notification for new alerts" });
    this.menu.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.close();
      this.button.focus();
    };
    this.outside = (event) => { if (this.menu.classList.contains("on") && !event.composedPath().some((one) => one === this.menu || one === this.button)) this.close(); };
    document.addEventListener("pointerdown", this.outside, true);
    this.touched = () => { if (this.silent) { this.silent = false; this.paint(); } };
    for (const name of GESTURES) window.addEventListener(name, this.touched, true);
    // Browsers keep a page silent until somebody has pressed something in it.
    this.silent = navigator.userActivation?.hasBeenActive === false;
    this.paint();
  }
  destroy() {
    document.removeEventListener("pointerdown", this.outside, true);
    for (const name of GESTURES) window.removeEventListener(name, this.touched, true);
  }
  toggle() { if (this.menu.classList.contains("on")) this.close(); else this.open(); }
  open() {
    this.fill();
    this.menu.classList.add("on");
    this.menu.querySelector("input").focus();
  }
  /** Show the choices, here and on the settings page. */
  fill() {
    const chosen = alarm();
    this.hint = h("p", { class: "small" }, "For alerts that are new or became more severe and that the filter shows, while the Live page is open and not paused. Stored in this browser.");
    this.menu.replaceChildren(
      h("div", { class: "menu-title" }, "For new alerts of severity"),
      ...SEVERITY_WORDS.map((word) => choice(h("span", { class: `sev-${word}` }, h("span", { class: "sev" }, word)), chosen.severities.includes(word),
        (on) => this.set({ severities: SEVERITY_WORDS.filter((one) => (one === word ? on : alarm().severities.includes(one))) }))),
      h("div", { class: "menu-title" }, "Do"),
      choice("Play a sound", chosen.sound, (on) => { this.set({ sound: on }); if (on) this.ring(); }),
      choice("Show a desktop notification", chosen.notification, (on) => this.allow(on)),
      this.hint);
  }
  close() { this.menu.classList.remove("on"); }
  set(change) { remembered.set("alarm", { ...alarm(), ...change }); this.paint(); }
  /** Desktop notifications need the browser's permission, which it asks for once. */
  async allow(on) {
    const answer = on ? await globalThis.Notification?.requestPermission?.() : "granted";
    this.set({ notification: on && answer === "granted" });
    if (on && answer !== "granted") {
      this.hint.textContent = "The browser does not allow notifications for this page: allow them in its settings for this site.";
      for (const box of this.menu.querySelectorAll("input")) if (box.parentElement.textContent.includes("notification")) box.checked = false;
    }
  }
  paint() {
    const { severities, sound, notification } = alarm();
    const on = severities.length > 0, silent = on && sound && this.silent;
    press(this.button, on && (sound || notification));
    this.button.classList.toggle("silent", silent);
    this.button.title = silent ? SILENT : "Sound and desktop notification for new alerts (B)";
  }
  /** A sound that was chosen and cannot be heard is worse than none: the page says so. */
  async ring() {
    if (await beep()) return;
    this.silent = true;
    this.paint();
    this.blotter.toast.show(SILENT, { problem: true, stay: 60000 });
  }
  announce(arrived) {
    const { severities, sound, notification } = alarm();
    const loud = arrived.filter((row) => severities.includes(SEVERITY[row.rank])).sort((a, b) => b.rank - a.rank);
    if (!loud.length) return;
    if (sound) this.ring();
    if (!notification || globalThis.Notification?.permission !== "granted") return;
    const [worst] = loud;
    const title = loud.length === 1 ? `${SHORT[SEVERITY[worst.rank]]} ${worst.title}` : `${loud.length} alerts, highest severity ${SEVERITY[worst.rank]}`;
    const made = new Notification(title, { body: loud.length === 1 ? worst.rule : worst.title, tag: "sentinel", renotify: true });
    made.onclick = () => { window.focus(); this.blotter.show(worst.id); made.close(); };
  }
}

/** Play the sound; returns whether it could be heard. */
async function beep() {
  if (!globalThis.AudioContext) return false;
  const audio = new AudioContext();
  if (audio.state !== "running") await Promise.race([audio.resume(), new Promise((go) => setTimeout(go, 1500))]);
  if (audio.state !== "running") { audio.close(); return false; }
  const tone = audio.createOscillator(), volume = audio.createGain();
  tone.frequency.value = 880;
  volume.gain.setValueAtTime(0.1, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.35);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.36);
  tone.onended = () => audio.close();
  return true;
}
