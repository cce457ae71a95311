"""The limit of messages a minute: exact over any sixty seconds, by receiver and by channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sentinel.notifications.decision import Decision, GroupNow, Notified, Policy, decide
from sentinel.notifications.message_limit import MINUTE, MessageLimits, SentRecently
from sentinel.notifications.reasons import Reason

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_the_next_message_is_allowed_a_minute_after_the_first_of_the_last_ones():
    limits = MessageLimits(usual=2)
    sent = [("ops", "inbox", at(second)) for second in (0, 10, 30)]
    assert SentRecently(limits, sent, at(40)).limited_until("ops", "inbox") == at(70)
    assert SentRecently(limits, sent, at(70)).limited_until("ops", "inbox") is None


def test_a_channel_counts_what_all_receivers_sent_through_it():
    limits = MessageLimits(usual=0, channels={"sms": 2})
    count = SentRecently(limits, [("ops", "sms", at(0))], at(1))
    count.sends("data", "sms")
    assert count.limited_until("ops", "sms") == at(60)
    assert count.limited_until("ops", "inbox") is None


def test_a_receiver_has_its_own_limit_in_each_channel():
    limits = MessageLimits(usual=100, receivers={"ops": 1})
    count = SentRecently(limits, [("ops", "inbox", at(0))], at(1))
    assert count.limited_until("ops", "inbox") == at(60)
    assert count.limited_until("ops", "sms") is None
    assert count.limited_until("data", "inbox") is None


def test_nobody_waits_longer_than_a_minute_where_the_clock_was_set_back():
    count = SentRecently(MessageLimits(usual=1), [("ops", "inbox", at(3600))], at(0))
    assert count.limited_until("ops", "inbox") == at(60)


@given(st.integers(1, 5), st.lists(st.floats(0, 50), max_size=60))
def test_no_sixty_seconds_have_more_messages_than_the_limit(most: int, pauses: list[float]):
    now, sent = T0, list[datetime]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        recent = [("ops", "inbox", one) for one in sent if one > now - MINUTE]
        if SentRecently(MessageLimits(usual=most), recent, now).limited_until("ops", "inbox"):
            assert len(recent) >= most
        else:
            sent.append(now)
    for one in sent:
        assert len([other for other in sent if one - MINUTE < other <= one]) <= most


FIRING = GroupNow(seq=1, opened_at=T0, severity=5, firing=1, new_firing=1)
LIMITED = Notified(limited_until=at(90))


def test_a_decision_that_the_limit_holds_back_says_until_when_and_what_it_was():
    held = decide(FIRING, LIMITED, at(60), Policy())
    assert held == Decision(
        send=False, reason=Reason.MESSAGE_LIMIT, next_at=at(90), held=Reason.FIRST
    )
    assert decide(FIRING, LIMITED, at(90), Policy()).send


def test_an_escalation_page_is_exempt():
    assert decide(FIRING, LIMITED, at(60), Policy(page=True)).send


def test_a_group_that_a_summary_named_is_first_news_again_only_with_another_alert():
    known = Notified(seq=1, severity=5, summary="s")
    old = msgspec.structs.replace(FIRING, new_firing=0)
    assert decide(old, known, at(9999), Policy()).reason is Reason.IN_SUMMARY
    assert decide(FIRING, known, at(9999), Policy()).reason is Reason.FIRST
