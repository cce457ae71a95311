"""One clock format, the viewer's: the time zone and the language of their browser. Pure.

Browsers write the same in `blotter/shared.js`, and Streamlit in the cells of a table whose column
is `dashboard.table.moments`. No other module writes a time for people.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton, format_time

__all__ = ["Clock", "for_browser"]

OURS = re.compile(
    r"\b(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?: ?UTC|Z|\+00:00)(?!\w)", re.ASCII
)
"""A moment in UTC as Sentinel writes it into texts that are stored."""
FALLBACK = "YYYY-MM-DD"


def for_browser(at: datetime) -> str:
    """Return a moment as texts have it in which the browser writes it for the viewer."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


class Clock(msgspec.Struct, frozen=True):
    """Writes moments for one viewer.

    Attributes:
        zone: of the viewer's browser
        locale: tag of the language of the viewer's browser, as `en-US`
    """

    zone: ZoneInfo
    locale: str = "en-US"

    def local(self, at: datetime) -> datetime:
        """Return a moment in the viewer's time zone."""
        return at.astimezone(self.zone)

    def in_utc(self) -> Clock:
        """Return the clock for what is counted by the days of UTC: same language, other zone."""
        return Clock(ZoneInfo("UTC"), self.locale)

    def moment(self, at: datetime) -> str:
        """Return day and time, as `Nov 29, 2026, 5:24:05 PM`."""
        return _plain(format_datetime(self.local(at), "medium", locale=_locale(self.locale)))

    def full(self, at: datetime) -> str:
        """Return day and time with the name of the time zone."""
        return f"{self.moment(at)} {self.zone.key}"

    def day(self, at: datetime) -> str:
        """Return the day, as `Nov 29, 2026`."""
        return _plain(format_date(self.local(at), "medium", locale=_locale(self.locale)))

    def hour(self, at: datetime) -> str:
        """Return the time of day for the axis of a chart, as `5:24 PM`."""
        return _plain(format_time(self.local(at), "short", locale=_locale(self.locale)))

    def short_day(self, at: datetime) -> str:
        """Return the day for the axis of a chart, as `Nov 29`."""
        return _plain(format_skeleton("MMMd", self.local(at), locale=_locale(self.locale)))

    def weekday(self, at: datetime) -> str:
        """Return the day in the head of a calendar, as `Mon 30`."""
        day = self.local(at)
        return f"{_plain(format_skeleton('E', day, locale=_locale(self.locale)))} {day.day}"

    def brief(self, at: datetime) -> str:
        """Return day and time without year and seconds, as `Mon, Nov 30, 5:24 PM`."""
        day = format_skeleton("MMMEd", self.local(at), locale=_locale(self.locale))
        return f"{_plain(day)}, {self.hour(at)}"

    @property
    def input_format(self) -> str:
        """Return how an input of Streamlit writes a day, in the order of the language."""
        pattern = _locale(self.locale).date_formats["short"].pattern
        parts = {"y": "YYYY", "M": "MM", "d": "DD"}
        order = sorted(parts, key=pattern.find)
        between = next((one for one in ".-/" if one in pattern), "/")
        found = between.join(parts[one] for one in order)
        return found if order in (["y", "M", "d"], ["d", "M", "y"], ["M", "d", "y"]) else FALLBACK

    def localized(self, text: str) -> str:
        """Return a text of Sentinel's own, with its moments in UTC written for the viewer."""
        return OURS.sub(self._local_text, text)

    def _local_text(self, found: re.Match[str]) -> str:
        try:
            at = datetime.fromisoformat(f"{found[1]} {found[2]}")
        except ValueError:
            return found[0]
        return self.moment(at.replace(tzinfo=UTC))


def _plain(text: str) -> str:
    """Return a text with the spaces that browsers write."""
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ")


@lru_cache(maxsize=256)
def _locale(tag: str) -> Locale:
    """Return the locale of a tag, else that of its language, else American English."""
    for one in (tag, tag.partition("-")[0]):
        try:
            return Locale.parse(one, sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale("en", "US")
