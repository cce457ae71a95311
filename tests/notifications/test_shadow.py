"""What a draft does with one alert, at the moment at which it would have decided."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from sentinel.notifications.decision import Policy
from sentinel.notifications.reasons import Reason
from sentinel.notifications.shadow import LOOK_AGAIN, ShadowAlert, shadow_step
from sentinel.severity import Severity
from sentinel.timing.time_intervals import TimeInterval

OPENED = datetime.fromisoformat("2026-01-01T03:00:00+00:00")
WAIT = Policy(group_wait=timedelta(seconds=30))
AFTER_WAIT = OPENED + timedelta(seconds=30)
LATER = OPENED + timedelta(hours=1)


ALERT = ShadowAlert(opened_at=OPENED, severity=int(Severity.HIGH))


def test_it_waits_for_group_wait_and_then_notifies():
    first = shadow_step(ALERT, WAIT, OPENED, LATER)
    assert (first.state, first.reason, first.due_at) == ("waiting", Reason.GROUP_WAIT, AFTER_WAIT)
    then = shadow_step(ALERT, WAIT, AFTER_WAIT, LATER)
    assert (then.state, then.reason, then.at, then.due_at) == (
        "notified", Reason.FIRST, AFTER_WAIT, None,
    )  # fmt: skip


def test_what_is_over_by_then_notifies_nobody_and_what_ends_later_did():
    ends = replace(ALERT, resolved_at=AFTER_WAIT - timedelta(seconds=1))
    step = shadow_step(ends, WAIT, AFTER_WAIT, LATER)
    assert (step.state, step.reason) == ("held", Reason.RESOLVED_BEFORE_NOTIFIED)
    assert step.due_at is None
    later = replace(ALERT, resolved_at=AFTER_WAIT + timedelta(seconds=1))
    assert shadow_step(later, WAIT, AFTER_WAIT, LATER).state == "notified"


def test_a_mute_time_interval_of_the_draft_holds_it_back_until_it_ends():
    night = TimeInterval.model_validate({"times": [{"start_time": "00:00", "end_time": "06:00"}]})
    policy = Policy(group_wait=timedelta(0), mute_times=(night,))
    held = shadow_step(ALERT, policy, OPENED, LATER)
    opens = datetime.fromisoformat("2026-01-01T06:00:00+00:00")
    assert (held.state, held.reason, held.due_at) == ("held", Reason.MUTE_TIME, opens)
    assert shadow_step(ALERT, policy, opens, opens).state == "notified"


@pytest.mark.parametrize("until", [None, LATER], ids=["no end is known", "a known end"])
def test_what_is_muted_is_decided_on_again(until: datetime | None):
    muted = replace(ALERT, muted=Reason.SILENCED, muted_until=until)
    step = shadow_step(muted, WAIT, AFTER_WAIT, AFTER_WAIT)
    assert (step.state, step.reason) == ("held", Reason.SILENCED)
    assert step.due_at == (until or AFTER_WAIT + LOOK_AGAIN)


def test_what_somebody_acknowledged_before_is_held_back():
    taken = replace(ALERT, acknowledged_at=AFTER_WAIT)
    assert shadow_step(taken, WAIT, AFTER_WAIT, LATER).reason == Reason.ACKNOWLEDGED
    late = replace(ALERT, acknowledged_at=AFTER_WAIT + timedelta(seconds=1))
    assert shadow_step(late, WAIT, AFTER_WAIT, LATER).state == "notified"
