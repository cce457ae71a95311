"""Requests about consumer keys, for the access matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.api.matrix_entries import Entry, Place


def new_consumer_key(place: Place) -> dict[str, Any]:
    return {"name": f"new-{place.tenant}", "tenant": place.tenant}


def in_tenant(place: Place) -> dict[str, Any]:
    return {"tenant": place.tenant}


def verified(place: Place) -> dict[str, Any]:
    return {"key": place.consumer_key[1]}


def consumer_key_entries(entry: type[Entry]) -> dict[str, Entry]:
    """By whole paths where Sentinel's own keys have the same elsewhere."""
    hidden, one = entry(foreign="hides", team="hides"), entry(foreign=404, team=404)
    return {
        "GET /api/v1/keys": hidden,
        "POST /api/v1/keys": entry(own=201, foreign=403, team=403, body=new_consumer_key),
        "GET /keys/jwks": entry(foreign=200, team=200),
        "POST /keys/jwks/rotate": entry(own=403, foreign=403, team=403, body=lambda _: {}),
        "POST /keys/verify": entry(foreign="hides", team="hides", body=verified),
        "GET /consumers": hidden,
        "GET /consumers/rules": entry(foreign=403, team=403, query=in_tenant),
        "PUT /consumers/rules": entry(
            foreign=403, team=403, query=in_tenant, body=lambda _: {"enabled": True}
        ),
        **{
            f"{method} /consumers/{{account_id}}{rest}": entry(foreign=404, team=404)
            for method, rest in (
                ("GET", ""),
                ("DELETE", ""),
                ("POST", "/approve"),
                ("POST", "/disable"),
            )
        },
        # Each consumer's own: test_consumers.
        **{
            f"{one}": entry(foreign=200, team=200)
            for one in (
                "POST /consumers/register",
                "POST /consumers/login",
                "POST /consumers/logout",
                "GET /consumers/me",
                "POST /consumers/me/password",
                "GET /consumers/me/keys",
                "POST /consumers/me/keys",
                "POST /consumers/me/keys/{consumer_key_id}/rotate",
                "POST /consumers/me/keys/{consumer_key_id}/revoke",
            )
        },
        "GET /keys/{consumer_key_id}": one,
        "POST /keys/{consumer_key_id}/rotate": entry(foreign=404, team=404, body=lambda _: {}),
        "POST /keys/{consumer_key_id}/revoke": one,
    }
