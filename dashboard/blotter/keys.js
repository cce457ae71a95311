// The keyboard shortcuts: one key for everything the mouse can do, from anywhere on the page.

const HELP = [
  ["Navigate", [["J K ↓ ↑", "next, previous"], ["Home End", "first, last"], ["Enter O", "open details"], ["Esc", "close, clear"]]],
  ["Select", [["X Space", "this alert"], ["⇧J ⇧K", "extend the selection"], ["⇧X", "the alert's group"], ["* Ctrl A", "all shown, all that match, none"]]],
  ["Act", [["A", "acknowledge"], ["⇧A", "unacknowledge"], ["E", "resolve"], ["Z", "snooze after a resolve"], ["S", "suppress for …"], ["M", "assign to me"], ["⇧M", "assign to …"], ["C", "comment"], ["⇧S", "escalate"], ["⇧N", "mark as noise"], ["U", "undo"], ["⇧E", "reopen (in the details)"]]],
  ["View", [["/", "filter"], ["1 – 5", "severity"], ["I", "only mine"], ["H", "show suppressed"], ["G", "group"], ["← →", "collapse, expand"], ["T ⇧T", "sort, reverse"], ["L", "500 more"], ["N", "show new alerts"], ["P", "pause"], ["D", "density"], ["B", "sound, notification"], ["?", "this list"]]],
];

/** The keys of actions and of the selection that they are for. */
const ACTING = new Set(["a", "e", "z", "s", "m", "c", "u", "x", " ", "*"]);

function bindKeys(blotter) {
  const act = (op, more) => () => blotter.bulk.go(op, more);
  const keys = {
    j: (e) => blotter.move(1, e.shiftKey), ArrowDown: (e) => blotter.move(1, e.shiftKey),
    k: (e) => blotter.move(-1, e.shiftKey), ArrowUp: (e) => blotter.move(-1, e.shiftKey),
    PageDown: () => blotter.move(15), PageUp: () => blotter.move(-15),
    Home: () => blotter.move(-1e9), End: () => blotter.move(1e9),
    ArrowLeft: () => fold(blotter, true), ArrowRight: () => fold(blotter, false),
    x: (e) => chooseHere(blotter, e.shiftKey),
    "*": () => blotter.chooseMore(),
    a: (e) => (e.shiftKey ? act("unacknowledge") : act("acknowledge"))(),
    e: act("resolve"),
    z: () => blotter.toast.choose() || emit("choose"),
    s: (e) => (e.shiftKey ? act("escalate")() : suppressOrEnd(blotter)),
    m: (e) => (e.shiftKey ? blotter.bulk.assign() : blotter.bulk.go("assign", { assignee: blotter.me })),
    c: () => blotter.bulk.compose(),
    u: () => blotter.toast.undoLast() || emit("undo"),
    o: () => blotter.cursor && blotter.show(blotter.cursor),
    "/": () => { blotter.search.focus(); blotter.search.select(); },
    "?": () => blotter.help.showModal(),
    i: () => blotter.setView({ mine: !blotter.view.mine }),
    h: () => blotter.setView({ suppressed: !blotter.view.suppressed }),
    g: () => { const options = [...blotter.group.options]; blotter.setView({ group: options[(blotter.group.selectedIndex + 1) % options.length].value }); },
    t: (e) => sortNext(blotter, e.shiftKey),
    l: () => more(blotter),
    n: (e) => (e.shiftKey ? mayAct() && blotter.bulk.noise() : blotter.release()),
    p: () => pause(blotter),
    d: () => density(blotter),
    b: () => blotter.alarm.toggle(),
  };
  keys[" "] = keys.x;
  keys.Enter = keys.o;
  const onKey = (event) => {
    const target = event.composedPath()[0];
    if (!(target instanceof Element)) return;
    const inside = event.composedPath().includes(blotter.element);
    if (target.matches("input:not([type=checkbox]), textarea, select, [contenteditable=true]")) return;
    // An open menu, a snooze offer and the list of shortcuts have keys of their own.
    if (blotter.help.open || target.closest(".menu.on, .toast.on .offers")) return;
    // A resolved alert is reopened in the drawer, which shows all of it: this key is the drawer's.
    if (event.key === "E" && event.shiftKey) return;
    // A button that has the focus keeps Enter and Space; elsewhere on the page all keys are its own.
    if ((event.key === "Enter" || event.key === " ") && target.matches("button, a, [role=button], input")) return;
    // Letters work wherever the focus is, also on the link that led here; a list, a dialog and a form
    // have keys of their own, and keys that scroll act where the focus is.
    if (!inside && target.closest("[role=dialog], [role=listbox], [role=menu], [data-testid=stPopoverBody], [data-baseweb=popover]")) return;
    if (!inside && event.key.length > 1 && event.key !== "Escape" && !within(event, target)) return;
    if (!mayAct() && ACTING.has(event.key.toLowerCase())) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "a" && inside) { event.preventDefault(); blotter.chooseMore(); return; }
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "Escape") {
      if (blotter.open) emit("close");
      else if (blotter.chosen.size || blotter.bulk.typing() || blotter.bulk.choices) blotter.clear();
      else if (blotter.view.q) { blotter.search.value = ""; blotter.setView({ q: "" }); }
    } else if (/^[1-5]$/.test(key)) toggleSeverity(blotter, SEVERITY_WORDS[Number(key) - 1]);
    else if (keys[key]) keys[key](event);
    else return;
    // Streamlit has keys of its own (R, C) on the whole page.
    event.preventDefault();
    event.stopPropagation();
    event.stopImmediatePropagation();
  };
  document.addEventListener("keydown", onKey, true);
  return () => document.removeEventListener("keydown", onKey, true);
}

/** Whether the keyboard is on the page itself, or in the drawer beside it. */
function within(event, target) {
  return target === document.body || target.matches(".stMain, .stApp") || Boolean(target.closest("[data-testid=stMain]")) || event.composedPath().some((one) => one.classList?.contains?.("drawer"));
}
function suppressOrEnd(blotter) {
  const rows = blotter.targets().map((id) => blotter.rows.get(id)).filter(Boolean);
  if (!blotter.everything && rows.length && rows.every((row) => row.status === "suppressed")) blotter.act("unsuppress");
  else blotter.bulk.suppress();
}
/** Select the row of the cursor, or its whole group; deselect where all of it was selected. */
function chooseHere(blotter, together) {
  if (!blotter.cursor) return;
  const ids = [...(together && sectionOf(blotter)?.ids || [blotter.cursor])];
  const on = !ids.every((id) => blotter.chosen.has(id));
  for (const id of ids) blotter.choose(id, on);
  blotter.paint();
}
const sectionOf = (blotter) => blotter.sections?.find((one) => one.ids.has(blotter.cursor));
/** Collapse the group of the cursor, or expand all; no key hides the status groups. */
function fold(blotter, on) {
  if (!blotter.view.group) return;
  if (!on) blotter.folded.clear();
  else if (sectionOf(blotter)) blotter.folded.add(sectionOf(blotter).key);
  blotter.layout({ hold: true });
}
/** Sort by the next column, or reverse; after the last column, the most urgent first. */
function sortNext(blotter, turn) {
  const names = Object.keys(SORTS), [name, way] = blotter.view.sort.split("-");
  if (turn) return name && blotter.setView({ sort: `${name}-${way === "up" ? "down" : "up"}` });
  const next = names[names.indexOf(name) + 1];
  blotter.setView({ sort: next ? `${next}-${FALLING.has(next) ? "down" : "up"}` : "" });
}
function more(blotter) { if (blotter.data?.more) blotter.setView({ limit: blotter.view.limit + 500 }); }
function toggleSeverity(blotter, word) {
  const had = blotter.view.severity.includes(word);
  blotter.setView({ severity: SEVERITY_WORDS.filter((one) => (one === word ? !had : blotter.view.severity.includes(one))) });
}
function pause(blotter) {
  blotter.paused = !blotter.paused;
  emit("paused", blotter.paused);
  paintChrome(blotter);
  if (!blotter.paused) { blotter.ask(); blotter.layout(); }
}
function density(blotter) {
  blotter.dense = !blotter.dense;
  remembered.set("dense", blotter.dense);
  paintChrome(blotter);
}

function bindPointer(blotter) {
  const { grid } = blotter;
  grid.onclick = (event) => {
    const { target } = event;
    const row = target.closest(".row"), id = row?.dataset.id;
    const doing = target.closest("[data-op]"), head = target.closest("[data-sort]"), fold = target.closest("[data-fold]");
    if (head) return sortBy(blotter, head.dataset.sort);
    if (target === blotter.all) return blotter.chooseAll();
    if (fold) {
      const key = fold.dataset.fold;
      blotter.folded.has(key) ? blotter.folded.delete(key) : blotter.folded.add(key);
      return blotter.layout({ hold: true });
    }
    if (target.dataset?.section !== undefined) {
      const section = blotter.sections.find((one) => one.key === target.dataset.section);
      for (const one of section.ids) blotter.choose(one, target.checked);
      return blotter.paint();
    }
    if (target.closest(".load")) return more(blotter);
    if (!row || target.closest("a")) return;
    if (doing) {
      blotter.cursor = id;
      if (doing.dataset.op === "suppress") return blotter.bulk.suppress([id]);
      return blotter.act(doing.dataset.op, { ids: [id] });
    }
    const boxed = target.closest(".check");
    if (event.shiftKey && blotter.cursor) blotter.chooseRange(blotter.cursor, id);
    else if (boxed || event.ctrlKey || event.metaKey) blotter.choose(id);
    else { blotter.show(id); return; }
    blotter.cursor = id;
    blotter.paint();
  };
  grid.onmousedown = (event) => { if (event.shiftKey) event.preventDefault(); };
  grid.onpointermove = (event) => { if (event.pointerType === "mouse" && (event.movementX || event.movementY)) blotter.pointed = Date.now(); };
  grid.onscroll = () => { if (grid.scrollTop < 4 && blotter.held && !blotter.busy()) blotter.layout(); };
}
function sortBy(blotter, name) {
  const first = FALLING.has(name) ? "down" : "up", other = first === "down" ? "up" : "down";
  const { sort } = blotter.view;
  // Sorted, reversed, and back to the most urgent first.
  blotter.setView({ sort: sort === `${name}-${first}` ? `${name}-${other}` : sort === `${name}-${other}` ? "" : `${name}-${first}` });
}
