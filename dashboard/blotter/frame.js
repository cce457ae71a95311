// What surrounds the rows: filters, column heads, keyboard shortcuts, empty states, the entry point.

function buildFrame(blotter) {
  blotter.search = h("input", { type: "search", class: "search", placeholder: "Words or rule:disk-space", "aria-label": "Filter alerts", spellcheck: "false", autocomplete: "off" });
  blotter.search.oninput = () => blotter.setView({ q: blotter.search.value }, { wait: 250 });
  blotter.search.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Escape" && blotter.search.value) { blotter.search.value = ""; blotter.setView({ q: "" }); }
    if (["Enter", "Escape", "ArrowDown"].includes(event.key)) { event.preventDefault(); blotter.grid.focus(); }
  };
  blotter.chips = SEVERITY_WORDS.map((word, place) => {
    const chip = h("button", { type: "button", class: `chip sev-${word}`, title: `Only ${word} (${place + 1})`, onclick: () => toggleSeverity(blotter, word) }, h("i"), h("span", {}, word), h("b"));
    chip.word = word;
    return chip;
  });
  blotter.mine = h("button", { type: "button", class: "chip", title: "Only alerts assigned to me (I)", onclick: () => blotter.setView({ mine: !blotter.view.mine }) }, "Mine");
  blotter.muted = h("button", { type: "button", class: "chip", title: "Show suppressed alerts (H)", onclick: () => blotter.setView({ suppressed: !blotter.view.suppressed }) }, h("span", {}, "Suppressed"), h("b"));
  blotter.group = h("select", { class: "group", "aria-label": "Group alerts (G)", title: "Group (G)", onchange: () => blotter.setView({ group: blotter.group.value }) });
  const tool = (name, title, press) => h("button", { type: "button", class: "tool", title, "aria-label": title, onclick: press }, icon(name));
  blotter.pauseButton = tool("pause", "Pause (P)", () => pause(blotter));
  blotter.alarm = new Alarm(blotter);
  blotter.denseButton = tool("rows", "Density (D)", () => density(blotter));
  blotter.all = h("input", { type: "checkbox", tabindex: "-1", "aria-label": "Select all" });
  blotter.heads = COLUMNS.map(([name, words, sort]) => {
    const head = h("div", { role: "columnheader", class: `c-${name}` }, !sort ? words : h("button", { type: "button", "data-sort": sort, tabindex: "-1", title: `Sort by ${words === "Count" ? "occurrences" : words.toLowerCase()}` }, words));
    head.sort = sort || null;
    return head;
  });
  blotter.body = h("div", { role: "rowgroup", class: "body" });
  blotter.grid = h("div", { class: "grid", role: "grid", tabindex: "0", "aria-label": "Alerts", "aria-multiselectable": "true" },
    h("div", { role: "rowgroup", class: "heads" }, h("div", { role: "row", class: "head" }, h("div", { role: "columnheader", class: "check" }, blotter.all), blotter.heads, h("div", { role: "columnheader", class: "c-do" }, h("span", { class: "unseen" }, "Actions")))),
    blotter.body);
  blotter.pill = h("button", { type: "button", class: "pill", onclick: () => blotter.release() });
  blotter.help = h("dialog", { class: "help", "aria-label": "Keyboard shortcuts", onclick: (event) => { if (event.target === blotter.help) blotter.help.close(); } },
    h("h2", {}, "Keyboard shortcuts"),
    h("div", { class: "sheet" }, HELP.map(([name, keys]) => h("section", {}, h("h3", {}, name), h("dl", {}, keys.map(([key, words]) => [h("dt", {}, key.split(" ").map((one) => (one === "–" ? one : h("kbd", {}, one)))), h("dd", {}, words)]))))),
    h("p", { class: "small" }, "Time to acknowledge by severity: critical 5m, high 15m, medium 1h, low 4h, info 24h. The age of an unacknowledged alert turns amber at 60% of it, and red with a mark after it."),
    h("form", { method: "dialog" }, h("button", { class: "button main" }, "Close")));
  blotter.help.onkeydown = (event) => { if (event.key === "?") blotter.help.close(); event.stopPropagation(); };
  blotter.fault = h("div", { class: "fault", role: "alert" });
  blotter.element.append(
    h("div", { class: "top" },
      h("div", { class: "find" }, icon("search"), blotter.search, h("kbd", { "aria-hidden": "true" }, "/")),
      h("div", { class: "chips", role: "group", "aria-label": "Show only" }, blotter.chips, blotter.mine, blotter.muted),
      h("div", { class: "tools" }, blotter.group, blotter.pauseButton, blotter.alarm.button, blotter.denseButton, tool("keys", "Keyboard shortcuts (?)", () => blotter.help.showModal()), blotter.alarm.menu)),
    blotter.fault, h("div", { class: "frame" }, blotter.pill, blotter.grid), blotter.help);
}

/** Remember which row is at which height; the function that it returns scrolls back there. */
function keepPlace({ grid, order, nodes }) {
  if (grid.scrollTop < 4) return () => {};
  const top = grid.scrollTop;
  const id = order.find((one) => { const node = nodes.get(one); return node && node.offsetTop + node.offsetHeight > top + 30; });
  const offset = id ? nodes.get(id).offsetTop - top : 0;
  return () => { const node = nodes.get(id); if (node) grid.scrollTop = node.offsetTop - offset; };
}
function reveal({ grid, nodes, chosen }, id) {
  const node = nodes.get(id);
  if (!node) return;
  const top = node.offsetTop - 62, bottom = node.offsetTop + node.offsetHeight + (chosen.size ? 64 : 8);
  if (top < grid.scrollTop) grid.scrollTop = top;
  else if (bottom > grid.scrollTop + grid.clientHeight) grid.scrollTop = bottom - grid.clientHeight;
}

function paintChrome(blotter) {
  const { view, data } = blotter;
  if (!data) return;
  if (blotter.search.value !== view.q && !blotter.search.matches(":focus")) blotter.search.value = view.q;
  for (const chip of blotter.chips) {
    press(chip, view.severity.includes(chip.word));
    chip.querySelector("b").textContent = capped(data.counts[chip.word] ?? 0);
  }
  press(blotter.mine, view.mine);
  press(blotter.muted, view.suppressed);
  blotter.muted.querySelector("b").textContent = capped(data.counts.suppressed ?? 0);
  press(blotter.pauseButton, blotter.paused);
  blotter.pauseButton.replaceChildren(icon(blotter.paused ? "play" : "pause"));
  blotter.pauseButton.title = blotter.paused ? "Resume (P)" : "Pause (P)";
  press(blotter.denseButton, blotter.dense);
  blotter.element.classList.toggle("dense", blotter.dense);
  blotter.element.classList.toggle("tickers", data.rows.some((row) => row.labels.ticker));
  for (const [name, width] of Object.entries(widthsOf(data.rows, getComputedStyle(blotter.element).fontFamily))) blotter.element.style.setProperty(name, width);
  blotter.element.classList.toggle("waiting", !blotter.settledView());
  for (const head of blotter.heads) {
    const [name, way] = view.sort.split("-");
    if (head.sort === name) head.setAttribute("aria-sort", way === "up" ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
  const options = [["", "Group: none"], ["rule", "Group: rule"], ["notified", "Group: notification"], ...labelNames(data.rows).map((name) => [`label:${name}`, `Group: ${name}`])];
  if (view.group && !options.some(([value]) => value === view.group)) options.push([view.group, `Group: ${view.group.slice(6)}`]);
  const signature = JSON.stringify(options);
  if (blotter.options !== signature) {
    blotter.options = signature;
    blotter.group.replaceChildren(...options.map(([value, name]) => h("option", { value }, name)));
  }
  blotter.group.value = view.group;
  blotter.fault.textContent = data.fault;
  blotter.fault.hidden = !data.fault;
}

function emptyPage(blotter) {
  const { view } = blotter;
  if (view.q || view.severity.length || view.mine) {
    return h("div", { class: "empty", role: "row" }, h("div", { role: "gridcell" }, h("strong", {}, "No alert matches"), h("p", {}, "Other alerts may be live."),
      h("button", { type: "button", class: "button", onclick: () => { blotter.search.value = ""; blotter.setView({ q: "", severity: [], mine: false }); } }, "Clear the filter")));
  }
  // An empty page must not look like good news while alerts could not be shown.
  const { dataset } = document.documentElement, trouble = blotter.data.problem || dataset.trouble;
  if (trouble) {
    return h("div", { class: "empty", role: "row" }, h("div", { role: "gridcell" }, h("strong", {}, "Alerts cannot be shown right now"), h("p", {}, trouble),
      h("p", {}, "Alerts may be firing. They appear here as soon as the problem is solved. To find it: ", h("code", {}, "sentinel doctor"))));
  }
  if (blotter.data.unwatched) {
    return h("div", { class: "empty", role: "row" }, h("div", { role: "gridcell" }, h("strong", {}, "No rule is enabled"), h("p", {}, "Nothing is evaluated, so no alert can fire."),
      h("p", {}, "Deploy the rules that come with Sentinel: ", h("code", {}, "prefect deploy --all")),
      h("p", {}, "List all rules and which are disabled: ", h("code", {}, "sentinel rule list"))));
  }
  const calm = dataset.doubt
    ? [h("strong", {}, "No live alerts, as far as Sentinel knows"), h("p", {}, dataset.doubt, " New alerts appear here once that is solved.")]
    : [h("span", { class: "calm" }, icon("resolve")), h("strong", {}, "No live alerts"), h("p", {}, "No rule is firing. New alerts appear here by themselves.")];
  return h("div", { class: "empty", role: "row" }, h("div", { role: "gridcell" }, calm,
    h("p", {}, "List the rules that are enabled: ", h("code", {}, "sentinel rule list")),
    h("p", {}, "Deploy more rules: ", h("code", {}, "prefect deploy --all"))));
}
function moreRow(blotter) {
  return h("div", { class: "load", role: "row" }, h("div", { role: "gridcell" }, `The first ${blotter.data.rows.length} alerts, most urgent first. `,
    h("button", { type: "button", class: "plain", tabindex: "-1" }, "Show 500 more"), " or filter."));
}

const BLOTTERS = new WeakMap();

export default function blotter(component) {
  const { parentElement, data } = component;
  let made = BLOTTERS.get(parentElement);
  if (!made) {
    made = new Blotter(parentElement);
    BLOTTERS.set(parentElement, made);
    if (document.activeElement === document.body) made.grid.focus({ preventScroll: true });
  }
  made.streamlit = component;
  // JSON in bytes, which are new objects with every run, also where their content is the same.
  const text = new TextDecoder().decode(data);
  if (text !== made.text) {
    made.text = text;
    const content = JSON.parse(text);
    made.receive(content);
    dispatchEvent(new Event("sentinel:drawn"));  // what the server painted before is not needed
    dropAnswered(component, content.answers);
  }
  return () => { made.destroy(); BLOTTERS.delete(parentElement); };
}
