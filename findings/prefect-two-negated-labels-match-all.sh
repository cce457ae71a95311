#!/usr/bin/env bash
# Prefect: a trigger whose label is given a list of excluded values fires for the excluded ones too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    prefect==3.8.8 fastapi==0.150.0 sqlalchemy==2.0.58 pydantic==2.14.3
PREFECT_HOME="$folder/home" "$folder/venv/bin/python" -W ignore - <<'PY'
from datetime import UTC, datetime
from importlib.metadata import version
from uuid import uuid4

from prefect.server.events.schemas.automations import EventTrigger, Posture
from prefect.server.events.schemas.events import ReceivedEvent


def fires_for(environment: str, excluded: object) -> bool:
    trigger = EventTrigger(
        posture=Posture.Reactive, match={"env": excluded}, expect={"alert.opened"}, threshold=1
    )
    event = ReceivedEvent(
        id=uuid4(), occurred=datetime.now(UTC), event="alert.opened",
        resource={"prefect.resource.id": "alert.1", "env": environment},
    )
    return trigger.covers(event)


environments = ("dev", "test", "prod")
one = [each for each in environments if fires_for(each, "!dev")]
two = [each for each in environments if fires_for(each, ["!dev", "!test"])]
print(f"Prefect {version('prefect')}, an Automation's trigger on events of env dev, test and prod")
print('Expected: env "!dev" leaves out dev; env ["!dev", "!test"] leaves out dev and test.')
print(f"Seen: the first fires for {', '.join(one)}; the second for {', '.join(two)}.")
print("The values of a list are alternatives, and every value differs from one of the two.")
if one != ["test", "prod"] or two != ["dev", "test", "prod"]:
    raise SystemExit("CHANGED: this is no longer how Prefect matches")
PY
