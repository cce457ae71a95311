"""Tokens of acknowledge links: whatever is altered is refused, and keys overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from sentinel.access.acknowledge_tokens import Claim, claim_of, link_id, new_secret, signed

KEY, NEXT_KEY = "k" * 43, "n" * 43
UNTIL = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LINK = link_id("m1", ["a1", "a2"])
TOKEN = signed(KEY, LINK, UNTIL)


def test_a_token_is_short_stands_in_a_url_as_it_is_and_says_link_and_end():
    assert len(TOKEN) == 75
    assert set(TOKEN) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
    assert claim_of([KEY], TOKEN) == Claim(LINK, UNTIL)
    later = UNTIL + timedelta(microseconds=999_999)
    assert claim_of([KEY], signed(KEY, LINK, later)) == Claim(LINK, UNTIL)


def test_the_id_of_a_link_is_that_of_the_message_and_of_exactly_its_alerts():
    assert link_id("m1", ["a1", "a2"]) == LINK
    others = [
        ("m2", ["a1", "a2"]),
        ("m1", ["a1"]),
        ("m1", ["a2", "a1"]),
        ("m1", ["a1", "a2", "a3"]),
    ]
    assert LINK not in {link_id(*one) for one in others}


# The last character of base64 has two bits that no byte needs.
@example(place=74, to=TOKEN[74].translate(str.maketrans("AEIMQUYcgkosw048", "BFJNRVZdhlptx159")))
@given(place=st.integers(0, 74), to=st.characters())
def test_a_token_with_any_altered_character_is_refused(place: int, to: str):
    altered = TOKEN[:place] + to + TOKEN[place + 1 :]
    assert (claim_of([KEY], altered) is None) == (altered != TOKEN)


@given(st.text(max_size=90) | st.from_regex(r"[A-Za-z0-9_-]{22}\.[0-9a-f]{8}\.[A-Za-z0-9_-]{43}"))
def test_nothing_that_was_not_signed_is_a_token(text: str):
    assert claim_of([KEY, NEXT_KEY], text) is None


def test_several_keys_verify_and_none_but_those():
    for keys in ([KEY], [NEXT_KEY, KEY], [KEY, NEXT_KEY]):
        assert claim_of(keys, TOKEN) == Claim(LINK, UNTIL)
    assert claim_of([NEXT_KEY, new_secret()], TOKEN) is None
    assert claim_of([], TOKEN) is None
    assert len({new_secret() for _ in range(100)}) == 100
