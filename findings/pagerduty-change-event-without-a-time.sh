#!/usr/bin/env bash
# pagerduty, PagerDuty's official Python client: `EventsApiV2Client.submit` reports a change only
# where it is given a timestamp, which its documentation says is made for it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check pagerduty==7.2.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version
from unittest.mock import patch

import pagerduty

posted = []
client = pagerduty.EventsApiV2Client("a-routing-key")
with patch.object(client, "send_change_event", lambda **event: posted.append(event)):
    client.submit("Deployed 1.4.2", source="ci", timestamp="2026-11-30T12:00:00Z")
    assert posted[0]["payload"]["summary"] == "Deployed 1.4.2"
    try:
        client.submit("Deployed 1.4.2", source="ci")
    except AttributeError as error:
        seen = f"AttributeError: {error}"
    else:
        raise SystemExit(f"it works now: {posted[1]}")

print(f"pagerduty {version('pagerduty')}")
print("asked:    submit('Deployed 1.4.2', source='ci'), whose timestamp is optional")
print("expected: a change event with the present time")
print(f"seen:     {seen}; nothing is sent. With a timestamp of one's own it is.")
PY
