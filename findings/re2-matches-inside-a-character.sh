#!/usr/bin/env bash
# google-re2: \B matches between the bytes of one character, and is reported at that character's end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check google-re2==1.1.20251105
"$folder/venv/bin/python" - <<'PY'
import re
from importlib.metadata import version

import re2

text = "aéb"  # é is no word character for RE2, so every place in this text is a word boundary
places = [match.span() for match in re2.finditer(r"\B", text)]
written = re2.sub(r"\B", "-", text)
pythons = [match.span() for match in re.finditer(r"\B", text, re.ASCII)]

print(f"google-re2 {version('google-re2')}")
print(rf"Expected: \B is nowhere in {text!r}, as Python's re says with ASCII: {pythons}.")
print(rf"Seen: it is at {places}, twice at one place, which \b also matches; sub gives {written!r}.")
both = re2.search(r"\B", text) is not None and re2.search(r"a\bé\bb", text) is not None
seen = (places, written, pythons, both)
if seen != ([(2, 2), (2, 2)], "aé--b", [], True):
    raise SystemExit(f"CHANGED: {seen}")
PY
