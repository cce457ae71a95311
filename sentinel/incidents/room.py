"""War rooms that Sentinel makes in Slack: which app, the channel's name, its topic. Pure.

A channel's name has small letters, digits, hyphens and underscores, at most 80 of them, and is
unique in its workspace (https://docs.slack.dev/reference/methods/conversations.create); a topic has
at most 250 characters (conversations.setTopic).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from sentinel.incidents.state import Incident, sev_of
from sentinel.settings.incidents import SLACK_ROOM

__all__ = ["LONGEST_NAME", "LONGEST_TOPIC", "room_app", "room_names", "room_topic"]

LONGEST_NAME = 80
LONGEST_TOPIC = 250
_MOST_NAMES = 9
_ELSE = re.compile(r"[^a-z0-9]+")


def room_app(war_room: str) -> str:
    """Return the Slack app that is to make a war room.

    Args:
        war_room: of an incident; `slack:NAME` while its channel is not made

    Returns:
        The name of its block; empty where the war room is an address, or there is none.
    """
    found = SLACK_ROOM.fullmatch(war_room)
    return "" if found is None else found[1]


def room_names(incident: Incident) -> Iterator[str]:
    """Yield names for the channel of an incident, best first.

    Each begins with the day and the title, and has the end of the incident's id, which no other
    incident has.

    Args:
        incident: that people meet about

    Yields:
        Names that Slack accepts, all different.
    """
    plain = unicodedata.normalize("NFKD", incident.title.lower()).encode("ascii", "ignore").decode()
    first, own = f"inc-{incident.opened_at:%Y%m%d}", incident.id[-8:]
    for number in range(1, _MOST_NAMES + 1):
        last = own if number == 1 else f"{own}-{number}"
        room = LONGEST_NAME - len(first) - len(last) - 2
        title = _ELSE.sub("-", plain).strip("-")[:room].strip("-")
        yield "-".join(filter(None, (first, title, last)))


def room_topic(incident: Incident, address: str) -> str:
    """Return the topic of an incident's channel.

    Args:
        incident: as it is now
        address: of its page

    Returns:
        Severity, status and title, cut where they are long, and the address.
    """
    whole = f"{sev_of(incident.severity)} {incident.status} · {' '.join(incident.title.split())}"
    left = LONGEST_TOPIC - len(address) - 3
    if left < 40:  # an address that leaves no room for words
        return whole[:LONGEST_TOPIC]
    return f"{whole if len(whole) <= left else whole[: left - 1] + '…'} · {address}"
