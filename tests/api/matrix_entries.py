"""What a route answers, in kinds: the shapes of entries of the access matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

__all__ = [
    "FIRING",
    "Body",
    "Entry",
    "Expected",
    "Place",
    "Query",
    "always",
    "decided",
    "event_tenant",
    "in_tenant",
    "instance",
    "listed",
    "named_metric",
    "no_body",
    "nothing",
    "of_rule",
    "of_telemetry",
    "one_in_tenant",
    "one_object",
    "open_to_all",
    "whole_tenant",
]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What there is in one tenant: ids and names that a request can name."""

    tenant: str
    alert: str
    change: str
    pending: str
    group: str
    key: str
    mark: str
    ping: str
    silence: str
    incident: tuple[str, str] = ("", "")  # its id and that of its action item
    account: str = ""
    consumer_key: tuple[str, str] = ("", "")  # its id and its secret


Expected = Literal["hides", 200, 201, 202, 400, 401, 403, 404, 409, 422, 503]
"""A status; `hides` is 200 without a word of what is foreign."""


Query = Callable[[Place], dict[str, Any]]
Body = Callable[[Place], Any]


def nothing(_: Place) -> dict[str, Any]:
    return {}


def no_body(_: Place) -> None:
    return None


def in_tenant(place: Place) -> dict[str, Any]:
    return {"tenant": place.tenant}


def always(body: Any) -> Body:
    return lambda _: body


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One route.

    Attributes:
        own: the answer to whoever has the permission in that tenant
        foreign: to whoever has it in another tenant alone
        team: to whoever has it in that tenant for another team alone
        query, body: of the request, for a tenant
        elsewhere: whether it is carried out by Prefect, which does not answer in these tests
        token: the answer to the token of the instance, which is no person; None for a success
    """

    own: Expected = 200
    foreign: Expected
    team: Expected
    query: Query = nothing
    body: Body = no_body
    elsewhere: bool = False
    token: Expected | None = None


def one_object(body: Body = no_body) -> Entry:
    """An alert, a key or a change: of others it is as unknown."""
    return Entry(foreign=404, team=404, body=body)


def one_in_tenant() -> Entry:
    """An object that its name and tenant find: of others it is as unknown."""
    return Entry(foreign=404, team=404, query=in_tenant)


def whole_tenant(body: Body = no_body, query: Query = in_tenant, own: Expected = 200) -> Entry:
    """What belongs to a tenant as a whole, which whoever is confined to teams does not reach."""
    return Entry(own=own, foreign=403, team=403, body=body, query=query)


def of_telemetry(body: Any, **query: str) -> Entry:
    """Records of a tenant as a whole, for a store that does not answer here."""
    return Entry(
        own=503, foreign=403, team=403, token=503, body=always(body),
        query=lambda place: {**in_tenant(place), **query},
    )  # fmt: skip


def of_rule(own: Expected = 200) -> Entry:
    """A rule that is read or switched; Prefect, which does not answer here, has its definition."""
    return Entry(own=own, foreign=404, team=404, query=in_tenant, elsewhere=True)


def instance(
    *, elsewhere: bool = False, body: Body = no_body, query: Query = nothing,
    token: Expected | None = None,
) -> Entry:  # fmt: skip
    """What belongs to the instance: nobody who is confined sees or changes it."""
    return Entry(
        own=403, foreign=403, team=403, elsewhere=elsewhere, body=body, query=query, token=token
    )  # fmt: skip


def decided(own: Expected, *, token: Expected) -> Entry:
    """What only a person decides: the token of the instance is none."""
    return Entry(own=own, foreign=404, team=404, token=token)


def listed() -> Entry:
    """A list, without what is foreign."""
    return Entry(foreign="hides", team="hides")


def open_to_all(query: Query = nothing) -> Entry:
    """What shows and changes nothing of any tenant that its address does not prove."""
    return Entry(foreign=200, team=200, query=query)


def event_tenant(place: Place) -> dict[str, Any]:
    return {"tenant_id": place.tenant}


def named_metric(place: Place) -> dict[str, Any]:
    return {"tenant": place.tenant, "name": place.mark}


FIRING = always({"alerts": [{"status": "firing", "labels": {"alertname": "Down"}}]})
