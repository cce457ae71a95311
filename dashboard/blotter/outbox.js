// Commands on their way to the server, and the words for their answers.

/** By widget: the commands that had no answer when the widget was removed, and whose they are. */
const ORPHANED = new Map();

/**
 * The commands that the server has not answered yet.
 *
 * An answer can get lost, and a state of a Streamlit widget be overwritten by the next one. All
 * unanswered commands are therefore sent again with the next; the server carries each out once, by
 * its id. One request is on its way at a time, since a command may build on the one before.
 *
 * `send` takes commands, and settles when they are answered; `name` is the widget's.
 */
class Outbox {
  constructor(name, send) {
    this.name = name;
    this.send = send;
    this.waiting = [];
    // A page that is left may not get the answers; commands that arrive twice are carried out once.
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
  /** Whether an answer takes longer than usual. */
  overdue() { return this.waiting.length > 0 && Date.now() - this.posted > 2500; }
  /** Whether it takes so long that people must know: what is shown is not confirmed. */
  late() { return this.waiting.length > 0 && Date.now() - this.since > 6000; }
  async post(last = false) {
    this.posted = Date.now();
    if (!this.waiting.length || (this.posting && !last)) return;
    const sent = [...this.waiting];
    this.posting = true;
    try { await this.send(sent); } finally { this.posting = false; }
    if (this.waiting.some((one) => !sent.includes(one))) this.post();
  }
  /** Whether one of these answers is for a waiting command. */
  answers(answers) { return (answers ?? []).some((answer) => this.waiting.some((one) => one.id === answer.id)); }
  /** The answers to waiting commands, each with its command. */
  answered(answers) {
    const found = [];
    for (const answer of answers ?? []) {
      const command = this.waiting.find((one) => one.id === answer.id);
      if (command) found.push({ command, answer });
    }
    if (found.length) {
      this.waiting = this.waiting.filter((one) => !found.some(({ command }) => command === one));
      this.since = Date.now();
    }
    return found;
  }
  /**
   * Begin to send as `person`. Streamlit may have removed a widget of this name that still waited for
   * answers: its commands are sent again, where they are the same person's.
   */
  begins(person, toast) {
    if (!person || this.person) return;
    this.person = person;
    const left = ORPHANED.get(this.name);
    ORPHANED.delete(this.name);
    if (!left) return;
    if (left.person !== person) { toast.show("Not done: somebody else is signed in now", { problem: true }); return; }
    this.waiting.unshift(...left.waiting);
    this.since = left.since;
    this.post();
  }
  close() {
    this.leave();
    if (this.waiting.length) ORPHANED.set(this.name, { waiting: this.waiting, since: this.since, person: this.person });
    window.removeEventListener("pagehide", this.leave);
    window.removeEventListener("beforeunload", this.stay);
  }
}

/**
 * Remove answered commands from the widget's state: Streamlit sends the state again to a dashboard
 * that was restarted, which no longer knows that they were carried out.
 */
function dropAnswered(api, answers) { if (answers.length) api.setStateValue("commands", []); }

const DONE = {
  acknowledge: "Acknowledged", unacknowledge: "Unacknowledged", resolve: "Resolved", reopen: "Reopened", suppress: "Suppressed",
  unsuppress: "Ended the suppression of", assign: "Assigned", comment: "Commented on", escalate: "Escalated", mark_noise: "Marked as noise:", unmark_noise: "No longer noise:", undo: "Undone:",
};

/** How many alerts a command changes, and how many already are what it asks for. */
function changedOf(changed, asked) {
  const already = asked - changed;
  return `${plural(changed, "alert")}${already ? `, ${already.toLocaleString("en")} already ${already === 1 ? "was" : "were"}` : ""}`;
}

/** An answer in words, and whether something was not done. */
function summaryOf(command, answer) {
  if (answer.error) return { text: `Not done: ${answer.error}`, problem: true };
  const parts = [];
  if (answer.done || answer.unchanged) parts.push(`${DONE[command.op]} ${changedOf(answer.done, answer.done + answer.unchanged)}`);
  if (answer.conflicts.length) {
    parts.push(`${plural(answer.conflicts.length, "alert")} not changed, somebody else was first: ${answer.conflicts[0].why}`);
  }
  if (answer.refused.length) parts.push(`${answer.refused.length} refused: ${answer.refused[0].why}`);
  if (answer.more) parts.push("more alerts match than one command changes: repeat it for the rest");
  if (answer.offer) parts.push(answer.offer);
  return { text: parts.join(" · ") || "Nothing to do", problem: Boolean(answer.conflicts.length || answer.refused.length || answer.more) };
}

/** Warn once that commands are not confirmed; returns whether the warning is shown. */
function warnIfLate(warned, outbox, toast) {
  if (warned || !outbox.late()) return warned;
  const n = outbox.waiting.length;
  toast.show(`Not confirmed yet: ${n === 1 ? "your last action" : `your last ${n} actions`}. The dashboard does not answer; this page retries as long as it is open.`, { problem: true, stay: 3600000 });
  return true;
}
