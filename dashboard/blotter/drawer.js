// Everything about one alert, on the right of any page; the list stays usable.

const KINDS = { opened: "opened", reopened: "opened", escalated: "opened", acknowledged: "acknowledged", resolved: "resolved" };
const outward = (url, ...words) => h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...words, " ↗");
const when = (at, now) => h("time", { datetime: new Date(at).toISOString(), title: moment(at) }, `${span(now - at)} ago`);

/** Names that a search reads as a field and not as a label; see sentinel/store/alerts/search_syntax.py. */
const FIELDS = new Set(["rule", "severity", "status", "category", "team", "assignee", "tenant"]);

/** What is painted of the data: the live API and Streamlit send the same, each with fields of its own. */
const signatureOf = ({ live_api, answers, turn, ...shown }) => JSON.stringify(shown);

class Drawer {
  constructor(root) {
    this.element = root.querySelector(".drawer");
    this.live = new LiveApi();
    this.outbox = new Outbox("drawer", (commands) => this.send(commands));
    this.ahead = new Map();  // commands whose change is not in what is shown: id -> answered
    this.grave = new WeakSet();  // commands for critical alerts; another may be shown when they are answered
    this.toast = new Toast();
    this.comment = h("textarea", { rows: "2", maxlength: "2000", placeholder: "Comment for the timeline (Ctrl Enter)", "aria-label": "Comment" });
    this.comment.oninput = () => drafts.set(this.id, this.comment.value);
    this.comment.onkeydown = (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.act("comment"); }
      if (event.key === "Escape") this.comment.blur(), this.element.focus();
      event.stopPropagation();
    };
    this.menu = h("div", { class: "menu", role: "menu" });
    this.doing = h("div", { class: "doing" });
    this.top = h("div", { class: "about" });
    this.rest = h("div", { class: "rest" });
    this.element.append(
      h("div", { class: "bar" }, h("span", { class: "what" }, "Alert"),
        h("button", { type: "button", class: "plain copy", onclick: () => this.copy() }, icon("link"), "Copy link"),
        h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => this.close() }, icon("close"), "Close ", h("kbd", {}, "Esc"))),
      this.top, this.doing, this.menu, this.comment, this.rest, this.toast.element);
    this.listeners = [
      ["sentinel:open", (event) => this.open(event.detail.id, event.detail.row)],
      ["sentinel:close", () => this.close()],
      ["sentinel:undo", () => this.toast.undoLast()],
      ["sentinel:choose", () => this.toast.choose()],
      ["sentinel:pulse", (event) => this.pulse(event.detail)],
    ];
    for (const [name, listener] of this.listeners) window.addEventListener(name, listener);
    this.keyed = (event) => {
      if (!this.id || event.defaultPrevented || event.composedPath()[0].matches?.("input, textarea, select")) return;
      if (event.key === "Escape") this.close();
      else if (event.key === "E" && event.shiftKey && this.data?.alert?.status === "resolved") { event.preventDefault(); this.act("reopen"); }
      else if (event.key === "z" && this.toast.choose()) event.preventDefault();
      else if (event.key === "u" && this.toast.undoLast()) event.preventDefault();
    };
    document.addEventListener("keydown", this.keyed);
    this.timer = setInterval(() => { this.warned = warnIfLate(this.warned, this.outbox, this.toast); }, 1000);
  }
  destroy() {
    this.destroyed = true;
    clearInterval(this.timer);
    this.toast.destroy();
    this.outbox.close();
    for (const [name, listener] of this.listeners) window.removeEventListener(name, listener);
    document.removeEventListener("keydown", this.keyed);
    delete document.documentElement.dataset.drawer;
    delete document.documentElement.dataset.alert;
  }
  /** As in the table: a missed answer is asked for again. */
  pulse({ number }) {
    const missing = (this.id ?? "") !== (this.data?.id ?? "") || (this.id && number !== this.data?.number);
    if (this.outbox.overdue()) this.outbox.post();
    else if (missing && this.id && !this.outbox.posting) this.ask();
  }
  async ask() {
    const { id } = this, done = [...this.ahead].filter(([, answered]) => answered).map(([command]) => command);
    try {
      const answer = await this.live.json("alert", { params: { id } });
      if (this.destroyed || this.id !== id) return;
      for (const command of done) this.ahead.delete(command);
      this.update({ ...this.data, ...answer, answers: [] });
    } catch (error) { if (!this.destroyed && !error.signedOut) this.streamlit.setStateValue("wanted", Date.now()); }
  }
  async send(commands) {
    try {
      const { answers } = await this.live.act(commands, null);
      if (this.destroyed) return;
      this.handle(answers);
      if (this.id) await this.ask();
    } catch (error) {
      if (error.signedOut) { this.handle(refusals(commands, error)); this.paint(); } else this.streamlit.setStateValue("commands", commands);
    }
  }
  /** Show the alert at once with the row's data; the rest comes a moment later. */
  open(id, row) {
    if (id !== this.id) this.ahead.clear();
    this.id = id;
    this.row = row;
    this.streamlit.setStateValue("open", id);
    this.paint();
    this.ask();
  }
  close() {
    if (!this.id) return;
    this.id = null;
    this.streamlit.setStateValue("open", "");
    this.paint();
  }
  /** Data from a run of the page's script. */
  receive(data) {
    const person = this.live.receive(data.live_api);
    const late = this.data && data.turn === this.data.turn && data.id !== (this.id ?? "");
    if (late) this.handle(data.answers);
    else this.update(data);
    this.outbox.begins(person, this.toast);
  }
  update(data) {
    const first = !this.data;
    const was = this.data;
    this.data = data;
    const turned = first || data.turn !== was.turn;
    if (turned) {
      this.id = data.id || null;
      this.row = null;
      if (!first) this.streamlit.setStateValue("open", data.id);
    }
    this.handle(data.answers);
    for (const answer of data.answers) this.ahead.delete(answer.id);
    if (turned || signatureOf(was) !== signatureOf(data)) this.paint();
  }
  handle(answers) {
    for (const { command, answer } of this.outbox.answered(answers)) {
      const summary = summaryOf(command, answer);
      if (this.ahead.has(command.id)) this.ahead.set(command.id, true);
      this.warned = false;
      this.toast.show(summary.text, {
        problem: summary.problem, undo: answer.undo ? () => this.undo(command.id) : null,
        stay: answer.undo ? undoStays(command.op, this.grave.has(command)) : 0,
        offer: answer.offer ? snoozes((minutes) => this.outbox.push({ op: "suppress", of: command.id, items: [], minutes })) : [],
      });
      if (command.comment && answer.error) { this.comment.value = command.comment; drafts.set(this.id, command.comment); }
      emit("changed");
    }
  }
  paint() {
    const on = Boolean(this.id);
    this.element.classList.toggle("on", on);
    this.element.inert = !on;
    if (on) document.documentElement.dataset.drawer = "open";
    else delete document.documentElement.dataset.drawer;
    document.documentElement.dataset.alert = this.id ?? "";  // for a table that is made after it
    emit("drawer", this.id);
    if (!on) { this.menu.classList.remove("on"); return; }
    if (this.painted !== this.id) {
      this.painted = this.id;
      this.comment.value = drafts.get(this.id);
      this.element.scrollTop = 0;
      this.menu.classList.remove("on");
    }
    const alert = this.data?.id === this.id ? this.data.alert : null;
    const shown = alert ?? this.row;
    if (!shown) {
      this.top.replaceChildren(h("p", { class: "missing" }, this.data?.id === this.id && this.data.problem ? this.data.problem : "Loading …"));
      this.comment.hidden = true;
      this.doing.replaceChildren();
      this.rest.replaceChildren();
      return;
    }
    this.comment.hidden = !mayAct();
    this.paintDoing(shown);
    keepingOpen(this.element, this.id, () => {
      this.paintTop(shown, alert);
      this.rest.replaceChildren(...(alert ? this.paintRest(alert) : [h("p", { class: "small" }, "Loading …")]));
    });
  }
  paintTop(shown, alert) {
    const severity = SEVERITY[shown.rank];
    const links = (alert?.links ?? []).map(([name, url]) => outward(url, name));
    this.top.replaceChildren(
      h("div", { class: "badges" }, h("span", { class: `sev-${severity}` }, h("span", { class: "sev" }, shown.word)), badge(shown.status, shown.status)),
      h("h2", { tabindex: "-1" }, shown.title),
      ...(shown.description ? longText(shown.description) : []),
      links.length ? h("p", { class: "links" }, links) : "");
  }
  paintDoing(shown) {
    if (!mayAct()) { this.doing.replaceChildren(); return; }
    const { status } = shown, closed = status === "resolved" || status === "pending";
    const backs = ["unacknowledge", "reopen", "unmark_noise"];
    const button = (op, name, kind = "", press = () => this.act(op)) => h("button", { type: "button", class: `button ${kind}`, "data-op": op, onclick: press }, icon(backs.includes(op) ? "takeback" : op), name);
    // Only once the alert is read is it known whether it is in an incident.
    const known = this.data?.alert, mine = known?.incident;
    const incident = known?.id === this.id ? [h("a", { class: "button", href: `${this.base()}/incidents?${mine ? `incident=${mine.id}` : `from=${this.id}`}`, target: "_self", title: mine ? `${mine.title} (${mine.status})` : "" }, icon("open"), mine ? "Incident" : "Open an incident")] : [];
    this.doing.replaceChildren(...(closed ? (status === "resolved" ? [button("reopen", "Reopen")] : []) : [
      shown.by ? button("unacknowledge", "Unacknowledge") : button("acknowledge", "Acknowledge", "main"),
      button("resolve", "Resolve"),
      status === "suppressed" ? button("unsuppress", "End suppression") : button("suppress", "Suppress", "", () => this.choose("Suppress for", SPANS.map(([minutes, name]) => [name, () => this.act("suppress", { minutes })]))),
      shown.assignee === this.data.me ? button("assign", "Unassign", "", () => this.act("assign", { assignee: "" })) : button("assign", "Assign to me", "", () => this.act("assign", { assignee: this.data.me })),
      ...(status === "suppressed" ? [] : [button("escalate", "Escalate")]),
      h("a", { class: "button", href: `${this.base()}/silences?from=${this.id}`, target: "_self" }, icon("suppress"), "Silence"),
    ]), ...(status === "pending" ? [] : [
      ...incident,
      button("comment", "Comment"),
      shown.noise ? button("unmark_noise", "Not noise") : button("mark_noise", "Mark as noise", "", () => this.noise()),
    ]));
  }
  /** The comment that is written is the reason; without one, reasons are offered. */
  noise() {
    if (this.comment.value.trim()) return this.act("mark_noise");
    this.choose("Mark as noise, since", [...NOISE_REASONS.map((why) => [why, () => this.act("mark_noise", { comment: why })]), ["Another reason …", () => this.comment.focus()]]);
  }
  choose(title, choices) {
    this.menu.replaceChildren(h("div", { class: "menu-title" }, title), ...choices.map(([name, act]) => h("button", { type: "button", role: "menuitem", onclick: () => { this.menu.classList.remove("on"); act(); } }, name)));
    this.menu.classList.add("on");
    this.menu.querySelector("button").focus();
  }
  paintRest(alert) {
    const now = Date.now(), facts = [];
    const fact = (name, ...value) => { if (value.flat(Infinity).some((one) => one)) facts.push(h("dt", {}, name), h("dd", {}, value)); };
    fact("Value", alert.value);
    fact("Started", alert.started ? when(alert.started, now) : "");
    fact("Opened", alert.opened ? when(alert.opened, now) : "");
    fact("Last firing", when(alert.lastFiring, now));
    fact("Occurrences", alert.count > 1 ? alert.count.toLocaleString("en") : "");
    fact("Rule", h("a", { href: `${this.base()}/rules?rule=${encodeURIComponent(alert.rule)}`, target: "_self" }, alert.rule), h("span", { class: "and" }, "·"), this.asks(`rule:${alert.rule}`, {}, "live alerts of this rule"));
    fact("Category", alert.category);
    fact("Team", alert.team);
    fact("Owner", ownerOf(alert));
    fact("Acknowledged", alert.acknowledged ? [when(alert.acknowledged, now), ` by ${alert.by}`] : "");
    fact("Suppressed", alert.status === "suppressed" ? `until ${moment(alert.until)}${alert.why ? `: ${alert.why}` : ""}` : "");
    fact("Noise", alert.noise);
    fact("Resolved", alert.resolved ? [when(alert.resolved, now), ` ${alert.resolvedBy ? `by ${alert.resolvedBy}` : alert.resolutionText}`] : "");
    fact("Annotations", alert.annotations.map(([name, text]) => h("div", {}, h("b", {}, `${name}: `), text.includes("\n") ? longText(text) : text)));
    fact("ID", h("code", {}, alert.id));
    const { readings } = this.data, labels = Object.entries(alert.labels);
    return [
      ...(labels.length ? [h("h3", {}, "Labels"), h("div", { class: "labelled" }, labels.map(([name, value]) => this.label(name, value)))] : []),
      ...(readings ? [h("h3", {}, "Readings", readings.unit ? h("small", {}, ` in ${readings.unit}`) : ""), chart(readings, alert, this.data.timeline, readings.until)] : []),
      ...this.paintRemediation(this.data.remediation, alert),
      h("h3", {}, "Timeline"), h("ol", { class: "timeline" }, this.data.timeline.map((step) => this.step(step, now))),
      ...(this.data.escalations?.length ? [h("h3", {}, "Escalation"), ...this.data.escalations.flatMap((one) => [h("p", { class: "small" }, one.text), h("ul", { class: "outcomes" }, one.pages.map((page) => h("li", {}, page))), ...(one.next.length ? [h("p", { class: "small" }, "Next:"), h("ul", { class: "outcomes next" }, one.next.map((page) => h("li", {}, page)))] : [])])] : []),
      ...(this.data.onCall ? [h("h3", {}, "On call now"), h("p", { class: "small oncall" }, this.data.onCall)] : []),
      h("h3", {}, "Notifications"), ...(this.data.why ? [h("p", { class: "small why" }, this.data.why)] : []), this.paintNotifications(this.data.notifications ?? [], now), this.paintOutcomes(this.data, now),
      ...(this.data.orchestration?.length ? [h("h3", {}, "Orchestration"), h("ul", { class: "outcomes orchestration" }, this.data.orchestration.map((one) => h("li", {}, one)))] : []),
      h("h3", {}, "Details"), h("dl", { class: "facts" }, facts),
      ...(alert.details.length ? [h("h3", {}, "Payload"), payload(alert.details)] : []),
      ...(this.data.related?.length ? [h("h3", {}, "Related alerts"), h("ul", { class: "similar related" }, this.data.related.map((one) => h("li", {},
        h("button", { type: "button", class: "plain", onclick: () => this.open(one.id) }, h("span", { class: `sev-${SEVERITY[one.rank]}` }, h("span", { class: "sev" }, SHORT[SEVERITY[one.rank]])), one.title),
        h("small", {}, `${one.status} · ${one.seconds ? `${span(Math.abs(one.seconds) * 1000)} ${one.seconds > 0 ? "later" : "earlier"}` : "at the same time"} · ${one.reasons.join("; ")}`))))] : []),
      h("h3", {}, "Similar alerts"),
      this.data.similar.length
        ? h("ul", { class: "similar" }, this.data.similar.map((one) => h("li", {},
          h("button", { type: "button", class: "plain", onclick: () => this.open(one.id) }, h("span", { class: `sev-${SEVERITY[one.rank]}` }, h("span", { class: "sev" }, SHORT[SEVERITY[one.rank]])), one.title),
          h("small", {}, when(one.at, now), ` · duration ${span(one.seconds * 1000)} · ${one.by ? `${one.resolutionText} (${one.by})` : one.resolutionText}${one.same ? " · same labels" : ""}`),
          one.comment ? h("blockquote", {}, one.comment) : "")))
        : h("p", { class: "small" }, "No similar alert has been resolved yet. The comments on this one will be shown with the next."),
    ];
  }
  /** Who was notified when, and for what reason a channel was not. */
  paintNotifications(notifications, now) {
    if (!notifications.length) return h("p", { class: "small" }, "None: the alert has not opened yet, or its notifications are past their retention.");
    return h("ul", { class: "notifications" }, notifications.map((one) => h("li", {},
      one.hidden ? h("b", {}, "A group with alerts out of your reach") : [h("b", {}, one.channel || "Nobody"), one.receiver === "default" || !one.channel ? "" : ` for ${one.receiver}`, " · "], one.hidden ? "" : one.at ? ["notified ", when(one.at, now), one.unnamed ? " of other alerts of the group" : ""] : "not notified yet",
      h("small", {}, one.due ? `due now: ${one.reasonText}` : one.reasonText, one.next > now ? `; next check ${moment(one.next)}` : "", one.error ? h("span", { class: "trouble" }, ` ${one.error}`) : ""))));
  }
  /** What came of the decisions so far: sent or not, and why. */
  paintOutcomes(data, now) {
    if (!data.outcomes?.length) return "";
    const { outcomes } = data;
    return h("details", { class: "whole", open: this.outcomesOpen, ontoggle: (event) => { this.outcomesOpen = event.target.open; } }, h("summary", {}, "Every outcome"), h("ul", { class: "outcomes" }, outcomes.map((one) => h("li", {},
      when(one.at, now), one.channel ? [" · ", h("b", {}, one.channel)] : "", h("small", {}, one.text)))));
  }
  /** What the rule runs to mend it: how it stands, what it changed, and the buttons of who may decide. */
  paintRemediation(one, alert) {
    if (!one) return [];
    const decides = one.waits && mayAct() && ["open", "acknowledged", "suppressed"].includes(alert.status);
    const button = (name, approve) => h("button", { type: "button", class: `button ${approve ? "main" : ""}`, disabled: this.deciding, onclick: () => this.decide(approve) }, name);
    return [h("h3", {}, "Remediation"), h("div", { class: "remediation" }, h("b", {}, one.deployment), h("p", { class: "small" }, localized(one.text), one.run ? [" · ", outward(one.run, "run")] : ""),
      one.outcome.length ? h("ul", { class: "outcomes" }, one.outcome.map((line) => h("li", {}, line))) : "",
      decides ? h("div", { class: "decides" }, button("Approve", true), button("Reject", false)) : "")];
  }
  /** The comment that is written is the reason. A decision is sent once: a second one would be refused. */
  async decide(approve) {
    const { id } = this;
    if (this.deciding) return;
    this.deciding = true;
    this.paint();
    try {
      const { error } = await this.live.decide(id, approve, this.comment.value.trim().slice(0, 500));
      if (!error) { drafts.set(id, ""); if (this.id === id) this.comment.value = ""; }
      this.toast.show(error || (approve ? "Approved: it starts within a minute" : "Rejected: it does not run"), { problem: Boolean(error) });
    } catch (error) { this.toast.show(`It is not known whether this arrived: ${error.message}`, { problem: true }); }
    this.deciding = false;
    if (this.destroyed) return;
    emit("changed");
    this.paint();
    if (this.id === id) await this.ask();
  }
  step(step, now) {
    return h("li", { class: `step ${KINDS[step.kind] ?? ""}` },
      h("div", {}, step.actor ? [h("b", {}, step.actor), " · "] : "", step.reasonText || step.kind, step.value ? ` at ${step.value}` : "", " ", step.run ? outward(step.run, "run") : ""),
      step.comment ? h("blockquote", {}, commentOf(step)) : "",
      h("small", {}, when(step.at, now)));
  }
  act(op, more = {}) {
    if (!mayAct()) return;
    const shown = this.data?.id === this.id ? this.data.alert : this.row;
    const comment = this.comment.value.trim();
    if (op === "comment" && !comment) { this.comment.focus(); return; }
    // A command on its way raises the version before that is shown: two quick steps are no conflict.
    const command = this.outbox.push({ op, items: [[this.id, shown.version + this.ahead.size]], comment, ...more });
    this.ahead.set(command.id, false);
    if (shown.rank === 5) this.grave.add(command);
    this.comment.value = "";
    drafts.set(this.id, "");
    this.toast.show(`${DONE[op]} …`.replace("on …", "…"));
  }
  undo(id) {
    this.ahead.set(this.outbox.push({ op: "undo", of: id, items: [] }).id, false);
  }
  /** Where the dashboard's pages are. */
  base() { return this.live.path.replace(/\/[^/]*$/, ""); }
  /** A link to the live alerts that match; on the Live page itself it sets the filter. */
  asks(q, props, ...words) {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      const asked = new CustomEvent("sentinel:filter", { detail: { q }, cancelable: true });
      if (!window.dispatchEvent(asked)) event.preventDefault();
    };
    return h("a", { href: `${this.base()}/?q=${encodeURIComponent(q)}`, target: "_self", onclick: press, ...props }, ...words);
  }
  /** A label that links to the live alerts with the same label; some values cannot be searched for. */
  label(name, value) {
    const words = [h("b", {}, `${name}=`), value];
    if (!/^[a-z_][\w.-]*$/i.test(name) || FIELDS.has(name.toLowerCase()) || !value || value.includes('"') || value.startsWith("//")) return h("span", { class: "label" }, words);
    return this.asks(/\s/.test(value) ? `${name}:"${value}"` : `${name}:${value}`, { class: "label", title: "Live alerts with this label" }, words);
  }
  copy() {
    const link = `${location.origin}${this.base()}/?alert=${this.id}`;
    navigator.clipboard?.writeText(link).then(() => this.toast.show("Link copied"), () => this.toast.show(link));
  }
}

const DRAWERS = new WeakMap();

export default function drawer(component) {
  const { parentElement, data } = component;
  let made = DRAWERS.get(parentElement);
  if (!made) { made = new Drawer(parentElement); DRAWERS.set(parentElement, made); }
  made.streamlit = component;
  made.receive(data);
  dropAnswered(component, data.answers);
  return () => { made.destroy(); DRAWERS.delete(parentElement); };
}
