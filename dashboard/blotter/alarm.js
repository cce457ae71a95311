// A sound and a notice of the desktop for new alerts of chosen severities; off until chosen.
// What is chosen stays in this browser.

const ALARM = { severities: [], sound: true, notice: false };
const GESTURES = ["pointerdown", "keydown"];
const SILENT = "No sound yet: this browser keeps the page silent until you click or press a key in it.";
/** A box to tick, with its words. */
const choice = (words, on, change) => h("label", { class: "choice" }, h("input", { type: "checkbox", checked: on, onchange: (event) => change(event.target.checked) }), words);
const alarm = () => ({ ...ALARM, ...remembered.get("alarm", {}) });

class Alarm {
  constructor(blotter) {
    this.blotter = blotter;
    this.button = h("button", { type: "button", class: "tool", title: "Sound and notice for new alerts (B)", "aria-label": "Sound and notice for new alerts", "aria-haspopup": "true", onclick: () => this.toggle() }, icon("bell"));
    this.menu = h("div", { class: "menu alarm", role: "group", "aria-label": "Sound and notice for new alerts" });
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
  /** What can be chosen, here and on the page of settings. */
  fill() {
    const chosen = alarm();
    this.hint = h("p", { class: "small" }, "For alerts that are new or became that severe, where the filter shows them, while the live page is open and not paused. Kept in this browser.");
    this.menu.replaceChildren(
      h("div", { class: "menu-title" }, "When one of these arrives"),
      ...SEVERITY_WORDS.map((word) => choice(h("span", { class: `sev-${word}` }, h("span", { class: "sev" }, word)), chosen.severities.includes(word),
        (on) => this.set({ severities: SEVERITY_WORDS.filter((one) => (one === word ? on : alarm().severities.includes(one))) }))),
      h("div", { class: "menu-title" }, "do this"),
      choice("Make a sound", chosen.sound, (on) => { this.set({ sound: on }); if (on) this.ring(); }),
      choice("Show a notice of the desktop", chosen.notice, (on) => this.allow(on)),
      this.hint);
  }
  close() { this.menu.classList.remove("on"); }
  set(change) { remembered.set("alarm", { ...alarm(), ...change }); this.paint(); }
  /** Notices need the browser's leave, which it asks for once. */
  async allow(on) {
    const answer = on ? await globalThis.Notification?.requestPermission?.() : "granted";
    this.set({ notice: on && answer === "granted" });
    if (on && answer !== "granted") {
      this.hint.textContent = "This browser does not allow notices for this page: allow them in its settings for the site.";
      for (const box of this.menu.querySelectorAll("input")) if (box.parentElement.textContent.includes("notice")) box.checked = false;
    }
  }
  paint() {
    const { severities, sound, notice } = alarm();
    const on = severities.length > 0, silent = on && sound && this.silent;
    press(this.button, on && (sound || notice));
    this.button.classList.toggle("silent", silent);
    this.button.title = silent ? SILENT : "Sound and notice for new alerts (B)";
  }
  /** A sound that was chosen and not heard is worse than none: it is said. */
  async ring() {
    if (await beep()) return;
    this.silent = true;
    this.paint();
    this.blotter.toast.show(SILENT, { bad: true, stay: 60000 });
  }
  announce(arrived) {
    const { severities, sound, notice } = alarm();
    const loud = arrived.filter((row) => severities.includes(SEVERITY[row.rank])).sort((a, b) => b.rank - a.rank);
    if (!loud.length) return;
    if (sound) this.ring();
    if (!notice || globalThis.Notification?.permission !== "granted") return;
    const [worst] = loud;
    const title = loud.length === 1 ? `${SHORT[SEVERITY[worst.rank]]} ${worst.title}` : `${loud.length} alerts, the worst ${SEVERITY[worst.rank]}`;
    const made = new Notification(title, { body: loud.length === 1 ? worst.rule : worst.title, tag: "sentinel", renotify: true });
    made.onclick = () => { window.focus(); this.blotter.show(worst.id); made.close(); };
  }
}

/** Make the sound; gives whether it could be heard. */
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
