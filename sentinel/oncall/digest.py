"""When the digest of a team is due: at a wall-clock time, daily or on some weekdays. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sentinel.timing.active_hours import DAYS, TimeOfDay, Weekdays, ZoneName
from sentinel.timing.local_time import local_of, moment_of

__all__ = ["TeamDigest"]


def _of_this_day(given: str) -> str:
    if given == "24:00":
        raise ValueError("24:00 belongs to two days: write 00:00")
    return given


class TeamDigest(BaseModel):
    """When a team gets its digest, and by which receivers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Annotated[TimeOfDay, AfterValidator(_of_this_day)] = Field(
        description="Local time of day, as 08:00; one that clocks skip is the first after it."
    )
    timezone: ZoneName = Field(default="UTC", description="Whose local time: Europe/Berlin.")
    days: Weekdays = Field(
        default_factory=lambda: list(DAYS),
        min_length=1,
        description="On which days: mon for a weekly digest; left out, daily.",
    )
    receivers: list[str] = Field(min_length=1, max_length=50)
    empty: bool = Field(
        default=True,
        description="Whether it is sent where nothing fired and nothing is open.",
    )

    def last_due(self, moment: datetime) -> datetime:
        """Return when the digest was last due: the newest such time up to a moment.

        Args:
            moment: timezone-aware

        Returns:
            In UTC.

        Raises:
            AssertionError: never; every weekday comes within eight days.
        """
        zone = ZoneInfo(self.timezone)
        today = local_of(moment, zone).date()
        hours, minutes = map(int, self.at.split(":"))
        for back in range(9):
            day = today - timedelta(days=back)
            due = moment_of(datetime.combine(day, time(hours, minutes)), zone)
            if DAYS[day.weekday()] in self.days and due <= moment:
                return due
        raise AssertionError("unreachable")
