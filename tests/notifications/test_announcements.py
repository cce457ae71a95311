"""When a silence is announced to a receiver: once each, whatever the times of the sweep."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sentinel.notifications.announcements import (
    AHEAD,
    Announced,
    AnnouncedSilence,
    MutedNow,
    announcement,
    next_announced,
)
from sentinel.notifications.notice import takes_notices
from sentinel.notifications.reasons import Reason

START = datetime.fromisoformat("2026-01-01T12:00:00+00:00")
END = START + timedelta(hours=2)
SILENCE = AnnouncedSilence(
    id="s1", author="ann", comment="the array is rebuilt", what='{team="db"}', window=START,
    until=END,
)  # fmt: skip
OVER = replace(SILENCE, until=None)
CREATED, ENDING, ENDED = Reason.SILENCE_CREATED, Reason.SILENCE_ENDING, Reason.SILENCE_ENDED


def said(at: list[datetime], mutes_from: datetime = START) -> list[Reason]:
    """What a receiver hears at these times; the silence mutes something of it from a moment on."""
    announced: Announced | None = None
    heard: list[Reason] = []
    for now in at:
        silence = SILENCE if now < END else OVER
        announced, kind = next_announced(announced, silence, mutes_from <= now < END, now)
        heard += [kind] if kind else []
    return heard


def test_it_is_said_that_it_began_ends_soon_and_is_over():
    minutes = [START + timedelta(minutes=one) for one in range(180)]
    assert said(minutes) == [CREATED, ENDING, ENDED]


def test_of_a_silence_that_mutes_nothing_of_it_a_receiver_hears_nothing():
    minutes = [START + timedelta(minutes=one) for one in range(180)]
    assert said(minutes, mutes_from=END) == []
    late = END - timedelta(minutes=5)  # then its begin says already that it ends soon
    assert said(minutes, mutes_from=late) == [CREATED, ENDED]


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(0, 130))
def test_each_is_said_once_and_in_order_whenever_the_sweep_comes(sweeps: list[int], mutes: int):
    times = sorted({START + timedelta(minutes=one) for one in (*sweeps, 300)})
    begins = START + timedelta(minutes=mutes)
    heard = said(times, begins)
    assert heard == [one for one in (CREATED, ENDING, ENDED) if one in heard]
    while_muting = [one for one in times if begins <= one < END]
    assert (CREATED in heard) is bool(while_muting)
    assert (ENDED in heard) is bool(while_muting)
    first = while_muting[0] if while_muting else END
    near = [one for one in while_muting if END - one <= AHEAD]
    assert (ENDING in heard) is (bool(near) and END - first > AHEAD)


def test_an_extension_is_announced_to_end_again_and_a_window_of_its_own_begins_again():
    announced, _ = next_announced(None, SILENCE, mutes=True, now=START)
    announced, kind = next_announced(announced, SILENCE, mutes=True, now=END - AHEAD)
    assert kind is ENDING
    longer = replace(SILENCE, until=END + timedelta(hours=1))
    announced, kind = next_announced(announced, longer, mutes=True, now=END)
    assert kind is None
    announced, kind = next_announced(announced, longer, mutes=True, now=END + timedelta(minutes=50))
    assert kind is ENDING
    little = replace(longer, until=END + timedelta(hours=1, minutes=5))
    announced, kind = next_announced(announced, little, mutes=True, now=END + timedelta(minutes=51))
    assert kind is ENDING
    assert announced is not None
    assert announced.until == little.until
    _, kind = next_announced(announced, little, mutes=True, now=END + timedelta(minutes=52))
    assert kind is None
    other = replace(SILENCE, window=END + timedelta(days=7), until=END + timedelta(days=7))
    announced, kind = next_announced(
        announced, other, mutes=True, now=END + timedelta(days=6, hours=23)
    )
    assert kind is ENDED
    assert announced is not None
    deleted, kind = next_announced(replace(announced, ended_at=None), None, mutes=False, now=END)
    assert (kind, deleted is not None and deleted.ended_at) == (ENDED, END)


def test_the_text_names_author_comment_end_and_the_first_of_what_is_muted():
    announced = Announced(window=START, until=END, begun_at=START)
    muted = MutedNow(count=7, titles=[f"alert {one}" for one in range(7)], url="http://desk/")
    begun = announcement(CREATED, SILENCE, announced, "db", muted)
    assert begun.title == "[silence] ann muted 7 alerts until 2026-01-01 14:00:00 UTC"
    assert begun.text.splitlines() == [
        'The silence of {team="db"} is by ann.',
        "Comment: the array is rebuilt",
        "It ends at 2026-01-01 14:00:00 UTC.",
        "It mutes 7 alerts of this receiver: alert 0; alert 1; alert 2; alert 3; alert 4 … and 2 "
        "more.",
    ]
    over = announcement(ENDED, replace(OVER, ended_by="bob", maintenance=True), announced, "db",
                        MutedNow(count=1, titles=["alert 0"], url=""))  # fmt: skip
    assert over.title == '[silence] is over, ended by bob: {team="db"}, by ann'
    assert over.text.endswith("Of what it muted, 1 alert still fires: alert 0.")
    assert over.text.startswith("The maintenance window of")
    assert begun.once("inbox") != over.once("inbox")
    assert begun.once("inbox") == announcement(CREATED, SILENCE, announced, "db", muted).once(
        "inbox"
    )


def test_what_keeps_incidents_gets_no_notices():
    assert not takes_notices("sentinel-pagerduty/ops")
    assert not takes_notices("sentinel-jira-service-management/ops")
    assert takes_notices("inbox")
    assert takes_notices("slack-webhook/ops")


def test_other_times_of_a_silence_that_mutes_are_said_once_and_are_no_end():
    announced, _ = next_announced(None, SILENCE, mutes=True, now=START)
    now = START + timedelta(minutes=20)
    moved = replace(SILENCE, window=START + timedelta(minutes=10))
    after, kind = next_announced(announced, moved, mutes=False, now=now)
    assert kind is Reason.SILENCE_CHANGED
    assert after is not None
    assert next_announced(after, moved, mutes=True, now=now) == (after, None)
    new = announcement(kind, moved, after, "db", MutedNow(count=0, titles=(), url=""))
    assert new.title.startswith("[silence] changed, ends at ")
    assert next_announced(after, replace(moved, until=None), mutes=True, now=now)[1] is ENDED
    declared = replace(moved, until=END + timedelta(days=1), declared=True)
    later, kind = next_announced(after, declared, mutes=True, now=now)
    assert (kind, next_announced(later, declared, mutes=True, now=now)) == (
        Reason.SILENCE_CHANGED, (later, None),
    )  # fmt: skip
    near = replace(declared, until=now + timedelta(minutes=5))
    soon, kind = next_announced(later, near, mutes=True, now=now)
    assert (kind, next_announced(soon, near, mutes=True, now=now)[1]) == (
        Reason.SILENCE_CHANGED, None,
    )  # fmt: skip
    near = replace(moved, until=now + timedelta(minutes=5))
    soon, _ = next_announced(announced, near, mutes=True, now=now)
    assert next_announced(soon, near, mutes=True, now=now) == (soon, None), (
        "it names the end already"
    )
