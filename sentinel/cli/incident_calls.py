"""How commands about incidents are carried out: over an address, or on the database here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentinel.cli.incidents_here import IncidentsHere
    from sentinel.client.calls import Call

__all__ = ["Id", "do", "whole_id"]

_MOST, _WHOLE = 500, 32


def whole_id(given: str) -> str:
    """Return the id of the incident that has an id, or whose id begins with a text.

    Args:
        given: what a person typed

    Returns:
        The whole id.

    Raises:
        NotFound: no incident has such an id; over an address, none of the newest 500
        Conflict: several have
    """
    prefix = given.strip().lower()
    if len(prefix) >= _WHOLE:
        return prefix
    if not remote_url():
        from sentinel.store.incidents.incidents import Incidents

        with open_store() as store:
            return Incidents(store).find(prefix).id
    from sentinel.cli.remote import client_here
    from sentinel.client import incidents
    from sentinel.errors import Conflict, NotFound

    with client_here() as client:
        pages = [client.do(call) for call in (incidents.active(limit=_MOST),
                                              incidents.listed(limit=_MOST))]  # fmt: skip
    found = sorted({one.id for page in pages for one in page.items if one.id.startswith(prefix)})
    if not found or not prefix:
        raise NotFound(
            f"none of the newest {_MOST} incidents has an id that begins with {given[:40]!r}",
            hint="Write the whole id; sentinel incident list prints it.",
        )
    if len(found) > 1:
        raise Conflict(f"{given[:40]!r} begins the ids of {len(found)} incidents",
                       hint="Give more of it.")  # fmt: skip
    return found[0]


Id = Annotated[
    str,
    typer.Argument(help="Id of the incident, or a unique prefix of it.", show_default=False),
]


def do(call: Call[Any], work: Callable[[IncidentsHere], dict[str, Any]]) -> dict[str, Any]:
    """Carry a request out over the address, or the same work on the database here.

    Args:
        call: the request
        work: the same, on the database here

    Returns:
        The answer as JSON.
    """
    if remote_url():
        from sentinel.cli.remote import client_here

        with client_here() as client:
            return client.do(call).model_dump(mode="json")
    from sentinel.cli.incidents_here import IncidentsHere

    with open_store() as store:
        return work(IncidentsHere(store, actor()))
