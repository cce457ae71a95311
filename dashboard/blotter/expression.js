// The input of an expression: it completes names and functions, and marks the column of an error.

const WORD = /[A-Za-z_][\w.]*$/;
const MOST = 8;

class ExpressionInput {
  constructor(root) {
    this.input = h("textarea", {
      rows: 3, spellcheck: "false", autocapitalize: "off", autocomplete: "off", role: "combobox", "aria-autocomplete": "list",
      "aria-expanded": "false", "aria-controls": "expression-names", "aria-describedby": "expression-problem",
      oninput: () => this.typed(), onkeydown: (event) => this.key(event), onblur: () => { this.close(); this.send(); },
    });
    this.list = h("ul", { role: "listbox", id: "expression-names", "aria-label": "Names", hidden: true });
    this.problem = h("div", { id: "expression-problem", class: "problem", "aria-live": "polite" });
    this.title = h("span", {}, "");
    root.replaceChildren(h("label", {}, this.title, this.input), this.list, this.problem);
    this.of = null;
    this.shown = [];
    this.at = 0;
  }

  receive(data) {
    this.data = data;
    this.title.textContent = data.label;
    this.input.placeholder = data.placeholder;
    if (this.of !== data.of) { this.of = data.of; this.input.value = this.sent = data.text; }
    const wrong = data.error && data.error.text === this.input.value.trim();
    this.input.setAttribute("aria-invalid", String(Boolean(wrong)));
    this.problem.replaceChildren(...(wrong ? this.marked(data.error) : []));
  }

  marked({ message, lines, line, column }) {
    const source = lines[line - 1] ?? "";
    if (!column) return [h("p", {}, message)];
    const place = h("code", {}, source.slice(0, column - 1), h("mark", {}, source.slice(column - 1, column) || " "), source.slice(column));
    return [h("p", {}, `${message} (column ${column})`), place];
  }

  typed() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.send(), 350);
    this.suggest();
  }

  send() {
    clearTimeout(this.later);
    if (this.input.value === this.sent) return;
    this.sent = this.input.value;
    this.streamlit.setStateValue("text", { of: this.of, text: this.sent });
  }

  word() {
    return WORD.exec(this.input.value.slice(0, this.input.selectionStart))?.[0] ?? "";
  }

  suggest() {
    const word = this.word();
    this.shown = word ? this.data.names.filter(({ name }) => name.startsWith(word) && name !== word).slice(0, MOST) : [];
    this.at = 0;
    this.draw();
  }

  draw() {
    this.list.hidden = !this.shown.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.list.replaceChildren(...this.shown.map(({ name, says }, place) => h("li", {
      role: "option", id: `expression-name-${place}`, "aria-selected": String(place === this.at),
      onmousedown: (event) => { event.preventDefault(); this.accept(place); },
    }, h("b", {}, name), says && h("span", {}, says))));
    if (this.shown.length) this.input.setAttribute("aria-activedescendant", `expression-name-${this.at}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  close() {
    this.shown = [];
    this.draw();
  }

  accept(place) {
    const { name, call } = this.shown[place];
    const end = this.input.selectionStart, start = end - this.word().length;
    this.input.setRangeText(call ? `${name}(` : name, start, end, "end");
    this.close();
    this.typed();
  }

  key(event) {
    if (!this.shown.length) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) this.at = (this.at + steps[event.key] + this.shown.length) % this.shown.length;
    else if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); this.accept(this.at); return; }
    else if (event.key === "Escape") { event.stopPropagation(); this.close(); return; }
    else return;
    event.preventDefault();
    this.draw();
  }
}

const EXPRESSIONS = new WeakMap();

export default function expression(component) {
  const { parentElement, data } = component;
  let made = EXPRESSIONS.get(parentElement);
  if (!made) { made = new ExpressionInput(parentElement.querySelector(".expression")); EXPRESSIONS.set(parentElement, made); }
  made.streamlit = component;
  made.receive(data);
  return () => EXPRESSIONS.delete(parentElement);
}
