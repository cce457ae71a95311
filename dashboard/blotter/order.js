// Which rows are shown, in which order and in which groups. Pure.

const SORTS = {
  severity: (row) => row.rank,
  age: (row) => -row.at,
  title: (row) => row.title.toLowerCase(),
  value: (row) => row.number ?? -Infinity,
  rule: (row) => row.rule.toLowerCase(),
  assignee: (row) => ownerOf(row).toLowerCase() || "￿",
  ticker: (row) => (row.labels.ticker ?? "￿").toLowerCase(),
  count: (row) => row.count,
};
/** Columns whose first click sorts downwards. */
const FALLING = new Set(["severity", "age", "value", "count"]);

const STATUS_GROUPS = [
  ["unacknowledged", "Unacknowledged"],
  ["acknowledged", "Acknowledged"],
  ["suppressed", "Suppressed"],
  ["resolved", "Resolved"],  // only where a search asks for them
];
const groupOf = (row) => (["acknowledged", "suppressed", "resolved"].includes(row.status) ? row.status : "unacknowledged");

/** The order of the store: unacknowledged, severest, newest first. */
function byUrgency(a, b) {
  const order = { unacknowledged: 0, acknowledged: 1, suppressed: 2, resolved: 3 };
  return order[groupOf(a)] - order[groupOf(b)] || b.rank - a.rank || b.at - a.at || (a.id < b.id ? 1 : -1);
}

function sorted(rows, sort) {
  if (!sort) return rows.sort(byUrgency);
  const [name, direction] = sort.split("-");
  const key = SORTS[name] ?? SORTS.severity;
  const sign = direction === "up" ? 1 : -1;
  return rows.sort((a, b) => {
    const x = key(a), y = key(b);
    return x < y ? -sign : x > y ? sign : byUrgency(a, b);
  });
}

/**
 * Put `wanted` into `body` in this order. Only nodes in another place are moved, so that focus and
 * the browser's own state stay; a node that goes to the end moves itself and not all after it.
 */
function arrange(body, wanted) {
  const kept = new Set(wanted);
  for (const node of [...body.children]) if (!kept.has(node)) node.remove();
  let place = body.firstChild;
  for (const node of wanted) {
    if (place && place !== node && place.nextSibling === node) {
      place.remove();  // it is inserted in its new place
      place = node;
    }
    if (place === node) place = place.nextSibling;
    else body.insertBefore(node, place);
  }
}

/** Rows in groups: [{key, name, rows}], the most urgent group first. */
function grouped(rows, group, sort) {
  const sections = new Map();
  if (!group && sort) return [{ key: "", name: "", rows: sorted(rows, sort) }];
  if (!group) for (const [key, name] of STATUS_GROUPS) sections.set(key, { key, name, rows: [] });
  for (const row of sorted(rows, sort)) {
    const key = !group ? groupOf(row) : group === "rule" ? row.rule : group === "notified" ? row.group : row.labels[group.slice(6)] ?? "";
    const name = group === "notified" ? row.groupName || "in no group" : key || `no ${group.slice(6)}`;
    if (!sections.has(key)) sections.set(key, { key, name, rows: [] });
    sections.get(key).rows.push(row);
  }
  const found = [...sections.values()].filter((section) => section.rows.length);
  if (group) found.sort((a, b) => byUrgency([...a.rows].sort(byUrgency)[0], [...b.rows].sort(byUrgency)[0]));
  return found;
}

/**
 * Whether a row matches a search, until the server has answered: words anywhere in the shown text,
 * `name:value` as a field or label. The server's answer replaces this one.
 */
function matches(row, view, me) {
  if (view.severity.length && !view.severity.includes(SEVERITY[row.rank])) return false;
  if (view.mine && row.assignee !== me) return false;
  if (!view.suppressed && row.status === "suppressed") return false;
  const text = [row.title, row.rule, row.category, row.team, row.assignee, JSON.stringify(row.labels)].join(" ").toLowerCase();
  if (/(^|\s)(-\S|(AND|NOT|OR)\s)/.test(view.q)) return true;  // the server knows
  return view.q.toLowerCase().split(/\s+/).every((word) => {
    const field = /^([a-z_][\w.-]*):(?!\/\/)(.+)$/.exec(word);
    if (!field) return text.includes(word.replaceAll('"', ""));
    const [, name, value] = field;
    if (name === "group" && /^[0-9a-f]{32}$/.test(value)) return true;  // the server knows
    const held = { rule: row.rule, severity: SEVERITY[row.rank], team: row.team, category: row.category, assignee: row.assignee, status: row.status }[name] ?? row.labels[name] ?? "";
    return value.split(",").some((one) => held.toLowerCase().startsWith(one.replaceAll('"', "")));
  });
}

/** What a view asks the server for, to distinguish answers to different requests. */
const askedOf = ({ q, severity, mine, suppressed, limit }) => JSON.stringify([q, severity, mine, suppressed, limit]);

/**
 * Whether a row that is no longer loaded sorts after the last one that is: others pushed it out, it
 * was not resolved.
 */
function isBeyond(row, { more, rows }) { return Boolean(row && more && rows.length && byUrgency(row, rows.at(-1)) > 0); }

const NEW_FOR = 120000;
/**
 * The rows to announce: alerts that are new or became more severe.
 *
 * `known` holds the severity that each was last shown with, and is updated. Where the view changed, or
 * not all is loaded, rows also come that existed all the time: of these only those that opened after
 * `since` are new.
 */
function newlyFiring(rows, known, { same, since }) {
  const fresh = rows.filter((row) => groupOf(row) === "unacknowledged" && !(known.get(row.id) >= row.rank) && (same || known.has(row.id) || row.at > since));
  known.clear();  // an alert that resolves and reopens is new
  for (const row of rows) known.set(row.id, row.rank);
  return fresh;
}

/** Names of labels that several rows carry, to group by. */
function labelNames(rows) {
  const seen = new Map();
  for (const row of rows) for (const name of Object.keys(row.labels)) seen.set(name, (seen.get(name) ?? 0) + 1);
  return [...seen].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1]).map(([name]) => name).slice(0, 12);
}
