// The readings around one alert, as SVG: the line, the thresholds, and what happened when.

const CHART = { width: 436, height: 168, left: 44, right: 8, top: 12, bottom: 36 };
const MARKS = { opened: "opened", reopened: "opened", escalated: "opened", acknowledged: "acknowledged", resolved: "resolved" };

function draw(tag, props, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) if (value !== null && value !== undefined) made.setAttribute(name, value);
  made.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}
const titled = (words) => draw("title", {}, words);

/** Round steps that people read easily: 1, 2 or 5 times a power of ten. */
function ticks(low, high, most) {
  const raw = (high - low) / most || 1;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * size).find((one) => one >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return found;
}
const short = (value) => (Math.abs(value) >= 10000 ? `${+(value / 1000).toPrecision(4)}k` : `${+value.toPrecision(4)}`);
const wording = (value, unit) => `${+value.toPrecision(4)}${unit === "percent" ? " %" : unit ? ` ${unit}` : ""}`;
function timeTicks(since, until) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080].map((minutes) => minutes * 60000);
  const step = steps.find((one) => (until - since) / one <= 5) ?? steps.at(-1);
  const shift = new Date(since).getTimezoneOffset() * 60000;
  const found = [];
  for (let at = Math.ceil((since - shift) / step) * step + shift; at <= until; at += step) found.push(at);
  const format = step >= 1440 * 60000 ? CLOCK.day : CLOCK.hour;
  return found.map((at) => [at, format.format(at)]);
}

/** The chart in words, for people who cannot see it. */
function summary(readings) {
  const values = readings.points.map(([, value]) => value), { unit } = readings;
  const bounds = readings.lines.map((line) => line.name).join(", ");
  return `Readings: last ${wording(values.at(-1), unit)}, lowest ${wording(Math.min(...values), unit)}, highest ${wording(Math.max(...values), unit)}${bounds ? `; fires when ${bounds}` : ""}`;
}

/**
 * The chart as an element.
 *
 * readings: {since, until, points: [[ms, value]], step, unit, lines}; alert: its opened, resolved
 * and rank; timeline: steps as the drawer shows them.
 */
function chart(readings, alert, timeline, now) {
  const { width, height, left, right, top, bottom } = CHART;
  const { points, since, until, unit } = readings;
  const values = [...points.map(([, value]) => value), ...readings.lines.map((line) => line.at)];
  let low = Math.min(...values), high = Math.max(...values);
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  low = low >= 0 && low - room < 0 ? 0 : low - room;
  high += room;
  const x = (at) => left + ((at - since) / (until - since)) * (width - left - right);
  const y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const floor = height - bottom;
  const within = (at) => Math.max(since, Math.min(until, at));
  // A longer gap than usual is drawn as a gap: nothing was measured in it.
  const gap = readings.step * 2500;
  let path = "", before = null;
  const lonely = [];
  points.forEach(([at, value], place) => {
    const joined = before !== null && at - before <= gap;
    path += `${joined ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!joined && !(points[place + 1]?.[0] - at <= gap)) lonely.push([at, value]);
    before = at;
  });
  const open = alert.opened ? [draw("rect", { class: "during", x: x(within(alert.opened)), y: top, width: Math.max(1, x(within(alert.resolved ?? now)) - x(within(alert.opened))), height: floor - top }, titled("alert open"))] : [];
  const marks = timeline.filter((step) => step.at >= since && step.at <= until).map((step) => {
    const at = x(step.at), kind = MARKS[step.kind] ?? "";
    const words = `${CLOCK.full.format(step.at)} · ${step.actor ? `${step.actor}: ` : ""}${step.reasonText || step.kind}${step.comment ? ` “${commentOf(step).slice(0, 80)}”` : ""}`;
    return draw("g", { class: `moment ${kind}` }, titled(words),
      draw("line", { x1: at, x2: at, y1: top, y2: floor }),
      kind === "opened" ? draw("rect", { x: at - 4, y: floor - 4, width: 8, height: 8, rx: 1.5 }) : kind ? draw("circle", { cx: at, cy: floor, r: 4.5 }) : draw("path", { d: `M${at} ${floor - 4.5}l4.5 4.5-4.5 4.5-4.5-4.5Z` }));
  });
  const near = { line: draw("line", { class: "near", y1: top, y2: floor }), dot: draw("circle", { class: "near", r: 3.5 }) };
  const readout = draw("text", { class: "readout", y: top - 2 });
  const hover = draw("g", { visibility: "hidden" }, near.line, near.dot, readout);
  const svg = draw("svg", { class: `chart sev-${SEVERITY[alert.rank]}`, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary(readings) },
    ticks(low, high, 4).map((at) => draw("g", { class: "tick" }, draw("line", { x1: left, x2: width - right, y1: y(at), y2: y(at) }), draw("text", { x: left - 6, y: y(at) + 3.5, "text-anchor": "end" }, short(at)))),
    timeTicks(since, until).map(([at, words]) => draw("text", { class: "when", x: Math.min(width - 28, Math.max(left + 12, x(at))), y: height - 12, "text-anchor": "middle" }, words)),
    open,
    readings.lines.map((line) => draw("g", { class: `bound${line.rank ? ` sev-${SEVERITY[line.rank]}` : ""}` }, titled(`fires when ${line.name}`),
      draw("line", { x1: left, x2: width - right, y1: y(line.at), y2: y(line.at) }), draw("text", { x: left + 3, y: y(line.at) - 4 }, line.name))),
    marks, draw("path", { class: "line", d: path }), lonely.map(([at, value]) => draw("circle", { class: "dot", cx: x(at), cy: y(value), r: 2 })), hover);
  svg.onpointermove = (event) => {
    const box = svg.getBoundingClientRect();
    const at = since + (((event.clientX - box.left) / box.width) * width - left) / (width - left - right) * (until - since);
    const [time, value] = points.reduce((best, one) => (Math.abs(one[0] - at) < Math.abs(best[0] - at) ? one : best));
    near.line.setAttribute("x1", x(time)); near.line.setAttribute("x2", x(time));
    near.dot.setAttribute("cx", x(time)); near.dot.setAttribute("cy", y(value));
    readout.textContent = `${wording(value, unit)} at ${CLOCK.full.format(time)}`;
    const late = x(time) > width / 2;
    readout.setAttribute("x", late ? width - right : left); readout.setAttribute("text-anchor", late ? "end" : "start");
    hover.setAttribute("visibility", "visible");
  };
  svg.onpointerleave = () => hover.setAttribute("visibility", "hidden");
  return svg;
}
