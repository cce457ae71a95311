// Trees of routes as pictures: the active one, and a draft beside it.

function svg(tag, props, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function picture({ name, width, height, edges, boxes }) {
  const size = { width: width + 2, height: height + 2, viewBox: `-1 -1 ${width + 2} ${height + 2}` };
  const drawn = svg("svg", { role: "img", "aria-label": `${name}: ${plural(boxes.length, "route")}`, ...size },
    ...edges.map((one) => svg("path", { class: one.on_way ? "edge on-way" : "edge", d: one.path })),
    ...boxes.map((one) => svg("g", { class: one.way, transform: `translate(${one.x} ${one.y})` },
      svg("title", {}, one.title), svg("rect", { width: one.width, height: one.height, rx: 7 }),
      svg("text", { class: "matchers", x: 12, y: 18 }, one.first), svg("text", { x: 12, y: 35 }, one.second))));
  return h("div", { class: "routes", tabindex: "0", role: "region", "aria-label": name }, drawn);
}

export default function routes({ parentElement, data }) {
  const root = parentElement.querySelector(".pictures");
  const several = data.pictures.length > 1;
  root.replaceChildren(...data.pictures.flatMap((one) => [...(several ? [h("h2", {}, one.name)] : []), picture(one)]));
}
