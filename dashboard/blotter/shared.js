// What the widgets share: making elements, words for numbers and times, and the outbox.
// The widgets' files are put one after another into one module (see blotter/__init__.py),
// so that nothing here is imported and nothing needs a build step.

const SEVERITY = { 5: "critical", 4: "high", 3: "medium", 2: "low", 1: "info" };
const SEVERITY_WORDS = ["critical", "high", "medium", "low", "info"];
const SHORT = { critical: "CRIT", high: "HIGH", medium: "MED", low: "LOW", info: "INFO" };

/** An element. Texts become text nodes, so that no text of an alert is ever markup. */
function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made[name] = value;
    else if (name === "style") made.style.cssText = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}

const PATHS = {
  acknowledge: ["M3 8.5 6.5 12 13 4.5"],
  takeback: ["M6 4 2.5 7.500 6 11", "M3 7.500h6a4 4 0 0 1 4 4v.5"],
  resolve: ["M14 8A6 6 0 1 1 8 2", "m5.500 8 2 2 6-6.500"],
  suppress: ["M4 11V7a4 4 0 0 1 6.800-2.900M12 7.500V11", "M2.500 11.500h11M6.800 14h2.400M2 2l12 12"],
  unsuppress: ["M4 11V7a4 4 0 0 1 8 0v4", "M2.500 11.500h11M6.800 14h2.400"],
  assign: ["M8 7.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z", "M3 13.500c.5-2.500 2.500-4 5-4s4.500 1.500 5 4"],
  comment: ["M2.500 3.500h11v7.500H8l-3 2.500V11H2.500Z"],
  open: ["M9 3h4v4M13 3 7 9M11 9v4H3V5h4"],
  pause: ["M6 4v8M10 4v8"],
  play: ["m5 3.500 7 4.500-7 4.500Z"],
  bell: ["M4 11V7a4 4 0 0 1 8 0v4", "M2.500 11.500h11M6.800 14h2.400"],
  rows: ["M3 4h10M3 8h10M3 12h10"],
  keys: ["M1.500 4h13v8h-13Z", "M4 6.800h.01M7 6.800h.01M10 6.800h.01M5 9.500h6"],
  close: ["m4 4 8 8M12 4l-8 8"],
  search: ["M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9Z", "m10.500 10.500 3 3"],
  more: ["m4 6 4 4 4-4"],
  late: ["M8 2.500 14.500 13.500h-13Z", "M8 6.500v3.200M8 11.700v.01"],
  link: ["M6.500 9.500 9.500 6.500", "M7 5 8.500 3.500a2.800 2.800 0 0 1 4 4L11 9M9 11l-1.500 1.500a2.800 2.800 0 0 1-4-4L5 7"],
};
function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": "1.6",
    "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true",
  })) svg.setAttribute(key, value);
  for (const d of PATHS[name] ?? []) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** How long, in at most two units that matter: 45s, 9m, 3h 20m, 12d. */
function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 10 && Math.floor((seconds % 3600) / 60)) return `${hours}h ${Math.floor((seconds % 3600) / 60)}m`;
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
function press(button, on) { button.setAttribute("aria-pressed", String(on)); }
/** A moment in the viewer's own time zone, with the zone's name. */
const moment = (at) => `${FULL.format(at)} ${ZONE}`;
const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
const capped = (n) => (n > 10000 ? "10,000+" : n.toLocaleString("en"));

/** Kept for this viewer on this machine; a browser that forbids it only forgets. */
const remembered = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(`sentinel.${name}`)) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) {
    try { localStorage.setItem(`sentinel.${name}`, JSON.stringify(value)); } catch { /* private window */ }
  },
};
/** Half-typed notes by alert, kept over a reload of the page. */
const drafts = {
  get(id) { try { return sessionStorage.getItem(`sentinel.draft.${id}`) ?? ""; } catch { return ""; } },
  set(id, text) {
    try { text ? sessionStorage.setItem(`sentinel.draft.${id}`, text) : sessionStorage.removeItem(`sentinel.draft.${id}`); } catch { /* as above */ }
  },
};

function say(name, detail) { window.dispatchEvent(new CustomEvent(`sentinel:${name}`, { detail })); }

/** By widget: what it had no answer to when it was taken away, and who had asked for it. */
const LEFT = new Map();

/**
 * What people asked for and the server has not yet answered.
 *
 * An answer can get lost, and a trigger of Streamlit be overtaken by the next one. All that is
 * unanswered is therefore sent again with whatever is asked next; the server does each only
 * once, by its id. One thing at a time is on its way, since the next may build on what it changes.
 *
 * `send` takes commands, and settles when they are answered; `name` is the widget's.
 */
class Outbox {
  constructor(name, send) {
    this.name = name;
    this.send = send;
    this.waiting = [];
    // Whoever goes may not hear the answers; what was sent already is done once all the same.
    this.leave = () => this.post(true);
    this.stay = (event) => { if (this.late()) event.preventDefault(); };
    window.addEventListener("pagehide", this.leave);
    window.addEventListener("beforeunload", this.stay);
  }
  push(command) {
    const made = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, ...command };
    if (!this.waiting.length) this.since = Date.now();
    this.waiting.push(made);
    this.post();
    return made;
  }
  /** Whether an answer is longer in coming than it should be. */
  overdue() { return this.waiting.length > 0 && Date.now() - this.posted > 2500; }
  /** Whether it is so much longer that people must be told: what is shown is not so yet. */
  late() { return this.waiting.length > 0 && Date.now() - this.since > 6000; }
  async post(last = false) {
    this.posted = Date.now();
    if (!this.waiting.length || (this.posting && !last)) return;
    const sent = [...this.waiting];
    this.posting = true;
    try { await this.send(sent); } finally { this.posting = false; }
    if (this.waiting.some((one) => !sent.includes(one))) this.post();
  }
  /** Whether one of these answers is waited for. */
  answers(answers) { return (answers ?? []).some((answer) => this.waiting.some((one) => one.id === answer.id)); }
  /** The answers that are news, each with the command it answers. */
  answered(answers) {
    const news = [];
    for (const answer of answers ?? []) {
      const command = this.waiting.find((one) => one.id === answer.id);
      if (command) news.push({ command, answer });
    }
    if (news.length) {
      this.waiting = this.waiting.filter((one) => !news.some(({ command }) => command === one));
      this.since = Date.now();
    }
    return news;
  }
  /**
   * Whom the page is of is known. Streamlit may have taken a widget of this name away while it waited
   * for answers: what that one asked for is asked for again, where it is the same person's.
   */
  begins(person, toast) {
    if (!person || this.person) return;
    this.person = person;
    const left = LEFT.get(this.name);
    LEFT.delete(this.name);
    if (!left) return;
    if (left.person !== person) { toast.show("Nothing was done: somebody else is signed in by now", { bad: true }); return; }
    this.waiting.unshift(...left.waiting);
    this.since = left.since;
    this.post();
  }
  close() {
    this.leave();
    if (this.waiting.length) LEFT.set(this.name, { waiting: this.waiting, since: this.since, person: this.person });
    window.removeEventListener("pagehide", this.leave);
    window.removeEventListener("beforeunload", this.stay);
  }
}

/**
 * Commands that Streamlit had and answered are taken from the widget's state: a dashboard that was
 * started again is told all of that, and does not know any more that they were carried out.
 */
function spent(api, answers) { if (answers.length) api.setStateValue("commands", []); }

const DONE = {
  acknowledge: "Acknowledged", unacknowledge: "Taken back", resolve: "Resolved", reopen: "Reopened", suppress: "Suppressed",
  unsuppress: "No longer suppressed", assign: "Assigned", comment: "Commented on", undo: "Undone:",
};

/** What an answer tells people, and whether it is bad news. */
function toldBy(command, answer) {
  if (answer.error) return { text: `Nothing was done: ${answer.error}`, bad: true };
  const parts = [];
  if (answer.done) parts.push(`${DONE[command.op]} ${plural(answer.done, "alert")}`);
  if (answer.unchanged) parts.push(`${answer.unchanged} ${answer.unchanged === 1 ? "was" : "were"} already so`);
  if (answer.conflicts.length) {
    parts.push(`${plural(answer.conflicts.length, "alert")} left alone, changed meanwhile: ${answer.conflicts[0].why}`);
  }
  if (answer.refused.length) parts.push(`${answer.refused.length} refused: ${answer.refused[0].why}`);
  if (answer.more) parts.push("more match than are done at once: do it again for the rest");
  if (answer.offer) parts.push(answer.offer);
  return { text: parts.join(" · ") || "Nothing to do", bad: Boolean(answer.conflicts.length || answer.refused.length || answer.more) };
}

/** Say once that what was done is not confirmed; gives whether that stands now. */
function worry(worried, outbox, toast) {
  if (worried || !outbox.late()) return worried;
  const n = outbox.waiting.length;
  toast.show(`Not confirmed yet: ${n === 1 ? "what you did last" : `${n} things you did`}. The dashboard does not answer; it is tried again as long as this page is open.`, { bad: true, stay: 3600000 });
  return true;
}

/**
 * A line at the bottom that says what was done and offers to take it back.
 *
 * The table and the drawer have one each. Only the last thing done is taken back by a key, whichever
 * of the two offers it.
 */
class Toast {
  constructor() {
    this.words = h("span");
    this.undo = h("button", { class: "undo", type: "button" }, "Undo ", h("kbd", {}, "U"));
    this.offers = h("div", { class: "offers", role: "group", "aria-label": "What is still bad (Z)" });
    this.offers.onkeydown = (event) => {
      const buttons = [...this.offers.children], here = buttons.indexOf(event.target);
      if (event.key === "ArrowRight") (buttons[here + 1] ?? buttons[0]).focus();
      else if (event.key === "ArrowLeft") (buttons[here - 1] ?? buttons.at(-1)).focus();
      else if (/^[1-9]$/.test(event.key)) buttons[Number(event.key) - 1]?.click();
      else if (event.key === "Escape") this.leave();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    this.element = h("div", { class: "toast", role: "status", "aria-live": "polite" }, this.words, this.offers, this.undo);
    this.older = (event) => { if (event.detail !== this && !this.undo.hidden) { this.back = null; this.hide(); } };
    window.addEventListener("sentinel:offered", this.older);
  }
  destroy() { window.removeEventListener("sentinel:offered", this.older); }
  show(text, { undo = null, bad = false, stay = 0, offer = [] } = {}) {
    this.words.textContent = text;
    this.offers.replaceChildren(...offer.map(([name, act], place) => h("button", { type: "button", onclick: () => { this.leave(); act(); } }, name, h("kbd", {}, place ? String(place + 1) : "Z"))));
    this.offers.hidden = !offer.length;
    this.element.classList.toggle("offering", offer.length > 0);
    this.back = undo;
    if (undo) say("offered", this);
    this.undo.hidden = !undo;
    this.undo.onclick = () => this.takeBack();
    this.element.classList.toggle("bad", bad);
    this.element.classList.add("on");
    this.wait(stay || (offer.length ? 30000 : bad ? 12000 : undo ? 9000 : 3500));
  }
  /** Not while somebody points at it or has the focus in it. */
  wait(length) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.element.matches(":hover, :focus-within") ? this.wait(2000) : this.hide()), length);
  }
  /** The keyboard goes to what is offered; false where nothing is. */
  choose() {
    const first = this.element.classList.contains("on") && this.offers.firstElementChild;
    if (!first) return false;
    this.before = first.getRootNode().activeElement;
    first.focus();
    return true;
  }
  /** Done with the offer; the keyboard goes back to where it was. */
  leave() {
    this.hide();
    this.before?.focus({ preventScroll: true });
    this.before = null;
  }
  hide() { this.element.classList.remove("on"); }
  takeBack() { const back = this.back; this.back = null; if (back) { this.hide(); back(); } return Boolean(back); }
}
