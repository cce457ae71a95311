#!/usr/bin/env bash
# cel-python: whether a whole number and a fraction can be compared depends on which stands left.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check cel-python==0.5.0 google-re2==1.1.20251105
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import celpy


def evaluated(text: str, value: float) -> str:
    environment = celpy.Environment()
    program = environment.program(environment.compile(text))
    try:
        return str(bool(program.evaluate({"value": celpy.json_to_cel(value)}))).lower()
    except celpy.CELEvalError:
        return "error"


expected = [  # the expression, the value, what the CEL specification says, what 0.5.0 says
    ("value > 90", 95.5, "true", "true"),
    ("90 < value", 95.5, "true", "error"),
    ("value > 90.0", 95, "true", "error"),
    ("90.0 < value", 95, "true", "true"),
    ("value == 90", 90.0, "true", "error"),
    ("value != 90", 95.5, "true", "error"),
]
print(f"cel-python {version('cel-python')}")
print("Expected: whole numbers and fractions are compared in either order (CEL, Numeric Values).")
changed = False
for text, value, right, known in expected:
    seen = evaluated(text, value)
    changed |= seen != known
    print(f"{text:13} with value {value:<4}: should be {right}, is {seen}")
print("A rule works until its metric happens to be sent as a whole number, or as a fraction.")
if changed:
    raise SystemExit("CHANGED: this is no longer what the library does")
PY
