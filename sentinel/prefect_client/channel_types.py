"""The types of channels that ship, by the word by which the command line and the API know them.

A channel type is one file of `blocks/vendors`, and its word is the file's name: read here without
an import, since importing a block imports Prefect, which takes seconds.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = [
    "CAPABILITY",
    "OURS",
    "keeps_incidents",
    "loudness",
    "slug_of",
    "takes_acknowledgements",
    "vendor_words",
]

CAPABILITY = "sentinel-channel"
"""Capability of the blocks of all types of `blocks/vendors`, by which Prefect's API finds them."""
OURS = ("sentinel-webhook", "sentinel-email")
"""Block types of ours from before there was that capability."""
_KEEP_INCIDENTS = frozenset(
    ("sentinel-pagerduty", "sentinel-opsgenie", "sentinel-jira-service-management")
)

_UNKNOWN_LOUDNESS = 2
_LOUDNESS = {
    slug: number
    for number, slugs in enumerate(
        (
            "inbox",
            "sentinel-slack-app slack-webhook slack-incoming-webhook sentinel-discord "
            "discord-webhook sentinel-mattermost mattermost-webhook sentinel-teams "
            "ms-teams-webhook sentinel-telegram",
            "sentinel-webhook sentinel-template-webhook custom-webhook sentinel-apprise",
            "sentinel-email email-server-credentials sendgrid-email",
            "sentinel-ntfy sentinel-web-push",
            "sentinel-twilio-sms twilio-sms",
            "sentinel-pagerduty sentinel-opsgenie sentinel-jira-service-management "
            "pager-duty-webhook opsgenie-webhook",
            "sentinel-twilio-voice",
        )
    )
    for slug in slugs.split()
}


def slug_of(word: str) -> str:
    """Return the slug of the block type that a word means."""
    return f"sentinel-{word.replace('_', '-')}"


def keeps_incidents(ref: str) -> bool:
    """Return whether a channel, `<type>/<name>`, keeps an incident of each page."""
    return ref.partition("/")[0] in _KEEP_INCIDENTS


def loudness(ref: str) -> int:
    """Return how loud a channel is to a person.

    Args:
        ref: `<type>/<name>`, or `inbox`

    Returns:
        0 for the inbox, then in this order: chats, webhooks (of which nobody knows what they ring),
        mail, pushes to a device, text messages, services that page by themselves, and calls.
    """
    return _LOUDNESS.get(ref.partition("/")[0], _UNKNOWN_LOUDNESS)


def takes_acknowledgements(ref: str) -> bool:
    """Return whether a channel, `<type>/<name>`, is of a type that hears of acknowledgements."""
    slug, slash, _ = ref.partition("/")
    return bool(slash) and slug.startswith("sentinel-") and slug not in OURS


@cache
def vendor_words() -> tuple[str, ...]:
    """Return the words of all types in `blocks/vendors`, sorted."""
    spec = find_spec("blocks")  # finds the folder, and imports nothing
    places = list(spec.submodule_search_locations or ()) if spec else []
    folders = [str(Path(place) / "vendors") for place in places]
    return tuple(sorted(one.name for one in pkgutil.iter_modules(folders)))
