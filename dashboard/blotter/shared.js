// What the widgets share: elements, words for numbers and times, and keeping things in the browser.
// The widgets' files are joined to one module (see blotter/__init__.py), so that nothing is imported
// and nothing needs a build step.

const SEVERITY = { 5: "critical", 4: "high", 3: "medium", 2: "low", 1: "info" };
const SEVERITY_WORDS = ["critical", "high", "medium", "low", "info"];
const SHORT = { critical: "CRIT", high: "HIGH", medium: "MED", low: "LOW", info: "INFO" };

/** Make an element. Texts become text nodes, so that no text of an alert is ever markup. */
function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made[name] = value;
    else if (name === "style") made.style.cssText = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}

const PATHS = {
  acknowledge: ["M3 8.5 6.5 12 13 4.5"],
  takeback: ["M6 4 2.5 7.500 6 11", "M3 7.500h6a4 4 0 0 1 4 4v.5"],
  resolve: ["M14 8A6 6 0 1 1 8 2", "m5.500 8 2 2 6-6.500"],
  suppress: ["M4 11V7a4 4 0 0 1 6.800-2.900M12 7.500V11", "M2.500 11.500h11M6.800 14h2.400M2 2l12 12"],
  unsuppress: ["M4 11V7a4 4 0 0 1 8 0v4", "M2.500 11.500h11M6.800 14h2.400"],
  escalate: ["M8 13V3.500", "m4 7 4-4 4 4"],
  mark_noise: ["M2 8h2l1.500-4 2.500 8 2-6 1.500 3.500L13 8h1"],
  assign: ["M8 7.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z", "M3 13.500c.5-2.500 2.500-4 5-4s4.500 1.500 5 4"],
  comment: ["M2.500 3.500h11v7.500H8l-3 2.500V11H2.500Z"],
  open: ["M9 3h4v4M13 3 7 9M11 9v4H3V5h4"],
  pause: ["M6 4v8M10 4v8"],
  play: ["m5 3.500 7 4.500-7 4.500Z"],
  bell: ["M4 11V7a4 4 0 0 1 8 0v4", "M2.500 11.500h11M6.800 14h2.400"],
  rows: ["M3 4h10M3 8h10M3 12h10"],
  keys: ["M1.500 4h13v8h-13Z", "M4 6.800h.01M7 6.800h.01M10 6.800h.01M5 9.500h6"],
  close: ["m4 4 8 8M12 4l-8 8"],
  search: ["M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9Z", "m10.500 10.500 3 3"],
  more: ["m4 6 4 4 4-4"],
  late: ["M8 2.500 14.500 13.500h-13Z", "M8 6.500v3.200M8 11.700v.01"],
  link: ["M6.500 9.500 9.500 6.500", "M7 5 8.500 3.500a2.800 2.800 0 0 1 4 4L11 9M9 11l-1.500 1.500a2.800 2.800 0 0 1-4-4L5 7"],
};
function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": "1.6",
    "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true",
  })) svg.setAttribute(key, value);
  for (const d of PATHS[name] ?? []) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** A duration in at most two units: 45s, 9m, 3h 20m, 12d. */
function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 10 && Math.floor((seconds % 3600) / 60)) return `${hours}h ${Math.floor((seconds % 3600) / 60)}m`;
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
/** One clock format, the viewer's, as in Streamlit's tables and in dashboard/clock.py; nothing else writes times. */
const writesTime = (shown) => {
  // Babel writes these for every language; browsers take those of the language (th-TH, fa-IR, ar-SA).
  const options = { ...shown, calendar: "gregory", numberingSystem: "latn" };
  try { return new Intl.DateTimeFormat(navigator.languages, options); } catch { return new Intl.DateTimeFormat(undefined, options); }
};
const CLOCK = {
  full: writesTime({ dateStyle: "medium", timeStyle: "medium" }), time: writesTime({ timeStyle: "medium" }),
  hour: writesTime({ timeStyle: "short" }), day: writesTime({ month: "short", day: "numeric" }), date: writesTime({ dateStyle: "medium" }),
};
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
function press(button, on) { button.setAttribute("aria-pressed", String(on)); }
/** A moment in the viewer's own time zone, with the zone's name. */
const moment = (at) => `${CLOCK.full.format(at)} ${ZONE}`;
/** The time of day, with the day where it is another than today. */
const brief = (at) => (CLOCK.date.format(at) === CLOCK.date.format(Date.now()) ? CLOCK.time : CLOCK.full).format(at);
const OURS = /\b(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?: ?UTC|Z|\+00:00)(?!\w)/g;
/** A text of Sentinel's own, with its moments in UTC written for the viewer. */
const localized = (text) => text.replace(OURS, (whole, day, time) => { const at = Date.parse(`${day}T${time}Z`); return Number.isNaN(at) ? whole : CLOCK.full.format(at); });
const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
const capped = (n) => (n > 10000 ? "10,000+" : n.toLocaleString("en"));

/** The comment of a step; Sentinel's own, which has no actor, may hold moments. */
const commentOf = (step) => (step.actor ? step.comment : localized(step.comment));

/** Stored in this browser; one that forbids it forgets with the page. */
const remembered = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(`sentinel.${name}`)) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) {
    try { localStorage.setItem(`sentinel.${name}`, JSON.stringify(value)); } catch { /* private window */ }
  },
};
/** Half-typed notes by alert, kept over a reload of the page. */
const drafts = {
  get(id) { try { return sessionStorage.getItem(`sentinel.draft.${id}`) ?? ""; } catch { return ""; } },
  set(id, text) {
    try { text ? sessionStorage.setItem(`sentinel.draft.${id}`, text) : sessionStorage.removeItem(`sentinel.draft.${id}`); } catch { /* as above */ }
  },
};

function emit(name, detail) { window.dispatchEvent(new CustomEvent(`sentinel:${name}`, { detail })); }

/** Whom an alert is assigned to, else who acknowledged it, as in the history. */
const ownerOf = (row) => row.assignee || (row.status === "acknowledged" ? row.by : "");
