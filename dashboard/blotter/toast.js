// The line at the bottom of a widget: what was done, with undo and snooze.

/** How long an undo is offered, in milliseconds: longer after a resolve of a critical alert. 0 for the usual time. */
const undoStays = (op, grave) => (op === "resolve" && grave ? 30000 : 0);

/**
 * Shows what was done and offers to undo it.
 *
 * The table and the drawer have one each. The key U undoes the last action only, whichever of the two
 * it was done in.
 */
class Toast {
  constructor() {
    this.words = h("span");
    this.undo = h("button", { class: "undo", type: "button" }, "Undo ", h("kbd", {}, "U"));
    this.offers = h("div", { class: "offers", role: "group", "aria-label": "Snooze alerts that still fire (Z)" });
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
  show(text, { undo = null, problem = false, stay = 0, offer = [] } = {}) {
    this.words.textContent = text;
    this.offers.replaceChildren(...offer.map(([name, act], place) => h("button", { type: "button", onclick: () => { this.leave(); act(); } }, name, h("kbd", {}, place ? String(place + 1) : "Z"))));
    this.offers.hidden = !offer.length;
    this.element.classList.toggle("offering", offer.length > 0);
    this.back = undo;
    if (undo) emit("offered", this);
    this.undo.hidden = !undo;
    this.undo.onclick = () => this.undoLast();
    this.element.classList.toggle("problem", problem);
    this.element.classList.add("on");
    this.wait(stay || (offer.length ? 30000 : problem ? 12000 : undo ? 9000 : 3500));
  }
  /** Hide it after `length` milliseconds, but not while the pointer or the focus is in it. */
  wait(length) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.element.matches(":hover, :focus-within") ? this.wait(2000) : this.hide()), length);
  }
  /** Move the focus to the offer; returns false where there is none. */
  choose() {
    const first = this.element.classList.contains("on") && this.offers.firstElementChild;
    if (!first) return false;
    this.before = first.getRootNode().activeElement;
    first.focus();
    return true;
  }
  /** Close the offer; the focus goes back to where it was. */
  leave() {
    this.hide();
    this.before?.focus({ preventScroll: true });
    this.before = null;
  }
  hide() { this.element.classList.remove("on"); }
  undoLast() { const back = this.back; this.back = null; if (back) { this.hide(); back(); } return Boolean(back); }
}
