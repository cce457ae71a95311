"""A person of a vendor as ours, whatever the vendor calls the fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sentinel.ingest.oncall_import.imported import Draft
from sentinel.ingest.oncall_import.values import is_address, text_of, zone_of

__all__ = ["GivenPerson", "add_people"]

GivenPerson = tuple[str, str, str, Mapping[str, Any]]
"""The place in the report, our name, the mail address, and what the vendor says of the person."""


def add_people(
    draft: Draft, users: Sequence[Mapping[str, Any]], *, email: str, name: str, zone: str
) -> Iterator[GivenPerson]:
    """Add people by their mail address, and note who has none, and zones that are none.

    Args:
        draft: to fill
        users: of the vendor
        email: the field with the mail address
        name: the field with the name that is shown
        zone: the field with the time zone

    Yields:
        Each person that was added, by their mail address.
    """
    for one in sorted(users, key=lambda user: text_of(user.get(email))):
        key, address = text_of(one.get("id")), text_of(one.get(email))
        place = f"users.{address or key}"
        if not is_address(address):
            draft.note("left out", place, f"it has no {email} that is an address")
            continue
        given = text_of(one.get(zone))
        if given and zone_of(given) is None:
            draft.note("left out", f"{place}.{zone}", f"{given} is no IANA time zone")
            given = ""
        yield place, draft.person([key], address, text_of(one.get(name)), given), address, one
