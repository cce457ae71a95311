#!/usr/bin/env bash
# chdb: a table that is changed while its disk takes no more has its definition cut, without an
# error, and cannot be loaded again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    chdb-core==26.9.0
"$folder/venv/bin/python" - "$folder/store" <<'PY' | cat
import resource
import signal
import sys
from importlib.metadata import version
from pathlib import Path

import chdb

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
connection = chdb.connect(sys.argv[1])
connection.query("CREATE DATABASE d")
columns = ", ".join(f"column_{n} String" for n in range(40))
connection.query(f"CREATE TABLE d.t ({columns}) ENGINE = MergeTree ORDER BY tuple()")
[definition] = Path(sys.argv[1]).glob("store/*/*/t.sql")
before = definition.stat().st_size
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, limit[1]))  # as a full disk: a short write
try:
    connection.query("ALTER TABLE d.t MODIFY SETTING merge_with_ttl_timeout = 3600")
    said = "no error"
except RuntimeError as error:
    said = str(error).splitlines()[0]
resource.setrlimit(resource.RLIMIT_FSIZE, limit)
after = definition.stat().st_size
connection.query("DETACH TABLE d.t")
try:
    connection.query("ATTACH TABLE d.t")
    attached = "no error"
except RuntimeError as error:
    attached = str(error).splitlines()[0]
connection.close()
print(f"chdb-core {version('chdb-core')}")
print("Expected: ALTER raises, and the definition of the table stays as it was.")
print(f"Seen: ALTER: {said}; the definition had {before} bytes and has {after}; "
      f"ATTACH: {attached[:60]!r}")
if said != "no error" or after != 500 or "Code: 62" not in attached:
    raise SystemExit("CHANGED: this is no longer what chdb does")
PY
