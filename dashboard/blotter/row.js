// One alert as a row: made once per alert and filled again when the alert changes.

const COLUMNS = [
  ["severity", "Sev", "severity"], ["age", "Age", "age"], ["title", "Alert", "title"], ["labels", "Labels", ""],
  ["ticker", "Ticker", "ticker"],
  ["value", "Value", "value"], ["rule", "Rule", "rule"], ["assignee", "Owner", "assignee"],
  ["count", "Count", "count"],
];

function actionButton(op, name, key) {
  return h("button", { class: "do", type: "button", "data-op": op, title: `${name} (${key})`, "aria-label": name, tabindex: "-1" }, icon(op === "unacknowledge" ? "takeback" : op));
}

function makeRow(id) {
  return h("div", { role: "row", class: "row", id: `alert-${id}`, "data-id": id });
}

const labelWords = (labels) => labels.slice(0, 6).map(([name, value]) => h("span", {}, h("b", {}, `${name}=`), value));

/** The width of a text in a font, in pixels. */
const PEN = document.createElement("canvas").getContext("2d");
function widest(texts, font, [least, most]) {
  PEN.font = font;
  // The longest texts by letters are the widest but for a few pixels: not all are measured.
  const longest = [...new Set(texts)].sort((a, b) => b.length - a.length).slice(0, 12);
  return Math.ceil(Math.min(most, Math.max(least, ...longest.map((text) => PEN.measureText(text).width + 22))));
}

/** The widths of the columns, by what is in them; empty columns have none. */
function widthsOf(rows, font) {
  const body = `13px ${font}`, title = `600 13px ${font}`, mono = "12px JetBrains Mono, monospace";
  const badges = rows.map((row) => (row.status === "acknowledged" && row.note ? Math.min(30, row.note.length + 6) : row.status === "open" ? 0 : 11));
  const ticker = rows.some((row) => row.labels.ticker);
  return {
    "--w-title": `${widest(rows.map((row, n) => row.title + "x".repeat(badges[n])), title, [160, 640])}px`,
    "--w-value": `${widest(rows.map((row) => row.value), body, [64, 170])}px`,
    "--w-rule": `${widest(rows.map((row) => row.rule), mono, [84, 230])}px`,
    "--w-owner": `${widest(rows.map((row) => ownerOf(row) && `mm ${ownerOf(row)}`), body, [72, 170])}px`,
    "--w-ticker": ticker ? `${widest(rows.map((row) => row.labels.ticker ?? ""), mono, [64, 150])}px` : "0px",
  };
}

function badge(kind, words, title) { return h("span", { class: `badge ${kind}`, title }, words); }

function whoOf(row, me) {
  const owner = ownerOf(row);
  if (!owner) return h("span", { class: "nobody" }, "–");
  const letters = owner.replace(/[^\p{L}\d]/gu, "").slice(0, 2).toUpperCase();
  return [h("span", { class: `face${owner === me ? " me" : ""}`, "aria-hidden": "true" }, letters), h("span", { class: "name" }, owner)];
}

/** Fill a row's element from `row` as it is shown, with commands on their way already applied. */
function fillRow(element, row, { me, chosen, conflict }) {
  const severity = SEVERITY[row.rank];
  const labels = Object.entries(row.labels).filter(([name]) => name !== "ticker");
  const note = row.by ? `${row.by}${row.note ? `: ${row.note}` : ""}` : "";
  // Where the column of owners names who acknowledged it, the badge need not.
  const by = row.by && ownerOf(row) === row.by ? [h("span", { class: "by" }, row.by, row.note ? ": " : ""), row.note] : note;
  element.className = `row is-${row.status} sev-${severity}${row.pending ? " pending" : ""}${conflict ? " conflict" : ""}`;
  element.setAttribute("aria-label", `${severity}: ${row.title}, ${row.status}`);
  element.replaceChildren(
    h("div", { role: "gridcell", class: "check" }, h("input", { type: "checkbox", tabindex: "-1", "aria-label": `Select ${row.title}`, checked: chosen })),
    h("div", { role: "gridcell", class: "c-severity" }, h("span", { class: "sev", title: row.word }, SHORT[severity])),
    h("div", { role: "gridcell", class: "c-age" }, h("time", { class: "age" })),
    h("div", { role: "gridcell", class: "c-title", title: row.description ? `${row.title}\n${row.description}` : row.title },
      h("span", { class: "title" }, row.title),
      conflict ? badge("conflict", conflict, "Somebody changed this alert after it was shown to you") : null,
      row.status === "escalated" ? badge("escalated", `escalated ${row.level}`, "The next escalation step was notified") : null,
      row.status === "acknowledged" ? badge("acknowledged", note ? ["ack ", by] : "acknowledged", note) : null,
      row.status === "suppressed" ? badge("suppressed", `until ${brief(row.until)}`, row.why) : null,
      row.status === "resolved" ? badge("resolved", "resolved") : null,
      row.noise ? badge("noise", "noise", row.noise) : null,
      h("span", { class: "labels" }, labelWords(labels))),
    h("div", { role: "gridcell", class: "c-labels", title: labels.map(([name, value]) => `${name}=${value}`).join("\n") }, labelWords(labels)),
    h("div", { role: "gridcell", class: "c-ticker", title: row.labels.ticker ?? "" }, row.labels.ticker ?? ""),
    h("div", { role: "gridcell", class: "c-value" }, row.value),
    h("div", { role: "gridcell", class: "c-rule", title: row.rule }, row.rule),
    h("div", { role: "gridcell", class: "c-assignee", title: row.assignee ? `Assigned to ${row.assignee}` : ownerOf(row) ? `Acknowledged by ${ownerOf(row)}` : "Nobody has it" }, whoOf(row, me)),
    h("div", { role: "gridcell", class: "c-count", title: row.count > 1 ? `${row.count} occurrences` : "" }, row.count > 1 ? `${row.count}` : ""),
    h("div", { role: "gridcell", class: "c-do" },
      ...(row.status === "resolved" || !mayAct() ? [] : [
        row.status === "acknowledged" ? actionButton("unacknowledge", "Unacknowledge", "Shift A") : actionButton("acknowledge", "Acknowledge", "A"),
        actionButton("resolve", "Resolve", "E"),
        row.status === "suppressed" ? actionButton("unsuppress", "End suppression", "S") : actionButton("suppress", "Suppress", "S")]),
      row.run ? h("a", { class: "do", href: row.run, target: "_blank", rel: "noopener noreferrer", title: `Flow run${row.runState ? ` (${row.runState})` : ""} in Prefect`, "aria-label": "Flow run in Prefect", tabindex: "-1" }, icon("open")) : null));
}

/** The head of a group of rows. */
function makeHead(section, { chosen, folded, group, acknowledge }) {
  const worst = SEVERITY[Math.max(...section.rows.map((row) => row.rank))];
  const all = section.rows.every((row) => chosen.has(row.id));
  return h("div", { role: "row", class: "section", "data-key": section.key },
    h("div", { role: "gridcell", class: "check" }, h("input", { type: "checkbox", tabindex: "-1", "data-section": section.key, checked: all, "aria-label": `Select all of ${section.name}` })),
    h("div", { role: "gridcell", class: "name" },
      h("button", { type: "button", class: "fold", "data-fold": section.key, tabindex: "-1", "aria-expanded": String(!folded) }, icon("more"), section.name),
      h("span", { class: "n" }, plural(section.rows.length, "alert")),
      group ? h("span", { class: `worst sev-${worst}` }, h("span", { class: "sev" }, SHORT[worst])) : null,
      group === "notified" && mayAct() && section.key && section.rows.some((row) => groupOf(row) === "unacknowledged")
        ? h("button", { type: "button", class: "plain", tabindex: "-1", title: "Acknowledge the open alerts shown of this group", onclick: (event) => { event.stopPropagation(); acknowledge(section.rows.filter((row) => groupOf(row) === "unacknowledged").map((row) => row.id)); } }, "Acknowledge group") : null));
}

/** Show the age against the time to acknowledge of its severity. */
function ageRow(element, row, now, targets) {
  const time = element.querySelector("time");
  if (!time) return;
  const age = now - row.at, target = targets[SEVERITY[row.rank]] * 1000;
  const counts = row.status === "open" || row.status === "escalated";
  const kind = !counts ? "" : age > target ? "late" : age > target * 0.6 ? "soon" : "";
  const words = span(age);
  if (time.textContent !== words) time.textContent = words;
  const name = `age ${kind}`;
  if (time.className !== name) {
    time.className = name;
    time.dateTime = new Date(row.at).toISOString();
  }
  const title = `${moment(row.at)}\n${kind === "late" ? `Not acknowledged within the ${span(target)} of severity ${SEVERITY[row.rank]}` : `Acknowledge within ${span(target)}`}`;
  if (time.title !== title) time.title = title;
}

/** What a command will most likely make of a row, shown before the server has answered. */
function becomes(op, more, me) {
  switch (op) {
    case "acknowledge": return { status: "acknowledged", by: me, note: "" };
    case "unacknowledge": case "unsuppress": return { status: "open" };
    case "resolve": return { status: "resolved" };
    case "suppress": return { status: "suppressed", until: Date.now() + more.minutes * 60000, why: "" };
    case "assign": return { assignee: more.assignee };
    default: return {};
  }
}
