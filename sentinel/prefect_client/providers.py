"""Providers as other systems have them: a name, a type and its configuration, with its secrets.

The configuration as a whole is a Secret block of Prefect, so that nothing of it is in Sentinel's
tables. What sends is a channel's block beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from sentinel.prefect_client.client import PrefectApi

__all__ = ["MASK", "Provider", "Providers", "masked"]

PREFIX = "sentinel-provider-"
MASK = "********"
_SECRET = re.compile(
    r"key|token|secret|password|passwd|credential|url|auth|headers|topic|address", re.IGNORECASE
)


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider.

    Attributes:
        id: by which event policies name it; also the name of its receiver
        name: for people
        provider_type: slack, webhook, email, or a type of `blocks/vendors`
        config: with its secrets
        channel: the block that sends for it; empty where none can
    """

    id: str
    name: str
    provider_type: str
    config: dict[str, Any] = {}
    channel: str = ""


def masked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without its secrets: what has the name of one is `MASK`."""
    return {
        name: MASK
        if _SECRET.search(name) and value not in ("", None)
        else masked(cast("Mapping[str, Any]", value))
        if isinstance(value, Mapping)
        else value
        for name, value in config.items()
    }


class Providers(PrefectApi):
    """A Prefect API that keeps providers. Every method may raise `PrefectUnreachable`."""

    def all(self) -> list[Provider]:
        """Return all providers, by id."""
        where = {
            "block_types": {"slug": {"any_": ["secret"]}},
            "block_documents": {"is_anonymous": {"eq_": False}},
            "include_secrets": True,
        }
        found = [
            msgspec.convert(json.loads(str(one["data"]["value"])), Provider)
            for one in self._pages("/block_documents/filter", where)
            if str(one.get("name") or "").startswith(PREFIX)
        ]
        return sorted(found, key=lambda one: one.id)

    def find(self, provider_id: str) -> Provider | None:
        """Return one provider; None where there is none."""
        return next((one for one in self.all() if one.id == provider_id), None)

    def keep(self, provider: Provider) -> None:
        """Save a provider, whether or not there is one of its id."""
        value = msgspec.json.encode(provider).decode()
        name = f"{PREFIX}{provider.id}"
        place = f"/block_types/slug/secret/block_documents/name/{name}"
        there = self._send("GET", place)
        if there.status_code != 404:
            document = self._checked(there).json()["id"]
            self._ok("PATCH", f"/block_documents/{document}", json={"data": {"value": value}})
            return
        kind = self._ok("GET", "/block_types/slug/secret").json()
        asked = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
        (schema, *_) = self._pages("/block_schemas/filter", asked)
        self._ok(
            "POST", "/block_documents/",
            json={"name": name, "data": {"value": value}, "block_type_id": kind["id"],
                  "block_schema_id": schema["id"]},
        )  # fmt: skip

    def drop(self, provider_id: str) -> None:
        """Delete a provider; a missing one is no error."""
        name = f"{PREFIX}{provider_id}"
        there = self._send("GET", f"/block_types/slug/secret/block_documents/name/{name}")
        if there.status_code != 404:
            self._ok("DELETE", f"/block_documents/{self._checked(there).json()['id']}")
