"""What a page and the command `alert why` say of an escalation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sentinel.notifications.escalation_why import EscalationWhy, PageWhy, in_sentences
from sentinel.notifications.page import page_text

NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)


def said(wait: timedelta) -> str:
    return page_text(
        kind="page", level=1, policy="db", person="ann", why="team db", next_at=NOW + wait,
        zone=UTC, now=NOW,
    )  # fmt: skip


def test_a_page_names_the_day_of_the_next_level_unless_that_is_today():
    assert "; next level at 12:10:00 UTC" in said(timedelta(minutes=10))
    assert "; next level at 2026-01-08 12:00:00 UTC" in said(timedelta(days=2))


def exhausted(*states: str) -> str:
    pages = [
        PageWhy(
            kind="page", level=1, person="ann", receiver="ann", why="team db", at=NOW, state=state
        )
        for state in states
    ]
    given = EscalationWhy(
        policy="db", state="exhausted", level=1, levels=1, next_at=None, first_page_at=NOW,
        paused_at=None, left_seconds=None, missing=[], ended_at=None, pages=pages,
    )  # fmt: skip
    return in_sentences(given).text


def test_a_pause_says_how_long_after_it_the_next_level_follows():
    given = EscalationWhy(
        policy="db", state="paused", level=1, levels=2, next_at=None, first_page_at=NOW,
        paused_at=NOW, left_seconds=90, missing=[], ended_at=None, pages=[],
    )  # fmt: skip
    assert "the next level follows 1m30s after that ends" in in_sentences(given).text


def test_where_no_level_is_left_it_says_what_is_to_come_and_who_was_reached():
    assert "nobody was reached" in exhausted()
    assert "nobody was reached" in exhausted("failed")
    assert "still to be sent" in exhausted("sent", "put_off")
    assert "still waits for an acknowledgement" in exhausted("sent")
