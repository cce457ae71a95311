#!/usr/bin/env bash
# recurring-ical-events: removing one occurrence of a shift also removes the occurrence that lies
# one UTC offset away from it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    recurring-ical-events==3.8.2 icalendar==7.3.2 python-dateutil==2.9.0.post0 tzdata==2026.6
"$folder/venv/bin/python" - <<'PY'
from datetime import datetime
from importlib.metadata import version
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import HOURLY, rrule, rruleset


def starts(zone: str) -> list[str]:
    """Three shifts of 8 hours a day, with the one of 3 March, 08:00 local time, taken out."""
    text = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//rota//EN
BEGIN:VEVENT
UID:rota@example.org
DTSTAMP:20260101T000000Z
DTSTART;TZID={zone}:20260302T000000
DURATION:PT8H
RRULE:FREQ=HOURLY;INTERVAL=8
EXDATE;TZID={zone}:20260303T080000
END:VEVENT
END:VCALENDAR
"""
    calendar = icalendar.Calendar.from_ical(text.replace("\n", "\r\n"))
    found = recurring_ical_events.of(calendar).between((2026, 3, 2), (2026, 3, 5))
    local = sorted(one["DTSTART"].dt.astimezone(ZoneInfo(zone)) for one in found)
    return [one.strftime("%d %Hh") for one in local]


rule = rruleset()
rule.rrule(rrule(HOURLY, interval=8, count=9, dtstart=datetime(2026, 3, 2)))
rule.exdate(datetime(2026, 3, 3, 8))
right = [one.strftime("%d %Hh") for one in rule]
utc, singapore = starts("UTC"), starts("Asia/Singapore")

print(f"recurring-ical-events {version('recurring-ical-events')}")
print("Expected: of nine shifts the one of 3 March, 08:00, is gone, and the other eight are left.")
print("dateutil's rruleset:", ", ".join(right))
print("Seen in UTC:        ", ", ".join(utc))
print("Seen in Singapore:  ", ", ".join(singapore))
print("In UTC+8 the shifts 8 hours before and after are gone as well: nobody for 24 hours instead of 8.")
if utc != right or singapore != [one for one in right if one not in ("03 00h", "03 16h")]:
    raise SystemExit("CHANGED: this is no longer what the library does")
PY
