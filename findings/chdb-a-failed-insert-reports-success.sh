#!/usr/bin/env bash
# chdb: a streaming insert whose rows cannot be written ends without an error, and says how many
# rows it wrote.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    chdb-core==26.9.0
"$folder/venv/bin/python" - "$folder/store" <<'PY'
import sys
from importlib.metadata import version

import chdb

connection = chdb.connect(sys.argv[1])
connection.query(
    "CREATE TABLE t (n UInt64, CONSTRAINT small CHECK n < 10) ENGINE = MergeTree ORDER BY n"
)
try:
    with connection.send_insert("INSERT INTO t", "JSONEachRow") as stream:
        stream.append(b'{"n": 99}\n')
        said = stream.finish()
except Exception as error:
    said = error
try:
    connection.query('INSERT INTO t FORMAT JSONEachRow {"n": 99}')
    plain = "no error"
except Exception as error:
    plain = str(error).splitlines()[0]
rows = str(connection.query("SELECT count() FROM t")).strip()
connection.close()
print(f"chdb-core {version('chdb-core')}")
print("Expected: finish() raises that the constraint is violated, as the same insert by query() does.")
print(f"Seen: finish() returned {said}; query() raised {plain[:90]!r}; the table has {rows} rows.")
if "rows_written=1" not in str(said) or "469" not in plain or rows != "0":
    raise SystemExit("CHANGED: this is no longer what chdb does")
PY
