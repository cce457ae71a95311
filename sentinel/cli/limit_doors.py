"""Limit sets of the database here or of a server, for the command line: the same answers."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec

from sentinel.api_usage.described import limit_fields, verdict_fields
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.simulation import most_requests, simulated
from sentinel.api_usage.text import parse_limits
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store, settings_here
from sentinel.client import Client, limits
from sentinel.errors import ConfigurationError
from sentinel.store import Store
from sentinel.store.api_usage.limit_sets import LimitSets, StoredLimitSet
from sentinel.store.api_usage.redis_states import limit_states
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.past_requests import past_requests
from sentinel.store.telemetry.reading import Period
from sentinel.telemetry.asked import BadParameter, ask, moment_of
from sentinel.telemetry.query import REQUEST_FIELDS, QueryFault

__all__ = ["LimitDoor", "limit_door"]

Fields = dict[str, Any]


class LimitDoor(Protocol):
    """What commands ask about limit sets; answers are those of the API."""

    def list(self, tenant: str | None) -> list[Fields]:
        """Return all sets."""
        ...

    def read(self, name: str, tenant: str | None) -> Fields:
        """Return a set."""
        ...

    def versions(self, name: str, tenant: str | None) -> list[Fields]:
        """Return what a set was, the newest version first."""
        ...

    def save(self, name: str, text: str, tenant: str | None, *, note: str, dry_run: bool) -> Fields:
        """Save a set."""
        ...

    def remove(self, name: str, tenant: str | None) -> Fields:
        """Remove a set."""
        ...

    def state(self, name: str, tenant: str | None, caller: Mapping[str, str]) -> list[Fields]:
        """Return what is left for a caller."""
        ...

    def simulate(self, text: str, tenant: str | None, query: str, since: str) -> Fields:
        """Try limits over the request log."""
        ...


@contextmanager
def limit_door() -> Generator[LimitDoor]:
    """Open the server of `--url`, or the database here."""
    if remote_url():
        from sentinel.cli.remote import client_here

        with client_here() as client:
            yield _There(client)
        return
    with open_store() as store:
        yield _Here(store)


class _There:
    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, tenant: str | None) -> list[Fields]:
        found, cursor = list[Fields](), None
        while True:
            page = self._client.do(limits.listed(tenant=tenant, limit=500, cursor=cursor))
            found += [one.model_dump() for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return found

    def read(self, name: str, tenant: str | None) -> Fields:
        return self._client.do(limits.read(name, tenant=tenant)).model_dump()

    def versions(self, name: str, tenant: str | None) -> list[Fields]:
        found = self._client.do(limits.versions(name, tenant=tenant))
        return [one.model_dump() for one in found.items]

    def save(self, name: str, text: str, tenant: str | None, *, note: str, dry_run: bool) -> Fields:
        asked = limits.save(name, text, tenant=tenant, note=note, dry_run=dry_run)
        return self._client.do(asked).model_dump()

    def remove(self, name: str, tenant: str | None) -> Fields:
        return self._client.do(limits.remove(name, tenant=tenant)).model_dump()

    def state(self, name: str, tenant: str | None, caller: Mapping[str, str]) -> list[Fields]:
        return self._client.do(limits.state(name, tenant=tenant, **caller)).limits

    def simulate(self, text: str, tenant: str | None, query: str, since: str) -> Fields:
        asked = limits.simulate(text, tenant=tenant, query=query, since=since)
        return self._client.do(asked).model_dump()


class _Here:
    def __init__(self, store: Store) -> None:
        self._store, self._sets = store, LimitSets(store)

    def list(self, tenant: str | None) -> list[Fields]:
        return [_fields(one) for one in self._sets.list(tenant=tenant, limit=100_000)]

    def read(self, name: str, tenant: str | None) -> Fields:
        return _fields(self._sets.get(tenant or "default", name))

    def versions(self, name: str, tenant: str | None) -> list[Fields]:
        return [_fields(one) for one in self._sets.versions(tenant or "default", name)]

    def save(self, name: str, text: str, tenant: str | None, *, note: str, dry_run: bool) -> Fields:
        there: list[StoredLimitSet | None] = []
        saved = self._sets.save(
            name, text, tenant=tenant or "default", actor=actor(), note=note, check=there.append,
            dry_run=dry_run,
        )  # fmt: skip
        read = [limit_fields(one) for one in saved.limits]
        return {**_fields(saved), "limits": read, "changed": saved not in there}

    def remove(self, name: str, tenant: str | None) -> Fields:
        return _fields(self._sets.remove(tenant or "default", name, actor=actor()))

    def state(self, name: str, tenant: str | None, caller: Mapping[str, str]) -> list[Fields]:
        found = self._sets.get(tenant or "default", name)
        url = settings_here().limits_redis_url.get_secret_value()
        asks = LimitSet(found.limits, found.tenant, found.name).asks(Caller(**caller))
        return [verdict_fields(one) for one in limit_states(self._store, url).peek(asks)]

    def simulate(self, text: str, tenant: str | None, query: str, since: str) -> Fields:
        try:
            asked = ask(query, REQUEST_FIELDS, self._store.now(), also=(), since=since, until="")
        except QueryFault as fault:
            raise ConfigurationError(f"--query: {fault}") from None
        except BadParameter as error:
            raise ConfigurationError(f"--{error.field}: {error}") from None
        of = tenant or "default"
        client, period = telemetry_client(settings_here()), Period(asked.since, asked.until)
        limits = LimitSet(parse_limits(text), of)
        past = past_requests(client, of, asked.where, period, most_requests(limits))
        outcome = simulated(limits, past)
        return {
            "since": moment_of(asked.since), "until": moment_of(asked.until),
            **msgspec.to_builtins(outcome),
        }  # fmt: skip


def _fields(one: StoredLimitSet) -> Fields:
    return msgspec.structs.asdict(one)
