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
