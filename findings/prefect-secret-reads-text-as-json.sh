#!/usr/bin/env bash
# Prefect: a Secret block gives a password back as a number, a boolean or None where its text
# happens to be JSON.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    prefect==3.8.8 fastapi==0.150.0 sqlalchemy==2.0.58 pydantic==2.14.3
PREFECT_HOME="$folder/home" "$folder/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

from prefect.blocks.system import Secret

known = {
    "correct horse": "correct horse",
    "00420917": "00420917",
    "42091700": 42091700,
    "7e310": float("inf"),
    "12e4": 120000.0,
    "null": None,
    '"quoted"': "quoted",
}
print(f"Prefect {version('prefect')}, Secret(value=TEXT).get()")
print("Expected: the text that was put in, or an error.")
changed = False
for text, was in known.items():
    seen = Secret(value=text).get()
    changed |= seen != was or type(seen) is not type(was)
    print(f"Seen: {text!r:16} gives {seen!r} ({type(seen).__name__})")
print("Of two passwords of eight digits one comes back as text and one as a number.")
if changed:
    raise SystemExit("CHANGED: this is no longer what the block does")
PY
