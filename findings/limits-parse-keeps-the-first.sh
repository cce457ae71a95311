#!/usr/bin/env bash
# limits: `parse` reads a text with several limits without an error and returns the first alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check limits==5.8.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import limits

text = "100/minute; 1000/day"
one, many = limits.parse(text), limits.parse_many(text)

print(f"limits {version('limits')}")
print(f"Expected: parse({text!r}) applies both limits, or says that it takes one.")
print(f"Seen: parse gives {one}, without an error; parse_many gives {', '.join(map(str, many))}.")
try:
    limits.parse("100/minute 1000/day")
    spaced = "accepted"
except ValueError:
    spaced = "refused"
print(f"Two limits with only a space between them are {spaced}, so a mistake is noticed there.")
seen = (str(one), [str(each) for each in many], spaced)
if seen != ("100 per 1 minute", ["100 per 1 minute", "1000 per 1 day"], "refused"):
    raise SystemExit(f"CHANGED: {seen}")
PY
