// The heart-beat: the current counts, how fresh they are, and whether the server still answers.

class Pulse {
  constructor(root) {
    this.element = root.querySelector(".pulse");
    this.live = new LiveApi();
    this.title = document.title.replace(/^\([\d,+]+\) /, "");
    this.timer = setInterval(() => this.tick(), 1000);
    this.onPause = (event) => { this.paused = event.detail; this.tick(); };
    window.addEventListener("sentinel:paused", this.onPause);
    // Browsers wake a page in the background seldom: it asks for what it missed when it is shown again.
    this.seen = () => { if (!document.hidden) this.beat(); };
    document.addEventListener("visibilitychange", this.seen);
    this.state = h("span", { class: "fresh", role: "status" });
    this.figures = h("dl", { class: "figures" });
    this.notes = h("div", { class: "notes" });
    this.head = h("div", { class: "line" });
    this.element.append(this.head, this.notes);
  }
  destroy() {
    this.destroyed = true;
    this.clock?.terminate();
    clearInterval(this.timer);
    clearTimeout(this.next);
    document.removeEventListener("visibilitychange", this.seen);
    window.removeEventListener("sentinel:paused", this.onPause);
    document.title = document.title.replace(/^\([\d,+]+\) /, "");
  }
  /** A run of the page's script gives the first heart-beat; the others come from the live API. */
  receive(data) {
    this.live.receive(data.live_api);
    this.update(data);
    if (!this.renewed) {
      this.renewed = true;
      new Subscription(this.live).renew().catch((error) => console.info(`Web Push: ${error.message}`));
    }
    // Runs of the page delay no beat: each beat renews the lease of the login, which forms need.
    if (!this.next) this.wait();
  }
  wait() {
    const every = this.data.every * 1000;
    clearTimeout(this.next);
    this.next = setTimeout(() => this.beat(), every);
    // After some minutes in the background a page is woken once a minute. Where a sound or a desktop
    // notification is on, a worker keeps the time, which no browser slows down.
    const { severities = [], sound = true, notification = false } = remembered.get("alarm", {});
    if (!severities.length || !(sound || notification)) { this.clock?.terminate(); this.clock = null; return; }
    this.clock ??= ticking(every);
    this.clock.onmessage = () => { if (document.hidden && Date.now() - this.came >= every) this.beat(); };
  }
  async beat() {
    if (this.beating) return;
    this.beating = true;
    try {
      const answer = await this.live.json("beat");
      this.signedOut = "";
      if (!this.destroyed) this.update({ ...this.data, ...answer });
    } catch (error) {
      this.signedOut = error.signedOut ? error.message : "";
      if (this.signedOut && !this.destroyed) {
        this.tick();
        // Commands that still wait to be sent are refused as well, which their person must see.
        emit("pulse", { number: this.data.number, now: this.data.now + Date.now() - this.came });
      }
      // What is shown becomes stale, and the page says so by itself. A restarted server refuses the old
      // token: a run of the page's script brings a new one.
      if (error.refused && !this.destroyed && Date.now() - (this.ran ?? 0) > RUN_AGAIN_AFTER) {
        this.ran = Date.now();
        this.streamlit.setStateValue("wanted", this.ran);
      }
    } finally {
      this.beating = false;
      if (!this.destroyed) this.wait();
    }
  }
  update(data) {
    this.data = data;
    this.came = Date.now();
    this.head.replaceChildren();
    // A page with a heading of its own shows the state only where something does not work.
    this.element.classList.toggle("aside", !data.page);
    if (!data.page) this.head.append(this.state);
    else {
      this.head.append(h("h1", {}, data.page), this.figures, this.state);
      const known = data.counts !== null;
      const figure = (name, n, kind) => h("div", { class: known && n ? kind : "" }, h("dt", {}, name), h("dd", {}, known ? capped(n) : "–"));
      this.figures.replaceChildren(figure("Active", data.counts?.active, ""), figure("Critical", data.counts?.critical, "critical"), figure("Unacknowledged", data.counts?.unacknowledged, "unacknowledged"));
      this.notes.replaceChildren(...data.notes.map(([kind, title, text]) => h("div", { class: `note ${kind}` }, h("strong", {}, title), " ", text)));
    }
    this.tick();
    if (!data.problem) emit("pulse", { number: data.number, now: data.now });
  }
  /** A page whose server is gone hears nothing, so only the page itself can say so. */
  tick() {
    if (!this.data) return;
    const { data } = this;
    const silent = Date.now() - this.came, every = data.every * 1000;
    const at = CLOCK.time.format(data.now);
    const [kind, words] = this.signedOut ? ["gone", `Signed out · as of ${at}`]
      : silent > every * 12 ? ["gone", `Disconnected · as of ${at}`]
      : data.problem ? ["gone", `Database down · as of ${at}`]
      : silent > every * 4 ? ["stale", `Stale · as of ${at}`]
      : this.paused ? ["stale", `Paused · ${at}`]
      : data.notes.length && !data.page ? ["stale", data.notes[0][1]] : ["live", `Live · ${at}`];
    this.state.className = `fresh ${kind}`;
    this.state.textContent = words;
    this.state.title = this.signedOut ?? "";
    this.state.hidden = !data.page && (kind === "live" || this.paused === true);
    const { dataset } = document.documentElement, trouble = kind === "gone" ? words : "", doubt = data.notes[0]?.[1] ?? "";
    if (trouble !== dataset.trouble || doubt !== dataset.doubt) {
      Object.assign(dataset, { trouble, doubt });
      emit("trouble");
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
  made.streamlit = component;
  made.receive(data);
  return () => { made.destroy(); PULSES.delete(parentElement); };
}
