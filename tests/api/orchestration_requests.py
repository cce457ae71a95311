"""Requests about orchestration, for the access matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.matrix_entries import Entry, Place

RULES = {"document": "rules: [{name: quiet, matchers: env=dev, set: {severity: low}}]"}
QUERY = {"block": "sqlalchemy-connector/cmdb", "query": "select host, owner from hosts"}
TABLE = {"document": "host,owner\na,shop\n"}


def always(body: Any) -> Callable[[Place], Any]:
    return lambda _: body


def orchestration_entries(whole_tenant: Callable[..., Entry]) -> dict[str, Entry]:
    """What belongs to a tenant as a whole."""

    def sends(body: Any, own: int = 200) -> Entry:
        return whole_tenant(always(body), own=own)

    def fails(own: int) -> Entry:
        return msgspec.structs.replace(whole_tenant(own=own), token=own)

    def of_instance(body: Any = None) -> Entry:
        entry = whole_tenant() if body is None else whole_tenant(always(body))
        return msgspec.structs.replace(entry, own=403)

    one = "/orchestration"
    return {
        f"GET {one}": whole_tenant(),
        f"PUT {one}": sends(RULES),
        f"GET {one}/versions": whole_tenant(),
        f"GET {one}/versions/{{number}}": fails(404),
        f"POST {one}/rollback": sends({"version": 0}),
        f"POST {one}/check": sends(RULES),
        f"POST {one}/test": sends({"alert": {"labels": {"env": "dev"}}}),
        f"POST {one}/replay": sends(RULES),
        f"POST {one}/shadow": sends(RULES, 201),
        f"GET {one}/shadow": fails(404),
        f"DELETE {one}/shadow": fails(409),
        f"GET {one}/incoming": whole_tenant(),
        f"GET {one}/queries": of_instance(),
        f"PUT {one}/queries/{{name}}": of_instance(QUERY),
        f"DELETE {one}/queries/{{name}}": msgspec.structs.replace(of_instance(), token=404),
        f"GET {one}/tables": whole_tenant(),
        f"PUT {one}/tables/{{name}}": sends(TABLE),
        f"GET {one}/tables/{{name}}/versions": whole_tenant(),
        f"GET {one}/tables/{{name}}/versions/{{number}}": fails(404),
        f"POST {one}/tables/{{name}}/rollback": sends({"version": 0}),
    }
