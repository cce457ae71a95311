// The heart-beat: what is so now, how fresh that is, and whether it still comes.

class Pulse {
  constructor(root) {
    this.element = root.querySelector(".pulse");
    this.door = new Door();
    this.title = document.title.replace(/^\([\d,+]+\) /, "");
    this.timer = setInterval(() => this.tick(), 1000);
    this.heard = (event) => { this.paused = event.detail; this.tick(); };
    window.addEventListener("sentinel:paused", this.heard);
    // A page in the background is woken seldom: what it missed is asked when it is looked at.
    this.seen = () => { if (!document.hidden) this.beat(); };
    document.addEventListener("visibilitychange", this.seen);
    this.state = h("span", { class: "fresh", role: "status" });
    this.figures = h("dl", { class: "figures" });
    this.notes = h("div", { class: "notes" });
    this.head = h("div", { class: "line" });
    this.element.append(this.head, this.notes);
  }
  destroy() {
    this.over = true;
    this.clock?.terminate();
    clearInterval(this.timer);
    clearTimeout(this.next);
    document.removeEventListener("visibilitychange", this.seen);
    window.removeEventListener("sentinel:paused", this.heard);
    document.title = document.title.replace(/^\([\d,+]+\) /, "");
  }
  /** Streamlit says the first one and whenever its page runs; the others come through the door. */
  told(data) {
    this.door.told(data.door);
    this.update(data);
    // Runs of the page put no beat off: by each the login before the page says whose it is, and
    // forms ask how long ago that was.
    if (!this.next) this.wait();
  }
  wait() {
    const every = this.data.every * 1000;
    clearTimeout(this.next);
    this.next = setTimeout(() => this.beat(), every);
    // After some minutes in the background a page is woken once a minute. Where a sound or a notice is
    // waited for, a worker keeps the time, which no browser slows down.
    const { severities = [], sound = true, notice = false } = remembered.get("alarm", {});
    if (!severities.length || !(sound || notice)) { this.clock?.terminate(); this.clock = null; return; }
    this.clock ??= ticking(every);
    this.clock.onmessage = () => { if (document.hidden && Date.now() - this.came >= every) this.beat(); };
  }
  async beat() {
    if (this.beating) return;
    this.beating = true;
    try {
      const said = await this.door.json("beat");
      this.stranger = "";
      if (!this.over) this.update({ ...this.data, ...said });
    } catch (error) {
      this.stranger = error.stranger ? error.message : "";
      if (this.stranger && !this.over) {
        this.tick();
        // What still waits to be handed in is refused as well, which its person has to hear.
        say("pulse", { number: this.data.number, now: this.data.now + Date.now() - this.came });
      }
      // What is shown gets old, and says so by itself. A server that was started again knows the
      // old pass no more: a run of the page's script brings a new one.
      if (error.refused && !this.over && Date.now() - (this.ran ?? 0) > RUN_AGAIN_AFTER) {
        this.ran = Date.now();
        this.api.setStateValue("wanted", this.ran);
      }
    } finally {
      this.beating = false;
      if (!this.over) this.wait();
    }
  }
  update(data) {
    this.data = data;
    this.came = Date.now();
    this.head.replaceChildren();
    // A page with a heading of its own is told only where something is not as it should be.
    this.element.classList.toggle("aside", !data.page);
    if (!data.page) this.head.append(this.state);
    else {
      this.head.append(h("h1", {}, data.page), this.figures, this.state);
      const known = data.counts !== null;
      const figure = (name, n, kind) => h("div", { class: known && n ? kind : "" }, h("dt", {}, name), h("dd", {}, known ? capped(n) : "–"));
      this.figures.replaceChildren(figure("Active", data.counts?.active, ""), figure("Critical", data.counts?.critical, "critical"), figure("Unacknowledged", data.counts?.unacknowledged, "told"));
      this.notes.replaceChildren(...data.notes.map(([kind, title, text]) => h("div", { class: `note ${kind}` }, h("strong", {}, title), " ", text)));
    }
    this.tick();
    if (!data.problem) say("pulse", { number: data.number, now: data.now });
  }
  /** A page whose server has gone gets no news, so nothing but the page can say so. */
  tick() {
    if (!this.data) return;
    const { data } = this;
    const silent = Date.now() - this.came, every = data.every * 1000;
    const at = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(data.now);
    const [kind, words] = this.stranger ? ["gone", `Signed out · as of ${at}`]
      : silent > every * 12 ? ["gone", `Disconnected · as of ${at}`]
      : data.problem ? ["gone", `Database down · as of ${at}`]
      : silent > every * 4 ? ["stale", `Stale · as of ${at}`]
      : this.paused ? ["stale", `Paused · ${at}`]
      : data.notes.length && !data.page ? ["stale", data.notes[0][1]] : ["live", `Live · ${at}`];
    this.state.className = `fresh ${kind}`;
    this.state.textContent = words;
    this.state.title = this.stranger ?? "";
    this.state.hidden = !data.page && (kind === "live" || this.paused === true);
    const { dataset } = document.documentElement, trouble = kind === "gone" ? words : "", doubt = data.notes[0]?.[1] ?? "";
    if (trouble !== dataset.trouble || doubt !== dataset.doubt) {
      Object.assign(dataset, { trouble, doubt });
      say("trouble");
    }
    const n = data.counts?.unacknowledged ?? 0;
    const wanted = (n ? `(${capped(n)}) ` : "") + document.title.replace(/^\([\d,+]+\) /, "");
    if (document.title !== wanted) document.title = wanted;
  }
}

function ticking(every) {
  const url = URL.createObjectURL(new Blob([`setInterval(() => postMessage(0), ${every})`], { type: "text/javascript" }));
  const made = new Worker(url);
  URL.revokeObjectURL(url);
  return made;
}

const RUN_AGAIN_AFTER = 10000;
const PULSES = new WeakMap();

export default function pulse(component) {
  const { parentElement, data } = component;
  let made = PULSES.get(parentElement);
  if (!made) { made = new Pulse(parentElement); PULSES.set(parentElement, made); }
  made.api = component;
  made.told(data);
  return () => { made.destroy(); PULSES.delete(parentElement); };
}
