#!/usr/bin/env bash
# PyYAML: a plain text that has the form of a date, such as the order number 2026-13-01, ends the
# whole document with a ValueError that is no yaml.YAMLError and names no line.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check PyYAML==6.0.3
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import yaml

document = "name: spare parts\norder: 2026-13-01\n"
seen: list[str] = []
for loader in (yaml.SafeLoader, yaml.CSafeLoader):
    try:
        seen.append(repr(yaml.load(document, loader)))
    except yaml.YAMLError as error:
        seen.append(f"a YAMLError: {error}")
    except ValueError as error:
        seen.append(f"a {type(error).__name__} that is no YAMLError: {error}")
quoted = yaml.safe_load(document.replace("2026-13-01", "'2026-13-01'"))["order"]
longer = yaml.safe_load(document.replace("2026-13-01", "2026-13-001"))["order"]

print(f"PyYAML {version('PyYAML')}")
print("Expected: the text 2026-13-01, or a YAMLError with its line, as for all that cannot be read.")
print(f"Seen, by both safe loaders: {seen[0]}; no line is named.")
print(f"In quotes it is read as {quoted!r}, and with one digit more, without quotes, as {longer!r}.")
if seen != ["a ValueError that is no YAMLError: month must be in 1..12"] * 2:
    raise SystemExit(f"CHANGED: {seen}")
if (quoted, longer) != ("2026-13-01", "2026-13-001"):
    raise SystemExit(f"CHANGED: {quoted!r}, {longer!r}")
PY
