#!/usr/bin/env bash
# Prefect: a cron schedule of every few minutes plans nothing in the hour that comes twice when
# summer time ends, so a check that runs every five minutes does not run for an hour.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    prefect==3.8.8 fastapi==0.150.0 sqlalchemy==2.0.58 pydantic==2.14.3 cronsim==2.8 tzdata==2026.6
PREFECT_HOME="$folder/home" "$folder/venv/bin/python" -W ignore - <<'PY'
import asyncio
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

from cronsim import CronSim
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule

berlin, five = ZoneInfo("Europe/Berlin"), timedelta(minutes=5)
start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 summer time
hour = datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()  # 02:00 to 03:00 for the second time


async def planned(schedule: CronSchedule | IntervalSchedule) -> int:
    """Runs planned for the second 02:00 to 03:00, asked before it and every minute during it."""
    found: set[float] = set()
    for minute in range(90):
        dates = await schedule.get_dates(n=30, start=start + timedelta(minutes=minute))
        found |= {one.timestamp() for one in dates}
    return sum(hour <= one < hour + 3600 for one in found)


async def main() -> None:
    cron = await planned(CronSchedule(cron="*/5 * * * *", timezone="Europe/Berlin"))
    cron_utc = await planned(CronSchedule(cron="*/5 * * * *", timezone="UTC"))
    interval = await planned(
        IntervalSchedule(interval=five, anchor_date=start, timezone="Europe/Berlin")
    )
    times = CronSim("*/5 * * * *", start.astimezone(berlin))
    peer = sum(hour <= next(times).timestamp() < hour + 3600 for _ in range(30))

    print(f"Prefect {version('prefect')}, every five minutes, 25 October 2026 in Europe/Berlin, where")
    print("02:00 to 03:00 comes twice. Runs that are planned for its second coming:")
    print("Expected: 12, since */5 names an interval and no hour of the day.")
    print(f"Seen: {cron} by the cron schedule, whether asked before that hour or in it")
    print(f"      {cron_utc} by the same cron in UTC, {interval} by an interval schedule")
    print(f"      {peer} by cronsim {version('cronsim')}, which Prefect installs")
    if (cron, cron_utc, interval, peer) != (0, 12, 12, 12):
        raise SystemExit("CHANGED: this is no longer what Prefect plans")


asyncio.run(main())
PY
