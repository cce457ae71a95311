"""Active hours over clock changes, and how often something may be told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.timing.active_hours import DAYS, ActiveHours
from sentinel.timing.rate_limit import Limit, LimitReason, Spent, allow

BERLIN = ZoneInfo("Europe/Berlin")
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hours(zone: str = "Europe/Berlin", **given: Any) -> ActiveHours:
    return ActiveHours.model_validate({"timezone": zone, **given})


def berlin(*when: int, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=BERLIN, fold=fold)  # type: ignore[misc, arg-type]


OFFICE = hours(windows=[{"days": "mon-fri", "start": "08:00", "end": "18:00"}])
NIGHT = hours(windows=[{"days": "fri", "start": "22:00", "end": "06:00"}])


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        (berlin(2026, 3, 2, 7, 59), False),
        (berlin(2026, 3, 2, 8), True),
        (berlin(2026, 3, 2, 17, 59), True),
        (berlin(2026, 3, 2, 18), False),
        (berlin(2026, 3, 1, 12), False),  # a Sunday
        (datetime(2026, 7, 1, 6, tzinfo=UTC), True),  # summer time
        (datetime(2026, 1, 7, 6, 30, tzinfo=UTC), False),
    ],
)
def test_office_hours_are_local(when: datetime, is_open: bool):
    assert OFFICE.open_at(when) is is_open


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins():
    assert NIGHT.open_at(berlin(2026, 3, 7, 5, 59))  # a Saturday
    assert not NIGHT.open_at(berlin(2026, 3, 7, 6))
    assert not NIGHT.open_at(berlin(2026, 3, 7, 23))


@pytest.mark.parametrize(
    ("start", "end", "opens", "closes"),
    [
        ("02:30", "03:30", (3, 0), (3, 30)),  # it keeps its end
        ("02:30", "04:00", (3, 0), (4, 0)),
        ("02:10", "02:50", (3, 0), (3, 40)),  # all of it is missing: it keeps its length
        ("01:00", "02:30", (1, 0), (3, 0)),
        ("02:00", "03:00", (3, 0), (4, 0)),
        ("22:00", "02:30", (0, 0), (3, 0)),  # it began the day before
    ],
)
def test_a_local_time_that_does_not_exist_is_the_first_that_does(
    start: str, end: str, opens: tuple[int, int], closes: tuple[int, int]
):
    spring = hours(windows=[{"start": start, "end": end}])
    found = minutes_open(spring, date(2026, 3, 29))  # 02:00 becomes 03:00
    until = [one.astimezone(UTC) for one in found if one.hour < 12]
    begin, end_ = berlin(2026, 3, 29, *opens), berlin(2026, 3, 29, *closes)
    assert (until[0], until[-1] + timedelta(minutes=1)) == (begin, end_)
    assert len(until) == (end_.astimezone(UTC) - begin.astimezone(UTC)) / timedelta(minutes=1)


def minutes_open(one: ActiveHours, day: date) -> list[datetime]:
    """The minutes of a local day at which it is open, as local times."""
    zone = ZoneInfo(one.timezone)
    first = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    around = ((first + timedelta(minutes=n)).astimezone(zone) for n in range(-26 * 60, 26 * 60))
    return [moment for moment in around if moment.date() == day and one.open_at(moment)]


def test_a_day_that_a_zone_left_out_has_no_hours():
    samoa = hours("Pacific/Apia", windows=[{"start": "09:00", "end": "17:00"}], also=["2011-12-30"])
    assert minutes_open(samoa, date(2011, 12, 29))
    before, after = datetime(2011, 12, 30, 3, tzinfo=UTC), datetime(2011, 12, 30, 19, tzinfo=UTC)
    assert samoa.changes_after(before) == after  # 17:00 on the 29th to 09:00 on the 31st
    assert not samoa.open_at(datetime(2011, 12, 30, 10, tzinfo=UTC))


def test_of_a_local_time_that_there_is_twice_the_first_counts():
    autumn = hours(windows=[{"start": "02:30", "end": "05:00"}])
    assert autumn.open_at(berlin(2026, 10, 25, 2, 30, fold=0))
    assert autumn.open_at(berlin(2026, 10, 25, 2, 10, fold=1))  # an hour later than 02:10
    ending = hours(windows=[{"start": "00:00", "end": "02:30"}])
    assert not ending.open_at(berlin(2026, 10, 25, 2, 10, fold=1))


def test_dates_are_open_or_closed_all_day():
    one = hours(windows=[{"days": "mon-fri", "start": "08:00", "end": "18:00"}],
                also=["2026-03-01"], never=["2026-03-02"])  # fmt: skip
    assert one.open_at(berlin(2026, 3, 1, 3))
    assert not one.open_at(berlin(2026, 3, 2, 12))


NIGHTS: dict[str, Any] = {"windows": [{"start": "22:00", "end": "06:00"}]}


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
)
def test_a_closed_date_is_closed_from_midnight_to_midnight(zone: str):
    one = hours(zone, **NIGHTS, never=["2026-12-25"])
    assert minutes_open(one, date(2026, 12, 25)) == []
    for day in (24, 26):
        found = minutes_open(one, date(2026, 12, day))
        assert [len(found), found[0].hour, found[-1].hour] == [8 * 60, 0, 23]


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
)
def test_an_open_date_takes_nothing_from_the_night_after_it(zone: str):
    one = hours(zone, **NIGHTS, also=["2026-12-24"])
    assert len(minutes_open(one, date(2026, 12, 24))) == 24 * 60
    assert minutes_open(one, date(2026, 12, 25))[:1] == [
        datetime(2026, 12, 25, tzinfo=ZoneInfo(zone))
    ]


def test_a_holiday_is_closed_from_midnight_to_midnight():
    one = hours(**NIGHTS, holidays="DE")
    assert minutes_open(one, date(2026, 5, 1)) == []
    assert len(minutes_open(one, date(2026, 5, 2))) == 8 * 60


def test_it_says_when_it_next_opens_or_closes():
    assert OFFICE.changes_after(berlin(2026, 3, 6, 17)) == berlin(2026, 3, 6, 18)
    assert OFFICE.changes_after(berlin(2026, 3, 6, 18)) == berlin(2026, 3, 9, 8)
    assert hours().changes_after(T0) is None


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ("mon-fri", ["mon", "tue", "wed", "thu", "fri"]),
        ("Saturday, Sunday", ["sat", "sun"]),
        ("fri-mon", ["mon", "fri", "sat", "sun"]),
        (["tue"], ["tue"]),
    ],
)
def test_weekdays_are_read_as_people_write_them(given: Any, days: list[str]):
    assert hours(windows=[{"days": given}]).windows[0].days == days


def test_yamls_minutes_are_a_time_of_day():
    assert hours(windows=[{"start": 510, "end": "9:05"}]).windows[0].start == "08:30"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"timezone": "Berlin"}, "no time zone"),
        ({"windows": [{"days": "monday-fryday"}]}, "no weekday"),
        ({"windows": [{"start": "25:00"}]}, "no time of day"),
        ({"windows": [{"start": "08:00", "end": "08:00"}]}, "begins and ends"),
        ({"windows": []}, "at least 1"),
    ],
)
def test_invalid_active_hours_are_refused(given: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        ActiveHours.model_validate(given)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                         "Asia/Kathmandu", "America/Sao_Paulo"])  # fmt: skip
TIMES = st.integers(0, 1439).map(lambda m: f"{m // 60:02}:{m % 60:02}")
MOMENTS = st.integers(0, 2 * 365 * 1440).map(
    lambda m: T0 - timedelta(days=365) + timedelta(minutes=m)
)


@settings(max_examples=60)
@given(zone=ZONES, start=TIMES, end=TIMES, moment=MOMENTS)
def test_between_two_changes_nothing_changes(zone: str, start: str, end: str, moment: datetime):
    if start == end:
        return
    one = hours(zone, windows=[{"start": start, "end": end}])
    edge = one.changes_after(moment)
    assert edge is not None
    now = one.open_at(moment)
    assert one.open_at(edge) is not now
    for part in range(1, 20):
        assert one.open_at(moment + (edge - moment) * part / 20) is now


DATES = st.dates(date(2026, 1, 1), date(2026, 12, 28))
WINDOWS = st.lists(
    st.fixed_dictionaries(
        {"days": st.sampled_from(["mon-fri", "sat-sun", "mon-sun"]), "start": TIMES, "end": TIMES}
    ).filter(lambda window: window["start"] != window["end"]),
    min_size=1, max_size=3,
)  # fmt: skip


@settings(max_examples=60)
@given(
    zone=ZONES, windows=WINDOWS, day=DATES, minute=st.integers(0, 1439),
    never=st.lists(st.integers(-1, 1), max_size=1), also=st.lists(st.integers(-1, 1), max_size=2),
)  # fmt: skip
def test_dates_come_first_and_windows_after_them(
    zone: str, windows: list[dict[str, str]], day: date, minute: int,
    never: list[int], also: list[int],
):  # fmt: skip
    """What a clock on the wall shows decides, on days on which it is not changed."""
    local = datetime.combine(day, datetime.min.time(), ZoneInfo(zone)) + timedelta(minutes=minute)
    midnights = [datetime.combine(day + timedelta(days=n), datetime.min.time(), ZoneInfo(zone))
                 for n in (-1, 2)]  # fmt: skip
    if midnights[0].utcoffset() != midnights[1].utcoffset():
        return
    one = hours(
        zone, windows=windows, never=[day + timedelta(days=n) for n in never],
        also=[day + timedelta(days=n) for n in also],
    )  # fmt: skip
    shown, today = f"{minute // 60:02}:{minute % 60:02}", day.weekday()
    in_a_window = any(
        ((start <= shown < end if start < end else start <= shown) and DAYS[today] in on)
        or (end < start and shown < end and DAYS[today - 1] in on)
        for window, on in zip(windows, [one.days for one in one.windows], strict=True)
        for start, end in [(window["start"], window["end"])]
    )  # fmt: skip
    expected = 0 not in never and (0 in also or in_a_window)
    assert one.open_at(local) is expected


LIMITS = st.builds(
    Limit,
    throttle=st.integers(0, 90).map(lambda m: timedelta(minutes=m)),
    per_hour=st.one_of(st.none(), st.integers(1, 4)),
)
STEPS = st.lists(st.integers(-120, 120).map(lambda m: timedelta(minutes=m)), max_size=40)


@given(limit=LIMITS, steps=STEPS)
def test_every_message_is_sent_or_counted_and_no_limit_is_passed(
    limit: Limit, steps: list[timedelta]
):
    now, spent, sent, asked, held = T0, Spent(), list[datetime](), 0, 0
    steady = True
    for step in steps:
        now += step
        allowed = allow(limit, spent, now)
        asked += 1
        if step < timedelta(0):
            sent = [min(at, now) for at in sent]  # the clock was set back
        if allowed.send:
            assert allowed.reason is LimitReason.FREE
            assert all(now - at >= limit.throttle for at in sent)
            held += allowed.held
            sent.append(now)
        else:
            assert allowed.next_at is not None
            longest = limit.throttle if limit.per_hour is None else timedelta(hours=1)
            assert now < allowed.next_at <= now + max(longest, limit.throttle)
        steady = steady and step >= timedelta(0)
        if limit.per_hour is not None and steady:
            recent = [at for at in sent if at > now - timedelta(hours=1)]
            assert len(recent) <= limit.per_hour
        spent = allowed.spent
    assert len(sent) + held + spent.held == asked


def test_a_limit_that_was_stored_before_holds_on():
    """Databases have the moments of messages as `told`."""
    stored = {"told": [T0.isoformat()], "held": 1}
    spent = msgspec.convert(stored, Spent)
    assert spent == Spent(sent=(T0,), held=1)
    assert msgspec.convert(msgspec.to_builtins(spent), Spent) == spent
    assert msgspec.to_builtins(spent).keys() == stored.keys()
    limit = Limit(throttle=timedelta(minutes=5))
    assert allow(limit, spent, T0 + timedelta(minutes=1)).reason is LimitReason.THROTTLED


def test_a_message_is_allowed_at_the_next_time_given():
    limit = Limit(throttle=timedelta(minutes=5), per_hour=2)
    spent = allow(limit, Spent(), T0).spent
    refused = allow(limit, spent, T0 + timedelta(minutes=1))
    assert refused.reason is LimitReason.THROTTLED
    assert refused.next_at is not None
    sent = allow(limit, refused.spent, refused.next_at)
    assert (sent.send, sent.held) == (True, 1)
    again = allow(limit, sent.spent, T0 + timedelta(minutes=20))
    assert (again.reason, again.next_at) == (LimitReason.PER_HOUR, T0 + timedelta(hours=1))


def test_public_holidays_are_closed_unless_a_date_says_otherwise():
    one = hours(holidays="de-by", also=["2026-12-25"])
    assert not one.open_at(berlin(2026, 1, 6, 12))  # Epiphany, in Bavaria
    assert hours(holidays="DE").open_at(berlin(2026, 1, 6, 12))
    assert not one.open_at(berlin(2026, 12, 26, 12))
    assert one.open_at(berlin(2026, 12, 25, 12))
    assert one.holidays == "DE-BY"


@pytest.mark.parametrize("region", ["ATLANTIS", "DE-XX", ""])
def test_an_unknown_region_is_refused(region: str):
    with pytest.raises(ValidationError, match="no country"):
        hours(holidays=region)
