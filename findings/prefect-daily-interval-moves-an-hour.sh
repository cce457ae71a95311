#!/usr/bin/env bash
# Prefect 3.8.8: a daily interval schedule in a zone with summer time is planned at one hour before
# the clocks change and at another after, and the runs of one day depend on when they were planned.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/plan.py" <<'PY'
import asyncio
import warnings
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

warnings.simplefilter("ignore")
from prefect.server.schemas.schedules import IntervalSchedule

berlin = "Europe/Berlin"
schedule = IntervalSchedule(
    interval=timedelta(days=1),
    anchor_date=datetime(2026, 1, 1, 9, tzinfo=ZoneInfo(berlin)),
    timezone=berlin,
)


async def hour_planned(asked: datetime) -> str:
    """The hour of the run of 1 April, as it is planned at `asked`."""
    dates = await schedule.get_dates(n=10, start=asked)
    return next(f"{one:%H:%M}" for one in dates if (one.month, one.day) == (4, 1))


async def main() -> None:
    before, after = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC)
    print(await hour_planned(before), await hour_planned(after))


asyncio.run(main())
PY
planned_by() {
    "$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
        "prefect==$1" fastapi==0.150.0 sqlalchemy==2.0.58 pydantic==2.14.3 tzdata==2026.6
    PREFECT_HOME="$folder/home" "$folder/venv/bin/python" "$folder/plan.py" 2> /dev/null
}
old=$(planned_by 3.8.8)
new=$(planned_by 3.9.1)
echo "Prefect 3.8.8 and 3.9.1: every day from 1 January 2026, 09:00, in Europe/Berlin, where the"
echo "clocks go forward on 29 March. The run of 1 April, planned on 28 March and on 29 March:"
echo "Expected: 09:00 09:00"
echo "Seen: $old with 3.8.8, $new with 3.9.1"
if [ "$old" != "09:00 10:00" ] || [ "$new" != "09:00 09:00" ]; then
    echo "CHANGED: this is no longer what these two versions do"
    exit 1
fi
