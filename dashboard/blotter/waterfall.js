// A trace as bars along time, each span below its parent; the chosen span is told to the page.

class WaterfallView {
  constructor(root) {
    this.scale = h("div", { class: "scale", "aria-hidden": "true" });
    this.list = h("ul", { role: "listbox", "aria-label": "Spans", tabindex: "0", onkeydown: (event) => this.key(event), onclick: (event) => this.click(event) });
    root.replaceChildren(this.scale, this.list);
    this.of = null;
  }

  receive(data) {
    const same = this.of === data.of;
    this.of = data.of;
    this.spans = data.spans;
    this.chosen = data.chosen;
    if (!same) this.draw(data);
    this.mark();
  }

  draw({ spans, marks }) {
    this.scale.replaceChildren(h("span", {}, ""), h("div", {}, ...marks.map((one) => h("i", {}, one))));
    this.list.replaceChildren(...spans.map((one, place) => h("li", { role: "option", id: `span-${place}`, "data-place": String(place), class: one.bad ? "bad" : "" },
      h("div", { class: "what", style: `padding-left:${Math.min(one.depth, 14) * 11}px`, title: `${one.service} ${one.operation}` },
        h("b", { style: `--h:${one.hue}` }, one.service), h("span", {}, one.operation)),
      h("div", { class: "line" }, h("u", { style: `left:${one.left}%;width:${one.width}%;--h:${one.hue}` }),
        h("em", { class: one.left > 60 ? "before" : "", style: one.left > 60 ? `right:${100 - one.left}%` : `left:${Math.min(one.left + one.width, 100)}%` }, one.took)))));
  }

  mark() {
    this.at = this.spans.findIndex((one) => one.id === this.chosen);
    for (const one of this.list.children) one.setAttribute("aria-selected", String(Number(one.dataset.place) === this.at));
    if (this.at >= 0) this.list.setAttribute("aria-activedescendant", `span-${this.at}`);
    else this.list.removeAttribute("aria-activedescendant");
  }

  choose(place) {
    this.chosen = this.spans[place].id;
    this.mark();
    this.list.children[place].scrollIntoView({ block: "nearest" });
    clearTimeout(this.later);
    this.later = setTimeout(() => this.streamlit.setStateValue("span", { of: this.of, id: this.chosen }), 150);
  }

  click(event) {
    const row = event.target.closest("li");
    if (row) this.choose(Number(row.dataset.place));
  }

  key(event) {
    const last = this.spans.length - 1, steps = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, Home: 0, End: last, PageDown: this.at + 15, PageUp: this.at - 15 };
    if (!(event.key in steps) || last < 0) return;
    event.preventDefault();
    this.choose(Math.max(0, Math.min(steps[event.key], last)));
  }
}

const WATERFALLS = new WeakMap();

export default function waterfall(component) {
  const { parentElement, data } = component;
  let made = WATERFALLS.get(parentElement);
  if (!made) { made = new WaterfallView(parentElement.querySelector(".waterfall")); WATERFALLS.set(parentElement, made); }
  made.streamlit = component;
  made.receive(data);
  return () => WATERFALLS.delete(parentElement);
}
