#!/usr/bin/env bash
# promql-parser: regexes that Prometheus takes are "illegal", and one that it refuses is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    promql-parser==0.12.0 google-re2==1.1.20251105
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import promql_parser
import re2

options = re2.Options()
options.log_errors = False


def takes(work, text: str) -> bool:
    try:
        work(text)
    except (ValueError, re2.error):
        return False
    return True


print(f"promql-parser {version('promql-parser')}, google-re2 {version('google-re2')}")
print("Expected: both take the same, since PromQL's regexes have RE2's syntax.")
seen = {}
for regex in (r"[\w-.]+", r"\Qa.b\E", r"[[]", r"(?x)a b"):
    quoted = regex.replace("\\", "\\\\")
    by_parser = takes(promql_parser.parse, f'x{{host=~"{quoted}"}}')
    by_re2 = takes(lambda text: re2.compile(text, options), regex)
    seen[regex] = (by_parser, by_re2)
    print(f"Seen: host=~{regex!r:12} promql-parser takes it: {by_parser}, RE2 takes it: {by_re2}")
expected = {r"[\w-.]+": (False, True), r"\Qa.b\E": (False, True), "[[]": (False, True)}
if seen != {**expected, r"(?x)a b": (True, False)}:
    raise SystemExit("CHANGED: this is no longer what the libraries do")
PY
