// A sound and a notice of the desktop for new alerts of chosen severities; off until chosen.
// What is chosen stays in this browser.

const ALARM = { severities: [], sound: true, notice: false };
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
    this.paint();
  }
  destroy() { document.removeEventListener("pointerdown", this.outside, true); }
  toggle() { if (this.menu.classList.contains("on")) this.close(); else this.open(); }
  open() {
    const chosen = alarm();
    const choice = (words, on, change) => h("label", { class: "choice" }, h("input", { type: "checkbox", checked: on, onchange: (event) => change(event.target.checked) }), words);
    this.hint = h("p", { class: "small" }, "For new alerts that the filter shows, while this page is open. Kept in this browser.");
    this.menu.replaceChildren(
      h("div", { class: "menu-title" }, "When one of these arrives"),
      ...SEVERITY_WORDS.map((word) => choice(h("span", { class: `sev-${word}` }, h("span", { class: "sev" }, word)), chosen.severities.includes(word),
        (on) => this.set({ severities: SEVERITY_WORDS.filter((one) => (one === word ? on : alarm().severities.includes(one))) }))),
      h("div", { class: "menu-title" }, "do this"),
      choice("Make a sound", chosen.sound, (on) => { this.set({ sound: on }); if (on) beep(); }),
      choice("Show a notice of the desktop", chosen.notice, (on) => this.allow(on)),
      this.hint);
    this.menu.classList.add("on");
    this.menu.querySelector("input").focus();
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
    press(this.button, severities.length > 0 && (sound || notice));
  }
  announce(arrived) {
    const { severities, sound, notice } = alarm();
    const loud = arrived.filter((row) => severities.includes(SEVERITY[row.rank])).sort((a, b) => b.rank - a.rank);
    if (!loud.length) return;
    if (sound) beep();
    if (!notice || globalThis.Notification?.permission !== "granted") return;
    const [worst] = loud;
    const title = loud.length === 1 ? `${SHORT[SEVERITY[worst.rank]]} ${worst.title}` : `${loud.length} new alerts, the worst ${SEVERITY[worst.rank]}`;
    const made = new Notification(title, { body: loud.length === 1 ? worst.rule : worst.title, tag: "sentinel", renotify: true });
    made.onclick = () => { window.focus(); this.blotter.show(worst.id); made.close(); };
  }
}

function beep() {
  const audio = new AudioContext(), tone = audio.createOscillator(), volume = audio.createGain();
  tone.frequency.value = 880;
  volume.gain.setValueAtTime(0.1, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.35);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.36);
  tone.onended = () => audio.close();
}
