// Weeks with a row of bars for each schedule or silence; a bar that can be selected is a button.

class Calendar {
  constructor(root) { this.element = root.querySelector(".calendar"); }
  receive(data) {
    const signature = JSON.stringify(data);
    if (signature === this.painted) return;
    this.painted = signature;
    const focused = this.element.getRootNode().activeElement?.dataset?.pick;
    this.element.setAttribute("aria-label", data.label);
    this.element.replaceChildren(...data.rows.map((row) => this.row(row, data)));
    if (focused) [...this.element.querySelectorAll("[data-pick]")].find((one) => one.dataset.pick === focused)?.focus();
  }
  row(row, data) {
    return h("div", { class: "row", role: "group", "aria-label": row.name },
      h("div", { class: "head" }, h("b", {}, row.name), h("span", { class: "small" }, row.note)),
      h("div", { class: "weeks" }, data.days.map((days, week) => h("div", { class: "week" },
        h("div", { class: "days", "aria-hidden": "true" }, days.map((day) => h("span", { class: `${day.today ? "today" : ""} ${day.free ? "free" : ""}` }, day.name))),
        h("div", { class: "track" },
          days.map((day, place) => h("i", { class: day.free ? "free" : "", style: `left:${(100 * place) / 7}%` })),
          row.weeks[week].map((one) => this.bar(one, data.picked)),
          data.now?.week === week ? h("i", { class: "now", style: `left:${data.now.left}%` }) : "")))));
  }
  bar(one, picked) {
    const kind = `bar ${one.kind} t${one.tone}${one.over ? " over" : ""}${one.began ? " began" : ""}${one.goes_on ? " goes-on" : ""}`;
    const place = { class: kind, style: `left:${one.left}%;width:${one.width}%`, title: one.label };
    if (!one.pick) return h("span", { ...place, role: "img", "aria-label": one.label }, one.text);
    const pick = () => this.streamlit.setStateValue("picked", `${Date.now()} ${one.pick}`);
    return h("button", { ...place, type: "button", "data-pick": one.pick, "aria-label": one.label, "aria-pressed": String(one.pick === picked), onclick: pick }, one.text);
  }
}

const CALENDARS = new WeakMap();

export default function calendar(component) {
  const { parentElement, data } = component;
  let made = CALENDARS.get(parentElement);
  if (!made) { made = new Calendar(parentElement); CALENDARS.set(parentElement, made); }
  made.streamlit = component;
  made.receive(data);
  return () => CALENDARS.delete(parentElement);
}
