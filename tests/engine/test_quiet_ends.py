"""The end of an escalation is heard quietly, by those who were paged."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import DeliveryError
from sentinel.prefect_client.channel_types import OURS, loudness, slug_of, vendor_words
from sentinel.store import Store
from tests.engine.test_paging import Paging

SLACK, MAIL = "sentinel-slack-app/ann", "sentinel-email/ann"
SMS, VOICE = "sentinel-twilio-sms/ann", "sentinel-twilio-voice/ann"


@pytest.fixture
def paging(store: Store, clock: FakeClock) -> Paging:
    return Paging(store, clock)


def ends(paging: Paging) -> list[str]:
    """The channels that hear of the end of what has paged ann, and after 5 minutes her SMS."""
    paging.sees({"/": 95})
    paging.pages()
    paging.wait(minutes=5)
    paging.pages()
    paging.recorder.messages.clear()
    paging.sees({"/": 20})
    return [ref for ref, _ in paging.heard()]


@pytest.mark.parametrize(
    ("first", "second", "heard"),
    [
        ([SMS, MAIL, SLACK], [VOICE], [SLACK]),
        ([SMS, MAIL], [SLACK, SMS], [SLACK]),  # the quietest of all her receivers
        ([VOICE, SMS], [SMS], [SMS]),
        (["inbox", SMS, MAIL], [SMS], [MAIL, "inbox"]),
        (["inbox", SMS], [SLACK], [SLACK]),  # the inbox makes no receiver a quiet one
        ([VOICE], [VOICE], ["inbox"]),  # nobody is called about an end
        (["sentinel-pagerduty/ann", SMS], [SLACK], [SLACK, "sentinel-pagerduty/ann"]),
        (["sentinel-pagerduty/ann"], [VOICE], ["sentinel-pagerduty/ann"]),
    ],
)
def test_the_quietest_channel_that_took_a_page_hears_of_the_end(
    paging: Paging, first: list[str], second: list[str], heard: list[str]
):
    paging.store.receivers.set("ann", first)
    paging.store.receivers.set("ann-sms", second)
    assert sorted(ends(paging)) == sorted(heard)


def test_a_channel_that_took_no_page_hears_of_no_end(paging: Paging):
    paging.store.receivers.set("ann", [SMS, SLACK])
    paging.store.receivers.set("ann-sms", [SMS])
    paging.recorder.fails[SLACK] = DeliveryError("busy")
    assert ends(paging) == [SMS]


def test_a_receiver_of_which_nothing_took_a_page_is_not_the_quietest(paging: Paging):
    paging.store.receivers.set("ann", [SMS])
    paging.store.receivers.set("ann-sms", [SLACK])
    paging.recorder.fails[SMS] = DeliveryError("busy")
    assert ends(paging) == [SLACK]


def test_every_type_of_channel_has_a_place_and_calls_are_the_loudest():
    known = [*map(slug_of, vendor_words()), *OURS]
    places = {slug: loudness(f"{slug}/x") for slug in known}
    assert max(places, key=places.__getitem__) == "sentinel-twilio-voice"
    assert loudness("inbox") < loudness(SLACK) < loudness(MAIL) < loudness(SMS) < loudness(VOICE)
    unplaced = [slug for slug, place in places.items() if place == loudness("unknown/x")]
    assert sorted(unplaced) == ["sentinel-apprise", "sentinel-template-webhook", "sentinel-webhook"]
