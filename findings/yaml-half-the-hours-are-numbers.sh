#!/usr/bin/env bash
# YAML 1.1 (PyYAML): an hour of the day without quotes is text until 09:59 and a number from 10:00.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check pyyaml==6.0.4 ruamel.yaml==0.19.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import yaml
from ruamel.yaml import YAML

text = "active_hours: {from: 08:30, until: 18:30}"
first = yaml.safe_load(text)["active_hours"]
second = YAML(typ="safe").load(text)["active_hours"]
kinds = {
    type(yaml.safe_load(f"at: {hour:02}:{minute:02}")["at"]).__name__: hour
    for hour in reversed(range(24))
    for minute in (0, 30, 59)
}

print(f"PyYAML {version('PyYAML')} (YAML 1.1), ruamel.yaml {version('ruamel.yaml')} (YAML 1.2)")
print(f"Expected: in `{text}` both ends are of one kind.")
print(f"Seen by PyYAML: {first}: 18:30 is a number of base 60, 08:30 is none since it begins with 0.")
print(f"Seen by ruamel.yaml, which Prefect writes with: {second}.")
print(f"Over the day: text from hour {kinds['str']}, numbers from hour {kinds['int']}.")
seen = (first, second, kinds)
if seen != (
    {"from": "08:30", "until": 1110},
    {"from": "08:30", "until": "18:30"},
    {"str": 0, "int": 10},
):
    raise SystemExit(f"CHANGED: {seen}")
PY
