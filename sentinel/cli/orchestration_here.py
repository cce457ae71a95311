"""The orchestration that commands work on: of the database here, or of a server elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from sentinel.client import Client
    from sentinel.client.alert_routes import VersionPage
    from sentinel.client.calls import Call
    from sentinel.orchestration.document import Sample
    from sentinel.orchestration.incoming import Outcome
    from sentinel.schema.document_version import DocumentVersion
    from sentinel.store import Store
    from sentinel.store.documents.versioned import Applied
    from sentinel.store.orchestration.cached_tables import TableQuery
    from sentinel.store.orchestration.listing import TableView
    from sentinel.store.orchestration.trials import Replay

__all__ = ["MOST_HISTORY", "OrchestrationHere", "QueryHere", "ShadowHere", "orchestration_here"]

MOST_HISTORY = 500


class ShadowHere(msgspec.Struct, frozen=True, kw_only=True):
    """A draft that runs or ran: since and until when, and what it would have changed."""

    running: bool
    started_at: Any
    stopped_at: Any
    note: str
    replay: Replay


class QueryHere(msgspec.Struct, frozen=True, kw_only=True):
    """A table that is read from another database; the lengths are seconds."""

    name: str
    block: str
    query: str
    every_seconds: int
    usable_seconds: int
    read_at: datetime | None
    error: str


class OrchestrationHere(Protocol):
    """What commands ask of the orchestration of a tenant."""

    def version(self, number: int | None) -> DocumentVersion:
        """Return one version of the rules; None for the active one."""
        ...

    def history(self, limit: int) -> list[Any]:
        """Return the newest versions of the rules, without their documents."""
        ...

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        """Make a document active; `expected` is the version that must be active, if any."""
        ...

    def rollback(self, number: int, note: str) -> Applied:
        """Make an earlier version of the rules active again."""
        ...

    def tried(self, sample: Sample, draft: str | None) -> Outcome:
        """Return what becomes of an alert by a draft, or by the active rules."""
        ...

    def replay(self, draft: str, since: timedelta) -> Replay:
        """Compare a draft with the active rules over what came in."""
        ...

    def start_shadow(self, draft: str, note: str) -> None:
        """Run a draft beside the active rules."""
        ...

    def stop_shadow(self) -> None:
        """Stop the draft that runs."""
        ...

    def shadow(self) -> ShadowHere:
        """Return the draft that runs or ran last."""
        ...

    def tables(self) -> list[TableView]:
        """Return the tables that rules may enrich from."""
        ...

    def upload(self, name: str, text: str, note: str, expected: int | None) -> Applied:
        """Make a CSV the active version of a table."""
        ...

    def table_history(self, name: str, limit: int) -> list[Any]:
        """Return the newest versions of a table, without their rows."""
        ...

    def rollback_table(self, name: str, number: int, note: str) -> Applied:
        """Make an earlier version of a table active again; 0 removes it."""
        ...

    def queries(self) -> list[QueryHere]:
        """Return the tables that are read from other databases."""
        ...

    def set_query(self, name: str, asked: TableQuery) -> None:
        """Have a table read from another database."""
        ...

    def remove_query(self, name: str) -> None:
        """Have a table read no longer, and forget its rows."""
        ...


@contextmanager
def orchestration_here(tenant: str) -> Generator[OrchestrationHere]:
    """Give the orchestration that commands work on, as `--url` says.

    Args:
        tenant: whose

    Yields:
        The orchestration.
    """
    if remote_url():
        from sentinel.cli.remote import client_here

        with client_here() as client:
            yield _Remote(client, tenant)
        return
    with open_store() as store:
        yield _Local(store, tenant)


class _Local:
    def __init__(self, store: Store, tenant: str) -> None:
        from sentinel.store.orchestration.documents import Orchestrations

        self._store, self._tenant = store, tenant
        self._rules = Orchestrations(store, tenant)

    def version(self, number: int | None) -> DocumentVersion:
        return self._rules.version(number)

    def history(self, limit: int) -> list[Any]:
        return [*self._rules.history(limit)]

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        check = self._rules.expecting(expected)
        return self._rules.apply(text, actor=actor(), note=note, check=check)

    def rollback(self, number: int, note: str) -> Applied:
        return self._rules.rollback(number, actor=actor(), note=note)

    def tried(self, sample: Sample, draft: str | None) -> Outcome:
        from sentinel.orchestration.trial import incoming_of
        from sentinel.store.orchestration.trials import tried

        return tried(self._store, self._tenant, incoming_of(sample), draft)

    def replay(self, draft: str, since: timedelta) -> Replay:
        from sentinel.store.orchestration.trials import replayed

        return replayed(self._store, self._tenant, draft, since=self._store.now() - since)

    def start_shadow(self, draft: str, note: str) -> None:
        from sentinel.store.orchestration.shadow import start_shadow

        start_shadow(self._store, self._tenant, draft, actor=actor(), note=note)

    def stop_shadow(self) -> None:
        from sentinel.store.orchestration.shadow import stop_shadow

        stop_shadow(self._store, self._tenant, actor=actor())

    def shadow(self) -> ShadowHere:
        from sentinel.store.orchestration.shadow import shadow_report

        found = shadow_report(self._store, self._tenant)
        return ShadowHere(
            running=found.shadow.stopped_at is None, started_at=found.shadow.started_at,
            stopped_at=found.shadow.stopped_at, note=found.shadow.note, replay=found.replay,
        )  # fmt: skip

    def tables(self) -> list[TableView]:
        from sentinel.store.orchestration.listing import tables_of

        return tables_of(self._store, self._tenant)

    def upload(self, name: str, text: str, note: str, expected: int | None) -> Applied:
        versions = self._versions(name)
        check = versions.expecting(expected)
        return versions.apply(text, actor=actor(), note=note, check=check)

    def table_history(self, name: str, limit: int) -> list[Any]:
        return [*self._versions(name).history(limit)]

    def rollback_table(self, name: str, number: int, note: str) -> Applied:
        return self._versions(name).rollback(number, actor=actor(), note=note)

    def queries(self) -> list[QueryHere]:
        from sentinel.store.orchestration.cached_tables import cached_tables

        return [
            QueryHere(
                name=one.name, block=one.block, query=one.query, every_seconds=one.every,
                usable_seconds=one.usable, read_at=one.read_at, error=one.error,
            )
            for one in cached_tables(self._store, self._tenant)
        ]  # fmt: skip

    def set_query(self, name: str, asked: TableQuery) -> None:
        from sentinel.store.orchestration.cached_tables import set_query

        set_query(self._store, self._tenant, name, asked, actor=actor())

    def remove_query(self, name: str) -> None:
        from sentinel.store.orchestration.cached_tables import remove_query

        remove_query(self._store, self._tenant, name, actor=actor())

    def _versions(self, name: str) -> Any:
        from sentinel.store.orchestration.documents import TableVersions

        return TableVersions(self._store, self._tenant, name)


class _Remote:
    def __init__(self, client: Client, tenant: str) -> None:
        from sentinel.client import orchestration

        self._client, self._calls, self._tenant = client, orchestration, tenant

    def version(self, number: int | None) -> DocumentVersion:
        from sentinel.errors import NotFound
        from sentinel.schema.document_version import DocumentVersion

        calls, tenant = self._calls, self._tenant
        asked = (
            calls.active(tenant=tenant) if number is None else calls.version(number, tenant=tenant)
        )
        found = self._client.do(asked)
        if not found.number:
            raise NotFound("there is no orchestration")
        return DocumentVersion(**found.model_dump())

    def history(self, limit: int) -> list[Any]:
        return self._pages(
            limit,
            lambda most, cursor: self._calls.versions(
                limit=most, cursor=cursor, tenant=self._tenant
            ),
        )

    def apply(self, text: str, note: str, expected: int | None) -> Applied:
        return self._applied(
            self._calls.apply(text, note=note, version=expected, tenant=self._tenant)
        )

    def rollback(self, number: int, note: str) -> Applied:
        return self._applied(self._calls.rollback(number, note=note, tenant=self._tenant))

    def tried(self, sample: Sample, draft: str | None) -> Outcome:
        from sentinel.orchestration.incoming import Incoming, Outcome, Step

        given = sample.model_dump()
        found = self._client.do(self._calls.try_alert(given, document=draft, tenant=self._tenant))
        hold = found.hold_seconds
        return Outcome(
            verdict=msgspec.convert(found.verdict, Any), by=found.rule,
            hold=None if hold is None else timedelta(seconds=hold),
            given=Incoming(
                sender=sample.sender, labels=found.labels, severity=found.severity,
                owner=found.owner, title=found.title, annotations=found.annotations,
                value=sample.value,
            ),
            steps=msgspec.convert(found.steps, list[Step]),
        )  # fmt: skip

    def replay(self, draft: str, since: timedelta) -> Replay:
        days = since / timedelta(days=1)
        found = self._client.do(self._calls.replay(draft, days=days, tenant=self._tenant))
        return _replay(found.model_dump(mode="json"))

    def start_shadow(self, draft: str, note: str) -> None:
        self._client.do(self._calls.start_shadow(draft, note=note, tenant=self._tenant))

    def stop_shadow(self) -> None:
        self._client.do(self._calls.stop_shadow(tenant=self._tenant))

    def shadow(self) -> ShadowHere:
        found = self._client.do(self._calls.shadow(tenant=self._tenant))
        return ShadowHere(
            running=found.running, started_at=found.started_at, stopped_at=found.stopped_at,
            note=found.note, replay=_replay(found.replay.model_dump(mode="json")),
        )  # fmt: skip

    def tables(self) -> list[TableView]:
        from sentinel.store.orchestration.listing import TableView

        found = self._client.do(self._calls.tables(tenant=self._tenant))
        return [msgspec.convert(one.model_dump(), TableView) for one in found.items]

    def upload(self, name: str, text: str, note: str, expected: int | None) -> Applied:
        return self._applied(
            self._calls.upload_table(name, text, note=note, version=expected, tenant=self._tenant)
        )

    def table_history(self, name: str, limit: int) -> list[Any]:
        return self._pages(
            limit,
            lambda most, cursor: self._calls.table_versions(
                name, limit=most, cursor=cursor, tenant=self._tenant
            ),
        )

    def rollback_table(self, name: str, number: int, note: str) -> Applied:
        return self._applied(
            self._calls.rollback_table(name, number, note=note, tenant=self._tenant)
        )

    def queries(self) -> list[QueryHere]:
        found = self._client.do(self._calls.queries(tenant=self._tenant))
        return [msgspec.convert(one.model_dump(), QueryHere) for one in found.items]

    def set_query(self, name: str, asked: TableQuery) -> None:
        self._client.do(
            self._calls.set_query(
                name, asked.block, asked.query, tenant=self._tenant,
                every_seconds=int(asked.every.total_seconds()),
                usable_seconds=int(asked.usable.total_seconds()),
            )
        )  # fmt: skip

    def remove_query(self, name: str) -> None:
        self._client.do(self._calls.remove_query(name, tenant=self._tenant))

    def _applied(self, asked: Call[Any]) -> Applied:
        from sentinel.store.documents.versioned import Applied

        done = self._client.do(asked)
        return Applied(number=done.number, changed=done.changed)

    def _pages(self, limit: int, ask: Callable[[int, int | None], Call[VersionPage]]) -> list[Any]:
        from sentinel.schema.document_version import DocumentVersion

        found: list[Any] = []
        cursor: int | None = None
        while len(found) < limit:
            page = self._client.do(ask(min(MOST_HISTORY, limit - len(found)), cursor))
            found += [DocumentVersion(**one.model_dump()) for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found


def _replay(given: Any) -> Replay:
    from sentinel.store.orchestration.trials import Replay

    return msgspec.convert(given, Replay, strict=False)
