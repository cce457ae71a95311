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

__all__ = ["Id", "do"]

Id = Annotated[str, typer.Argument(help="Id of the incident.", show_default=False)]


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
