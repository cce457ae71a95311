#!/usr/bin/env bash
# luqum: `&&`, `||` and `!`, which Lucene's syntax has beside AND, OR and NOT, are words to look for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check luqum==1.0.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from luqum.elasticsearch import ElasticsearchQueryBuilder
from luqum.parser import parser

build = ElasticsearchQueryBuilder(default_field="text")
words, signs = parser.parse("a:x AND NOT b:y"), parser.parse("a:x && !b:y")
print(f"luqum {version('luqum')}")
print("Expected: `a:x && !b:y` is parsed as `a:x AND NOT b:y`, as Lucene's classic syntax has it.")
print("Seen of AND NOT:", repr(words))
print("Seen of && !:   ", repr(signs))
print("As Elasticsearch is asked:", build(signs))
if "Word('&&')" not in repr(signs) or "SearchField('!b'" not in repr(signs):
    raise SystemExit("CHANGED: this is no longer what the library does")
PY
