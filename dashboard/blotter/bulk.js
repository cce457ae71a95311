// The bar below the table: one comment and one action for all selected alerts.

/** Minutes until 08:00 tomorrow in the viewer's time zone. */
function untilTomorrow() {
  const then = new Date();
  then.setDate(then.getDate() + 1);
  then.setHours(8, 0, 0, 0);
  return Math.max(1, Math.round((then - Date.now()) / 60000));
}
/** Minutes from `45m`, `2h`, `3d`, or until the next `06:30` in the viewer's time zone; null for anything else. */
function minutesOf(text) {
  const [, many, unit] = /^(\d{1,4}) ?([mhd])$/.exec(text.toLowerCase()) ?? [];
  const [, hour, minute] = /^(?:until )?(\d{1,2}):(\d{2})$/.exec(text.toLowerCase()) ?? [];
  if (many) return Math.min(366 * 1440, many * { m: 1, h: 60, d: 1440 }[unit]) || null;
  if (!hour || hour > 23 || minute > 59) return null;
  const then = new Date();
  then.setHours(hour, minute, 0, 0);
  if (then <= Date.now()) then.setDate(then.getDate() + 1);
  return Math.max(1, Math.round((then - Date.now()) / 60000));
}
/** The choices after a resolve whose condition still holds: suppress the alert for a while, or let it reopen. */
function snoozes(snooze) {
  return [
    ["Snooze 1 h", () => snooze(60)], ["4 h", () => snooze(240)],
    ["Until tomorrow 08:00", () => snooze(untilTomorrow())], ["Don't snooze", () => {}],
  ];
}
const ASKED = { acknowledge: "Acknowledge", unacknowledge: "Unacknowledge", resolve: "Resolve", suppress: "Suppress", assign: "Assign", comment: "Comment on", escalate: "Escalate", mark_noise: "Mark as noise" };
/** Reasons that a mark as noise offers; any other may be typed. */
const NOISE_REASONS = ["Flapping", "Not actionable", "Duplicate", "Threshold too low", "Planned work"];
const SPANS = [[30, "30 minutes"], [60, "1 hour"], [240, "4 hours"], [1440, "1 day"], [10080, "1 week"]];

class Bulk {
  constructor(blotter) {
    this.blotter = blotter;
    this.words = h("strong");
    this.more = h("button", { class: "plain", type: "button", onclick: () => { blotter.everything = true; this.paint(); } });
    this.comment = h("input", { class: "note", type: "text", maxlength: "2000", placeholder: "Comment for the selected alerts (C)", "aria-label": "Comment for the next action" });
    this.comment.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Escape") { this.composing = false; blotter.grid.focus(); this.paint(); }
      if (event.key === "Enter" && this.comment.value.trim()) { event.preventDefault(); this.go(event.ctrlKey || event.metaKey ? "acknowledge" : "comment"); }
    };
    this.comment.onblur = () => { if (this.composing && !this.comment.value) { this.composing = false; this.paint(); } };
    this.menu = h("div", { class: "menu", role: "menu" });
    const button = (op, name, key, act) => h("button", { class: `button${op === "acknowledge" ? " main" : ""}`, type: "button", "data-bulk": op, onclick: act }, icon(op), h("span", { class: "long" }, name), h("kbd", {}, key));
    this.element = h("div", { class: "bulk", role: "toolbar", "aria-label": "Actions for the selected alerts" },
      this.words, this.more,
      button("acknowledge", "Acknowledge", "A", () => this.go("acknowledge")),
      button("resolve", "Resolve", "E", () => this.go("resolve")),
      button("suppress", "Suppress", "S", () => this.suppress()),
      button("assign", "Assign", "M", () => this.assign()),
      this.comment,
      button("comment", "Comment", "C", () => this.compose(true)),
      h("button", { class: "button quiet", type: "button", "data-bulk": "clear", onclick: () => blotter.clear() }, icon("close"), h("span", { class: "long" }, "Clear"), h("kbd", {}, "Esc")),
      this.menu);
  }
  typing() { return this.comment.value !== "" || this.composing; }
  take() {
    const text = this.comment.value.trim();
    this.comment.value = "";
    this.composing = false;
    this.close();
    return text;
  }
  /** All that match may be very many: that needs a confirmation. */
  go(op, more = {}) {
    const { blotter } = this;
    if (!blotter.everything) return blotter.act(op, more);
    this.choose(`${ASKED[op]} all that match?`, [
      ["Yes, all of them", () => blotter.act(op, more)], ["No", () => {}],
    ]);
  }
  compose(press = false) {
    if (this.idle()) return;
    if (press && this.comment.value.trim()) return this.go("comment");
    this.composing = true;
    this.paint();
    this.comment.focus();
  }
  /** Nothing is selected and no row has the cursor: an action would have no alert. */
  idle() { return !this.blotter.everything && !this.blotter.targets().length; }
  suppress(ids = null) {
    if (!ids && this.idle()) return;
    const act = (minutes) => (ids ? this.blotter.act("suppress", { ids, minutes }) : this.go("suppress", { minutes }));
    const typed = this.typed({ placeholder: "45m, 2h, 3d, until 06:30", "aria-label": "Suppress for", maxlength: "12" }, (text) => {
      const minutes = minutesOf(text);
      if (minutes) { this.close(); act(minutes); } else typed.select();
    });
    this.choose("Suppress for", SPANS.map(([minutes, name]) => [name, () => act(minutes)]), typed);
  }
  noise() {
    if (this.idle()) return;
    const written = this.comment.value.trim();
    if (written) return this.go("mark_noise");
    const typed = this.typed({ maxlength: "200", placeholder: "Another reason", "aria-label": "Why it is noise" }, (why) => { this.close(); this.marks(why); });
    this.choose("Mark as noise, since", NOISE_REASONS.map((why) => [why, () => this.marks(why)]), typed);
  }
  marks(why) { this.comment.value = why; this.go("mark_noise"); }
  /** A text field in a menu; Enter takes its text. */
  typed(props, take) {
    const field = h("input", { type: "text", ...props });
    field.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && field.value.trim()) take(field.value.trim());
      if (event.key === "Escape") { this.close(); this.blotter.grid.focus(); }
    };
    return field;
  }
  assign() {
    if (this.idle()) return;
    const { blotter } = this;
    const names = [...new Set([blotter.me, ...blotter.data.people])].slice(0, 8);
    const typed = this.typed({ maxlength: "100", placeholder: "Another person", "aria-label": "Assign to" }, (assignee) => this.go("assign", { assignee }));
    this.choose("Assign to", [...names.map((name) => [name === blotter.me ? `Me (${name})` : name, () => this.go("assign", { assignee: name })]), ["Nobody", () => this.go("assign", { assignee: "" })]], typed);
  }
  choose(title, choices, extra = null) {
    this.choices = choices;
    this.menu.replaceChildren(h("div", { class: "menu-title" }, title),
      ...choices.map(([name, act], place) => h("button", { type: "button", role: "menuitem", onclick: () => { this.close(); this.blotter.grid.focus({ preventScroll: true }); act(); } }, name, h("kbd", {}, place < 9 ? String(place + 1) : ""))), extra ?? "");
    this.menu.classList.add("on");
    this.paint();
    this.menu.querySelector("button")?.focus();
    this.menu.onkeydown = (event) => {
      if (event.target.matches("input")) return;
      const buttons = [...this.menu.querySelectorAll("button")], here = buttons.indexOf(event.target);
      if (event.key === "Escape") { this.close(); this.blotter.grid.focus(); }
      else if (event.key === "ArrowDown" || event.key === "j") (buttons[here + 1] ?? buttons[0]).focus();
      else if (event.key === "ArrowUp" || event.key === "k") (buttons[here - 1] ?? buttons.at(-1)).focus();
      else if (/^[1-9]$/.test(event.key)) buttons[Number(event.key) - 1]?.click();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
  }
  close() { this.menu.classList.remove("on"); this.choices = null; }
  paint() {
    const { blotter } = this;
    const n = blotter.chosen.size;
    const on = mayAct() && (n > 0 || this.typing() || Boolean(this.choices));
    blotter.element.classList.toggle("viewing", !mayAct());
    this.element.classList.toggle("on", on);
    blotter.element.classList.toggle("acting", on);
    this.words.textContent = blotter.everything ? "All that match" : n ? `${n} selected` : "This alert";
    const beyond = blotter.data?.more && n > 0 && n >= blotter.order.length && !blotter.everything;
    this.more.hidden = !beyond;
    if (beyond) this.more.replaceChildren("Select all that match ", h("kbd", {}, "*"));
  }
}
