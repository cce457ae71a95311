#!/usr/bin/env bash
# nrdpy 0.9.1: HostResult and ServiceResult can be made with no state. The constructor takes a text
# alone, as its docstring says, and then sets a property that takes an integer alone, so that each
# refuses what the other wants. Set after the constructor, an integer is taken.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nrdpy==0.9.1 requests==2.32.5

"$folder/venv/bin/python" - <<'PY'
import nrdpy


def made(kind, state):
    try:
        return kind(state=state).state
    except ValueError:
        return "ValueError"


results = nrdpy.HostResult, nrdpy.ServiceResult
seen = [made(kind, state) for kind in results for state in (0, "0", 2, "2")]
late = nrdpy.ServiceResult()
late.state = 2
print("nrdpy 0.9.1: the results of 0, '0', 2 and '2' as the state of both classes' constructors.")
print("expected: a result of each class for the number or for the text.")
print("seen:", seen, "and", late.state, "where it is set after the constructor")
assert seen == ["ValueError"] * 8
assert late.state == 2
PY
