// Long texts of an alert: tracebacks, and payloads as a table.

const TRACEBACK = /^Traceback \(most recent call last\):/m;
const LAST_LINES = 6, MOST_LINES = 12, MOST_LETTERS = 900;

const folded = (words, text, kind) => h("details", { class: "whole" }, h("summary", {}, words), h("pre", { class: kind }, text));

/** The last lines of a traceback, which name the error, and the whole folded below them. */
function traceback(text) {
  const lines = text.trimEnd().split("\n");
  if (lines.length <= LAST_LINES) return [h("pre", { class: "trace" }, lines.join("\n"))];
  return [h("pre", { class: "trace" }, lines.slice(-LAST_LINES).join("\n")), folded(`Whole traceback, ${lines.length} lines`, lines.join("\n"), "trace")];
}

/** A text as paragraphs; a traceback in it is monospaced, and what is very long is folded. */
function longText(text) {
  const begin = text.search(TRACEBACK);
  if (begin >= 0) return [...(text.slice(0, begin).trim() ? longText(text.slice(0, begin).trim()) : []), ...traceback(text.slice(begin))];
  const lines = text.split("\n");
  if (lines.length <= MOST_LINES && text.length <= MOST_LETTERS) return [h("p", { class: "description" }, text)];
  const first = lines.slice(0, 4).join("\n").slice(0, 400);
  return [h("p", { class: "description" }, `${first} …`), folded(`Whole text, ${plural(lines.length, "line")}`, text, "text")];
}

/** A payload as a table of its fields: [[path, text], …]. */
function payload(fields) {
  return h("dl", { class: "payload" }, fields.map(([path, text]) => [
    h("dt", {}, path), h("dd", {}, TRACEBACK.test(text) || text.includes("\n") || text.length > 300 ? longText(text) : text)]));
}

/** The folded texts in an element by their place: the field that each belongs to, its kind, and its number there. */
function foldedTexts(element) {
  const found = new Map();
  for (const one of element.querySelectorAll("details.whole")) {
    const place = `${one.closest("dd")?.previousElementSibling?.textContent ?? ""} ${one.lastChild.className}`;
    let number = 0;
    while (found.has(`${place} ${number}`)) number += 1;
    found.set(`${place} ${number}`, one);
  }
  return found;
}

/** Paint an element again and leave open what somebody opened, as long as it shows the same alert. */
function keepingOpen(element, id, paint) {
  const before = new Map();
  if (element.dataset.folds === id) for (const [place, { open, lastChild }] of foldedTexts(element)) if (open) before.set(place, [lastChild.scrollLeft, lastChild.scrollTop]);
  element.dataset.folds = id;
  paint();
  for (const [place, one] of foldedTexts(element)) {
    if (!before.has(place)) continue;
    one.open = true;
    one.lastChild.scrollTo(...before.get(place));
  }
}
