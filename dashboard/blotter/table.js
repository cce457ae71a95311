// The table: what is shown, what is selected, where the cursor is, what arrives.

const EMPTY_VIEW = { q: "", severity: [], mine: false, suppressed: false, sort: "", group: "", limit: 500 };
const SEEN_FIRST = 60; // as many rows as a large screen shows
class Blotter {
  constructor(root) {
    this.element = root.querySelector(".blotter");
    this.rows = new Map();      // as the server last sent them
    this.overlay = new Map();   // id -> commands on their way: {become, steps, command}
    this.conflicts = new Map(); // id -> what somebody else did
    this.nodes = new Map();
    this.unwritten = new Set(); // ids whose element is still empty
    this.order = [];            // ids as they stand on the screen
    this.chosen = new Set();
    this.everything = false;    // all that match, also those not loaded
    this.touched = new Map();   // command -> its ids, for what an undo brings back
    this.known = new Map();     // id -> the severity it was last shown with, to announce what is new
    this.folded = new Set();
    this.cursor = null; this.anchor = null; this.open = document.documentElement.dataset.alert || null;
    this.view = { ...EMPTY_VIEW };
    this.paused = false;
    this.pointed = 0;
    this.skew = 0;
    this.dense = remembered.get("dense", true);
    this.live = new LiveApi();
    this.outbox = new Outbox("blotter", (commands) => this.send(commands));
    this.toast = new Toast();
    buildFrame(this);
    this.bulk = new Bulk(this);
    this.element.append(this.bulk.element, this.toast.element);
    bindPointer(this);
    this.unbindKeys = bindKeys(this);
    this.listeners = [
      ["sentinel:pulse", (event) => this.pulse(event.detail)],
      ["sentinel:changed", () => this.ask()],
      ["sentinel:drawer", (event) => this.drawer(event.detail)],
      ["sentinel:trouble", () => { if (this.data && !this.order.length) this.layout(); }],
      ["sentinel:filter", (event) => {
        event.preventDefault();  // a link need not load another page for it
        this.search.value = event.detail.q;
        this.setView({ severity: [], mine: false, ...event.detail });
      }],
    ];
    for (const [name, listener] of this.listeners) window.addEventListener(name, listener);
    this.timer = setInterval(() => this.tick(), 1000);
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(document.documentElement);
    this.fit();
  }
  destroy() {
    this.destroyed = true;
    clearInterval(this.timer); this.resize.disconnect();
    this.outbox.close(); this.unbindKeys();
    this.alarm.destroy(); this.toast.destroy();
    for (const [name, listener] of this.listeners) window.removeEventListener(name, listener);
  }
  /** The grid takes what is left of the window's height. */
  fit() {
    const top = this.grid.getBoundingClientRect().top + (document.querySelector(".stMain")?.scrollTop ?? 0);
    const room = Math.max(260, window.innerHeight - Math.max(0, top) - 14);
    this.grid.style.height = `${room}px`;
  }

  // ---- data from the server
  pulse({ number, now }) {
    this.skew = now - Date.now();
    this.fit();  // a note above the table may have appeared or gone
    const news = number !== null && number !== this.number && !this.paused;
    if (this.outbox.overdue()) this.outbox.post();
    else if (news || this.data?.problem || !this.settledView()) this.ask(number);
  }
  /** Ask for the rows; a missed answer is asked for again at the next heart-beat. */
  async ask(number = this.number) {
    if (this.asking) { this.again = true; return; }
    this.asking = true;
    const { view, updates } = this;
    try {
      const answer = await this.live.rows(view, number, this.tagOf(view));
      if (this.destroyed) return;
      // A command sent meanwhile was answered with newer rows than these.
      if (this.updates !== updates && answer.number < this.number) this.again = true;
      else if (answer.same) this.number = answer.number;
      else this.update(answer);
    } catch (error) { if (!this.destroyed && !error.signedOut) this.streamlit.setStateValue("wanted", Date.now()); } finally {
      this.asking = false;
      if (this.again && !this.destroyed) { this.again = false; this.ask(); }
    }
  }
  async send(commands) {
    const { view } = this;
    try {
      const answer = await this.live.act(commands, view);
      // Where another view is shown by now, its rows show what the command did.
      if (!this.destroyed) { this.update(answer); if (view !== this.view) this.ask(); }
    } catch (error) {
      if (error.signedOut) this.update({ ...this.data, answers: refusals(commands, error) });
      else this.streamlit.setStateValue("commands", commands);
    }
  }
  /** Data from a run of the page's script. */
  receive(data) {
    const person = this.live.receive(data.live_api);
    const old = this.data && data.turn === this.turn && data.number < this.number;
    if (!old || this.outbox.answers(data.answers)) this.update(data);
    this.outbox.begins(person, this.toast);
  }
  /** The tag of what is shown, where that is of this view. */
  tagOf(view) { return this.data?.tag && this.data.view === view ? this.data.tag : ""; }
  update(data) {
    const first = !this.data;
    const answered = this.outbox.answered(data.answers);
    const turned = !first && data.turn !== undefined && data.turn !== this.turn;
    // A late answer for an earlier view: its answers count, but it takes no selection away.
    if (!first && !turned && this.chosen.size && askedOf(data.view) !== askedOf(this.view)) data = this.data;
    this.turn = data.turn ?? this.turn;
    this.updates = (this.updates ?? 0) + 1;
    this.data = data;
    this.number = data.number;
    this.me = data.me;
    if (first || turned) this.view = { ...EMPTY_VIEW, ...data.view };
    // A saved view was opened: it replaces the view of the browser.
    if (turned) { this.search.value = this.view.q; this.streamlit.setStateValue("view", this.view); }
    for (const { command, answer } of answered) this.handle(command, answer);
    const before = this.rows, asked = askedOf(data.view), same = !first && asked === this.asked, whole = same && !this.crowded;
    Object.assign(this, { asked, crowded: data.more });
    this.rows = new Map(data.rows.map((row) => [row.id, row]));
    const mine = answered.length > 0;
    const ours = new Set(answered.flatMap(({ command }) => this.touched.get(command.of ?? command.id) ?? []));
    const news = newlyFiring(data.rows, this.known, { same: whole, since: Date.now() + this.skew - NEW_FOR }).filter((row) => !ours.has(row.id));
    for (const id of [...this.chosen]) {
      if (this.rows.has(id)) continue;
      // Others pushed it out, it was not resolved: it stays selected, and its version guards it.
      if (same && isBeyond(before.get(id), data)) this.rows.set(id, before.get(id));
      else this.chosen.delete(id);
    }
    for (const [id, on] of [...this.overlay]) {
      if (!this.outbox.waiting.some((one) => one.id === on.command)) this.overlay.delete(id);
    }
    if (!first && news.length) this.alarm.announce(news);
    if (first || turned || mine || this.settled !== JSON.stringify(data.view) || !this.busy()) {
      this.layout({ hold: mine && !first && this.busy(true), ours });
    } else this.refresh();
    this.settled = JSON.stringify(data.view);
    if (this.back) this.back = reveal(this, this.back) ?? (this.open && this.show(this.cursor));
    paintChrome(this);
  }
  handle(command, answer) {
    const summary = summaryOf(command, answer);
    for (const { id, why } of answer.conflicts) this.conflicts.set(id, why);
    for (const { id, why } of answer.refused) this.conflicts.set(id, why);
    if (command.op === "undo" && command.of === this.stood?.[0]) this.back = this.cursor = this.stood[1];
    for (const [id, on] of [...this.overlay]) {
      // The row that came with the answer includes this step; others may still be on their way.
      on.steps = on.steps.filter((step) => step.command !== command.id);
      if (on.command === command.id) this.overlay.delete(id);
    }
    if (summary.problem || answer.unchanged || answer.offer || command.all || command.of || this.warned || !this.toast.element.classList.contains("on")) {
      this.warned = false;
      this.toast.show(summary.text, {
        problem: summary.problem, undo: answer.undo ? () => this.undo(command.id) : null, stay: answer.undo ? undoStays(command.op, command.all || (this.touched.get(command.id) ?? []).some((id) => this.rows.get(id)?.rank === 5)) : 0,
        offer: answer.offer ? snoozes((minutes) => this.outbox.push({ op: "suppress", of: command.id, items: [], minutes })) : [],
      });
    }
  }

  // ---- showing rows
  shown(row) {
    const on = this.overlay.get(row.id);
    return on ? { ...row, ...on.become, pending: true } : row;
  }
  /** The server's rows are shown as they are; until they come, the loaded rows are filtered here. */
  visible() {
    const rows = [...this.rows.values()].map((row) => this.shown(row));
    return this.settledView() ? rows : rows.filter((row) => matches(row, this.view, this.me));
  }
  settledView() {
    const asked = this.data?.view ?? {};
    return ["q", "mine", "suppressed"].every((name) => asked[name] === this.view[name]) && String(asked.severity) === String(this.view.severity);
  }
  /** Whether rows that move would disturb somebody. */
  busy(own = false) {
    const selecting = this.chosen.size > 0 || this.bulk.typing();
    return this.paused || (selecting && !own) || this.grid.scrollTop > 40 || Boolean(this.open) || Date.now() - this.pointed < 4000;
  }
  /** New contents in the same places: nothing moves; new alerts are only counted. */
  refresh() {
    let held = 0;
    const standing = new Set(this.order);
    for (const row of this.visible()) {
      if (standing.has(row.id)) this.fill(row);
      else if (!this.isFolded(row)) held += 1;
    }
    for (const id of this.order) {
      const node = this.nodes.get(id);
      if (!this.rows.has(id) && !isBeyond(node?.row, this.data)) node?.classList.add("gone");
    }
    this.arrivals(held);
    this.paint();
  }
  isFolded(row) { return this.folded.size > 0 && this.sections?.some((section) => this.folded.has(section.key) && section.ids.has(row.id)); }
  arrivals(count) {
    this.held = count;
    this.pill.textContent = `${plural(count, "new alert")} · N`;
    this.pill.classList.toggle("on", count > 0);
  }
  layout({ hold = false, ours = new Set() } = {}) {
    const standing = new Set((this.sections ?? []).flatMap(({ ids }) => [...ids]));  // collapsed groups count too
    let rows = this.visible();
    const held = hold ? rows.filter((row) => !standing.has(row.id) && !ours.has(row.id) && groupOf(row) === "unacknowledged") : [];
    if (held.length) rows = rows.filter((row) => !held.includes(row));
    this.arrivals(held.length);
    const keep = keepPlace(this);
    const sections = grouped(rows, this.view.group, this.view.sort);
    this.sections = sections.map((section) => ({ ...section, ids: new Set(section.rows.map((row) => row.id)) }));
    this.order = [];
    const wanted = [];
    let made = 0;
    for (const section of sections) {
      if (section.name || section.key) {
        wanted.push(makeHead(section, { chosen: this.chosen, folded: this.folded.has(section.key), group: this.view.group, acknowledge: (ids) => this.act("acknowledge", { ids }) }));
      }
      if (this.folded.has(section.key)) continue;
      for (const row of section.rows) {
        const fresh = this.data && !this.nodes.has(row.id) && standing.size > 0 && !standing.has(row.id);
        const node = this.fill(row, made);
        if (!node.signature) made += 1;
        if (fresh) { node.classList.add("fresh"); setTimeout(() => node.classList.remove("fresh"), 1600); }
        wanted.push(node);
        this.order.push(row.id);
      }
    }
    const kept = new Set(this.order);
    for (const [id, node] of [...this.nodes]) if (!kept.has(id)) { node.remove(); this.nodes.delete(id); }
    if (!wanted.length) wanted.push(emptyPage(this));
    else if (this.data.more) wanted.push(moreRow(this));
    arrange(this.body, wanted);
    if (!kept.has(this.cursor)) this.cursor = this.near(this.cursor) ?? (kept.has(this.open) ? this.open : this.order[0]) ?? null;
    keep();
    this.grid.setAttribute("aria-rowcount", String(this.order.length + 1));
    this.paint();
    this.tick();
  }
  near(id) {
    const place = this.places?.indexOf(id) ?? -1;
    if (place < 0) return null;
    return this.places.slice(place).find((one) => this.order.includes(one)) ?? this.places.slice(0, place).reverse().find((one) => this.order.includes(one));
  }
  /** Of very many new rows the first screen is filled at once, the others a moment later. */
  fill(row, made = 0) {
    let node = this.nodes.get(row.id);
    if (!node) { node = makeRow(row.id); this.nodes.set(row.id, node); }
    node.row = row;
    if (!node.signature && made >= SEEN_FIRST) {
      if (!this.unwritten.size) setTimeout(() => this.write());
      this.unwritten.add(row.id);
      return node;
    }
    const conflict = this.conflicts.get(row.id) ?? "";
    const signature = [row.version, row.status, row.assignee, row.pending, row.title, row.value, row.runState, conflict].join("|");
    if (node.signature !== signature) {
      node.signature = signature;
      fillRow(node, row, { me: this.me, chosen: this.chosen.has(row.id), conflict });
      ageRow(node, row, Date.now() + this.skew, this.data.targets);
    }
    node.classList.remove("gone");
    return node;
  }
  write() {
    for (const id of [...this.unwritten].slice(0, SEEN_FIRST)) {
      this.unwritten.delete(id);
      const row = this.rows.get(id);
      if (row && this.nodes.has(id)) this.fill(this.shown(row));
    }
    this.paint();
    if (this.unwritten.size && !this.destroyed) setTimeout(() => this.write());
  }
  /** Selection, cursor and open row as classes; cheap enough for every key. */
  paint() {
    this.places = [...this.order];
    for (const [id, node] of this.nodes) {
      const chosen = this.chosen.has(id);
      if (node.classList.contains("chosen") !== chosen) node.classList.toggle("chosen", chosen);
      node.setAttribute("aria-selected", String(chosen));
      const box = node.querySelector("input");
      if (box && box.checked !== chosen) box.checked = chosen;
      node.classList.toggle("cursor", id === this.cursor);
      node.classList.toggle("opened", id === this.open);
    }
    for (const box of this.body.querySelectorAll("[data-section]")) {
      const section = this.sections.find((one) => one.key === box.dataset.section);
      const n = [...(section?.ids ?? [])].filter((id) => this.chosen.has(id)).length;
      box.checked = n > 0 && n === section.ids.size;
      box.indeterminate = n > 0 && n < section.ids.size;
    }
    this.all.checked = this.chosen.size > 0 && this.chosen.size >= this.order.length;
    this.all.indeterminate = this.chosen.size > 0 && this.chosen.size < this.order.length;
    if (this.cursor) this.grid.setAttribute("aria-activedescendant", `alert-${this.cursor}`);
    else this.grid.removeAttribute("aria-activedescendant");
    this.bulk.paint();
  }
  tick() {
    if (!this.data) return;
    this.warned = warnIfLate(this.warned, this.outbox, this.toast);
    const now = Date.now() + this.skew;
    for (const [id, node] of this.nodes) { const row = this.rows.get(id); if (row) ageRow(node, this.shown(row), now, this.data.targets); }
  }
  release() { this.layout(); this.grid.scrollTop = 0; }

  // ---- actions
  setView(changes, { wait = 0 } = {}) {
    this.view = { ...this.view, ...changes };
    this.everything = false;
    this.layout();
    paintChrome(this);
    clearTimeout(this.changing);
    // Streamlit writes the view to the page's address.
    this.changing = setTimeout(() => { this.ask(); this.streamlit.setStateValue("view", this.view); }, wait);
  }
  choose(id, on = !this.chosen.has(id)) { on ? this.chosen.add(id) : this.chosen.delete(id); this.everything = false; }
  chooseRange(from, to) {
    let [a, b] = [this.order.indexOf(from), this.order.indexOf(to)];
    if (a > b) [a, b] = [b, a];
    for (const id of this.order.slice(Math.max(0, a), b + 1)) this.choose(id, true);
  }
  chooseAll() {
    const all = this.chosen.size < this.order.length;
    this.chosen = new Set(all ? this.order : []);
    this.everything = false;
    this.paint();
  }
  /** What the key `*` does: select all loaded, then all that match, then none. */
  chooseMore() {
    const here = this.chosen.size > 0 && this.chosen.size >= this.order.length;
    if (here && this.data?.more && !this.everything) { this.everything = true; this.paint(); }
    else if (here && !this.everything && this.starred !== this.chosen.size) this.toast.show(`All ${this.starred = this.chosen.size} that match are selected; press * again for none`);
    else { this.starred = 0; this.chooseAll(); }
  }
  /** Clear the selection; where there is none, an unfinished comment. */
  clear() {
    if (!this.chosen.size && !this.bulk.choices) this.bulk.take();
    this.chosen.clear();
    this.everything = false;
    this.bulk.close();
    this.paint();
  }
  move(step, extend) {
    const place = Math.max(0, this.order.indexOf(this.cursor));
    const next = this.order[Math.max(0, Math.min(this.order.length - 1, place + step))];
    if (!next) return;
    if (extend) { if (this.cursor) this.choose(this.cursor, true); this.choose(next, true); }
    this.cursor = next;
    this.paint();
    reveal(this, next);
    if (this.open) this.show(next);
  }
  show(id) { this.cursor = id; this.open = id; this.paint(); emit("open", { id, row: this.rows.get(id) }); }
  drawer(id) {
    const was = this.open;
    this.open = id;
    if (id && id !== was && this.nodes.has(id)) reveal(this, this.cursor = id);  // an address or a link opened it
    this.paint();
    if (was && !id) this.grid.focus({ preventScroll: true });
  }
  /** The version of an alert after all commands on their way. */
  versionOf(id) { return this.rows.get(id).version + (this.overlay.get(id)?.steps ?? []).filter((step) => step.changes).length; }
  /** The rows of an action: the selection, else the row of the cursor. */
  targets() { return this.chosen.size ? this.order.filter((id) => this.chosen.has(id)) : this.cursor ? [this.cursor] : []; }
  act(op, { ids = null, ...more } = {}) {
    const all = this.everything && !ids;
    const picked = (ids ?? this.targets()).filter((id) => this.rows.has(id));
    if (!all && !picked.length) return;
    const comment = this.bulk.take();
    const command = this.outbox.push(
      { op, items: all ? [] : picked.map((id) => [id, this.versionOf(id)]), ...(all ? { all: this.view } : {}), comment, ...more });
    let changed = 0;
    if (this.touched.set(command.id, picked).size > 50) this.touched.delete(this.touched.keys().next().value);
    for (const id of picked) {
      this.conflicts.delete(id);
      const on = this.overlay.get(id), become = becomes(op, more, this.me), shown = this.shown(this.rows.get(id));
      const changes = ["comment", "suppress", "mark_noise"].includes(op) || ["status", "assignee"].some((name) => name in become && become[name] !== shown[name]);
      changed += Number(changes);
      this.overlay.set(id, { command: command.id, become: { ...on?.become, ...become }, steps: [...(on?.steps ?? []), { command: command.id, changes }] });
    }
    const after = this.order.slice(this.order.indexOf(this.cursor) + 1).find((id) => !picked.includes(id) && groupOf(this.shown(this.rows.get(id) ?? { status: "resolved" })) === "unacknowledged");
    this.stood = [command.id, this.cursor];
    if (!ids && picked.includes(this.cursor) && op !== "comment" && op !== "assign") this.cursor = after ?? this.cursor;
    if (!ids && this.cursor !== this.open && picked.includes(this.open)) this.show(this.cursor);  // the next key acts on the alert it shows
    const many = all ? "all that match" : changedOf(changed, picked.length), grave = picked.some((id) => this.rows.get(id).rank === 5);
    this.toast.show(op === "comment" ? `Commented on ${many}. Comments cannot be undone.` : `${DONE[op]} ${many}`,
      { undo: op === "comment" ? null : () => this.undo(command.id), stay: undoStays(op, grave) });
    if (!ids) { this.chosen.clear(); this.everything = false; }
    this.layout({ hold: this.busy(true) });
    reveal(this, this.cursor);
    this.grid.focus({ preventScroll: true });
  }
  undo(id) {
    this.outbox.push({ op: "undo", of: id, items: [] });
    this.toast.show("Undoing …");
  }
}
