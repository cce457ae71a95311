#!/usr/bin/env bash
# PyYAML: safe_dump with allow_unicode writes a text with NEL (U+0085) in single quotes, where it is
# a line break that folds: the text that is read back has a space in its place.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check PyYAML==6.0.3
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import yaml


def back(text: str, **more: object) -> str:
    return yaml.safe_load(yaml.safe_dump({"x": text}, **more))["x"]


nel = back("a\x85b", allow_unicode=True)
ascii_only = back("a\x85b")
double = back("a\x85b", allow_unicode=True, default_style='"')
separator = back("a\u2028b", allow_unicode=True)

print(f"PyYAML {version('PyYAML')}")
print("Expected: safe_load(safe_dump(x)) is x, also with allow_unicode=True.")
print(f"Seen: 'a\\x85b' is written as {yaml.safe_dump({'x': chr(97) + chr(133) + chr(98)}, allow_unicode=True)!r} and read back as {nel!r}.")
print(f"Without allow_unicode it comes back as {ascii_only!r}, in double quotes as {double!r},")
print(f"and the line separator, which breaks lines as well, as {separator!r}.")
if (nel, ascii_only, double, separator) != ("a b", "a\x85b", "a\x85b", "a\u2028b"):
    raise SystemExit(f"CHANGED: {(nel, ascii_only, double, separator)!r}")
PY
