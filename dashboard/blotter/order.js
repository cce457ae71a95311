// Which rows are shown, in which order and under which heads. Pure.

const SORTS = {
  severity: (row) => row.rank,
  age: (row) => -row.at,
  title: (row) => row.title.toLowerCase(),
  value: (row) => row.number ?? -Infinity,
  rule: (row) => row.rule.toLowerCase(),
  assignee: (row) => row.assignee.toLowerCase() || "￿",
  count: (row) => row.count,
};
/** What is worst, oldest or most comes first when a head is pressed once. */
const FALLING = new Set(["severity", "age", "value", "count"]);

const NEEDS = [
  ["told", "Unacknowledged"],
  ["acknowledged", "Acknowledged"],
  ["suppressed", "Suppressed"],
];
const needOf = (row) => (row.status === "acknowledged" || row.status === "suppressed" ? row.status : "told");

/** The order that the store gives: what needs somebody, the worst, the newest. */
function byNeed(a, b) {
  const order = { told: 0, acknowledged: 1, suppressed: 2 };
  return order[needOf(a)] - order[needOf(b)] || b.rank - a.rank || b.at - a.at || (a.id < b.id ? 1 : -1);
}

function sorted(rows, sort) {
  if (!sort) return rows.sort(byNeed);
  const [name, direction] = sort.split("-");
  const key = SORTS[name] ?? SORTS.severity;
  const sign = direction === "up" ? 1 : -1;
  return rows.sort((a, b) => {
    const x = key(a), y = key(b);
    return x < y ? -sign : x > y ? sign : byNeed(a, b);
  });
}

/**
 * Have `wanted` stand in `body`, in this order. Only what stands elsewhere is moved, so that focus
 * and the browser's own state hold; one that goes to the end moves itself and not all after it.
 */
function stand(body, wanted) {
  const kept = new Set(wanted);
  for (const node of [...body.children]) if (!kept.has(node)) node.remove();
  let place = body.firstChild;
  for (const node of wanted) {
    if (place && place !== node && place.nextSibling === node) {
      place.remove();  // it is put where it is wanted
      place = node;
    }
    if (place === node) place = place.nextSibling;
    else body.insertBefore(node, place);
  }
}

/** Rows under heads: [{key, name, rows}], the head that needs somebody most first. */
function grouped(rows, group, sort) {
  const sections = new Map();
  if (!group && sort) return [{ key: "", name: "", rows: sorted(rows, sort) }];
  if (!group) for (const [key, name] of NEEDS) sections.set(key, { key, name, rows: [] });
  for (const row of sorted(rows, sort)) {
    const key = !group ? needOf(row) : group === "rule" ? row.rule : row.labels[group.slice(6)] ?? "";
    if (!sections.has(key)) sections.set(key, { key, name: key || `no ${group.slice(6)}`, rows: [] });
    sections.get(key).rows.push(row);
  }
  const found = [...sections.values()].filter((section) => section.rows.length);
  if (group) found.sort((a, b) => byNeed([...a.rows].sort(byNeed)[0], [...b.rows].sort(byNeed)[0]));
  return found;
}

/**
 * Whether a row matches what was typed, until the server has answered: words anywhere in what
 * is read, `name:value` as a field or label. The server's answer is what counts.
 */
function matches(row, view, me) {
  if (view.severity.length && !view.severity.includes(SEVERITY[row.rank])) return false;
  if (view.mine && row.assignee !== me) return false;
  if (!view.suppressed && row.status === "suppressed") return false;
  const text = [row.title, row.rule, row.category, row.team, row.assignee, JSON.stringify(row.labels)].join(" ").toLowerCase();
  return view.q.toLowerCase().split(/\s+/).every((word) => {
    const field = /^([a-z_][\w.-]*):(?!\/\/)(.+)$/.exec(word);
    if (!field) return text.includes(word.replaceAll('"', ""));
    const [, name, value] = field;
    const held = { rule: row.rule, severity: SEVERITY[row.rank], team: row.team, category: row.category, assignee: row.assignee, status: row.status }[name] ?? row.labels[name] ?? "";
    return value.split(",").some((one) => held.toLowerCase().startsWith(one.replaceAll('"', "")));
  });
}

/** What a view asks the server for, so that answers to different questions are told apart. */
const askedOf = ({ q, severity, mine, suppressed, limit }) => JSON.stringify([q, severity, mine, suppressed, limit]);

/**
 * Whether a row that is no longer among those loaded stands behind the last of them: pushed out by
 * others, not over.
 */
function beyond(row, { more, rows }) { return Boolean(row && more && rows.length && byNeed(row, rows.at(-1)) > 0); }

const NEW_FOR = 120000;
/**
 * What somebody has to hear of: what is new, and what became worse.
 *
 * `known` holds how bad each was when last seen, and is brought up to date. Where it is another question than before,
 * or not all is loaded, rows also come that were there all the time: of these only what opened
 * after `since` is news.
 */
function newsIn(rows, known, { same, since }) {
  const news = rows.filter((row) => needOf(row) === "told" && !(known.get(row.id) >= row.rank) && (same || known.has(row.id) || row.at > since));
  known.clear();  // what is over and comes back is news
  for (const row of rows) known.set(row.id, row.rank);
  return news;
}

/** Names of labels that several rows carry, to group by. */
function labelNames(rows) {
  const seen = new Map();
  for (const row of rows) for (const name of Object.keys(row.labels)) seen.set(name, (seen.get(name) ?? 0) + 1);
  return [...seen].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1]).map(([name]) => name).slice(0, 12);
}
