"""Requests about limits of an API, for the access matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.api.matrix_entries import Entry, Place


def in_tenant(place: Place) -> dict[str, Any]:
    return {"tenant": place.tenant}


def decided(place: Place) -> dict[str, Any]:
    return {"limit_set": place.mark, "tenant": place.tenant}


def limit_entries(entry: type[Entry]) -> dict[str, Entry]:
    text = {"text": "7/minute by key"}
    one = entry(foreign=403, team=403, query=in_tenant)
    return {
        "GET /limit-sets": entry(foreign="hides", team="hides"),
        "POST /limit-sets/check": entry(foreign=200, team=200, body=lambda _: text),
        "POST /limit-sets/simulate": entry(
            own=503,
            foreign=403,
            team=403,
            token=503,
            body=lambda place: {**text, **in_tenant(place)},
        ),
        "GET /limit-sets/{limit_set}": one,
        "GET /limit-sets/{limit_set}/versions": one,
        "PUT /limit-sets/{limit_set}": entry(
            foreign=403, team=403, query=in_tenant, body=lambda _: text
        ),
        "DELETE /limit-sets/{limit_set}": one,
        **{
            f"POST /limits/{what}": entry(foreign=403, team=403, body=decided)
            for what in ("decide", "state")
        },
    }
