"""`for` and `keep_firing_for` as Prometheus defines them (`rules/alerting.go`), over late runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from sentinel.alerts.inputs import Bad, Good
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import Terms
from sentinel.timing.schedule import slot_judged
from tests.alerts.lives import Life, at

PERIOD = timedelta(minutes=1)
Told = list[tuple[str, datetime]]


def prometheus(seen: list[tuple[datetime, bool]], hold: timedelta, keep_firing: timedelta) -> Told:
    """When an alert fires and resolves, by the rules of Prometheus' alerting rules.

    Args:
        seen: the timestamps of evaluations, and whether the expression returned the series
        hold: `for`
        keep_firing: `keep_firing_for`
    """
    told: Told = []
    active: datetime | None = None
    firing = False
    good_since: datetime | None = None
    for moment, is_bad in seen:
        if is_bad:
            active, good_since = active or moment, None
        elif active is not None:
            good_since = good_since or moment
            if not (firing and keep_firing and moment - good_since < keep_firing):
                if firing:
                    told.append(("resolved", moment))
                active, firing, good_since = None, False, None
        if active is not None and not firing and moment - active >= hold:
            firing = True
            told.append(("firing", moment))
    return told


def ours(seen: list[tuple[datetime, bool, float]], terms: Terms) -> Told:
    """The same of the lifecycle: slots, what was seen, and how many seconds late each run was."""
    life = Life(terms)
    told: Told = []
    last: datetime | None = None
    for slot, is_bad, late in seen:
        now = slot + timedelta(seconds=late)
        moment = last = slot_judged(slot, now, every=PERIOD, last=last)
        verdict = Bad(at=moment, severity=3, word="medium") if is_bad else Good(at=moment)
        reason = life.sees(verdict, now).reason
        if reason is Reason.OPENED:
            told.append(("firing", moment))
        elif reason is Reason.RECOVERED:
            told.append(("resolved", moment))
    return told


MINUTES = st.integers(0, 5).map(lambda minutes: timedelta(minutes=minutes))
LATE = st.floats(0, 59.99)


@given(
    st.lists(st.tuples(st.sampled_from([True, True, False, None]), LATE), max_size=40),
    MINUTES, MINUTES,
)  # fmt: skip
@example([(True, 0.31)] + [(True, 0.30)] * 6, 5 * PERIOD, 0 * PERIOD)
@example([(True, 0.3), (False, 0.3), (True, 0.2), (False, 0.1)], 0 * PERIOD, PERIOD)
def test_it_fires_and_resolves_when_prometheus_does(
    seen: list[tuple[bool | None, float]], hold: timedelta, keep_firing: timedelta
):
    """Runs are late by up to a period; None is one that is missing."""
    runs = [
        (at(60 * n), is_bad, late) for n, (is_bad, late) in enumerate(seen) if is_bad is not None
    ]
    # What Prometheus does not have: reopening, and a gap that restarts `for`.
    terms = Terms(
        hold=hold, keep_firing=keep_firing, period=None, reopen_within=timedelta(seconds=-1)
    )
    assert ours(runs, terms) == prometheus([run[:2] for run in runs], hold, keep_firing)
