#!/usr/bin/env bash
# promql-parser: a text in backquotes with \d or \., which PromQL takes as it stands, has an
# "unknown escape sequence".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check promql-parser==0.12.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import promql_parser


def read(query: str) -> str:
    try:
        (one,) = promql_parser.parse(query).matchers.matchers
    except ValueError as error:
        return f"ValueError: {error}"
    return repr(one.value)


text, digit, dot = read(r"x{host=`web-\d+`}"), read(r"x{host=~`web-\d+`}"), read(r"x{host=~`a\.b`}")
print(f"promql-parser {version('promql-parser')}")
print("Expected: what is in backquotes stands as it is (Prometheus' page on string literals).")
print(rf"Seen: host=`web-\d+`  is {text}")
print(rf"Seen: host=~`web-\d+` is {digit}")
print(rf"Seen: host=~`a\.b`    is {dot}")
if not all("unknown escape sequence" in one for one in (text, digit, dot)):
    raise SystemExit("CHANGED: this is no longer what the library does")
PY
