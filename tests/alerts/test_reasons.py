"""Reasons are codes that programs store and compare; people read the words for them."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.alerts import reasons as of_alerts
from sentinel.event_policies import Verdict
from sentinel.notifications import reasons as of_notifications
from sentinel.timing.rate_limit import LimitReason

CODE = re.compile(r"[a-z]+(_[a-z]+)*")
ALERTS = list(of_alerts.Reason)
NOTIFICATIONS = list(of_notifications.Reason)


@pytest.mark.parametrize("code", [*ALERTS, *NOTIFICATIONS, *LimitReason, *Verdict], ids=str)
def test_every_reason_is_a_code_that_says_its_name(code: StrEnum):
    assert CODE.fullmatch(code.value)
    assert code.value == code.name.lower()


def test_every_reason_has_words_and_nothing_else_has():
    assert set(of_alerts.WORDS) == set(ALERTS)
    assert set(of_notifications.WORDS) == set(NOTIFICATIONS)
    for said in (*of_alerts.WORDS.values(), *of_notifications.WORDS.values()):
        plain = re.sub(r"\([a-z_]+\)", "", said)  # without the name of a rule's setting
        assert plain.strip()
        assert "_" not in plain


def test_no_two_reasons_have_the_same_words():
    for codes, words in ((ALERTS, of_alerts.words), (NOTIFICATIONS, of_notifications.words)):
        said = [words(code) for code in codes]
        assert len(set(said)) == len(said)


@given(st.text())
def test_a_text_that_is_no_code_is_shown_as_it_is(text: str):
    if text not in ALERTS:
        assert of_alerts.words(text) == text
    if text not in NOTIFICATIONS:
        assert of_notifications.words(text) == text


def test_the_words_say_how_many_notifications_were_held_back():
    said = of_notifications.words(of_notifications.Reason.NEW_FIRING, held=3)
    assert said == "more alerts are firing; 3 held back by limits since the last one"
