"""The client of the telemetry store: the one way by which code reaches logs and spans.

```python
client = telemetry_client(settings)
for row in client.rows("SELECT Body FROM logs WHERE Tenant = {tenant:String}", {"tenant": "acme"}):
    ...
```

What a person typed is only ever a parameter, `{name:Type}` in the statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from sentinel.errors import ConfigurationError, TelemetryError, TelemetryUnavailable
from sentinel.settings import Settings
from sentinel.store.telemetry.connecting import Connecting
from sentinel.store.telemetry.ddl import Place
from sentinel.store.telemetry.error_numbers import number_of
from sentinel.store.telemetry.migrate import Kept, migrate
from sentinel.store.telemetry.schema import MERGED_INDEXES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TelemetryClient", "place_of", "telemetry_client"]

T = TypeVar("T")
Client = Any
"""One of clickhouse-connect, whose signatures are typed in part."""
ArrowTable = Any
"""A `pyarrow.Table`; the package has no types."""

SIGNALS = ("logs", "spans", "requests", "usage")
"""What is kept, each for a length of its own."""
_CONNECT_SECONDS, _ANSWER_SECONDS, _READ_SECONDS = 5, 60, 30
_WAIT_SECONDS = 5.0
"""How long whoever needs the store waits for a connection."""
_ABOUT_DATA = frozenset({
    0, 1, 6, 8, 9, 10, 15, 16, 20, 26, 27, 36, 38, 41, 42, 43, 44, 46, 47, 48, 50, 53, 62, 63, 69,
    70, 72, 115, 117, 130, 131, 153, 158, 159, 160, 164, 179, 184, 190, 207, 215, 307, 321, 349,
    352, 386, 395, 396, 427, 436, 450, 456, 457, 467, 469, 507, 508, 636, 691,
})  # fmt: skip
"""ClickHouse's numbers of errors that come again with the same statement and rows: what cannot be
parsed or converted, names that there are not, constraints, and bounds of one query. All others,
such as a full disk, memory, too many parts or a password that was changed, end when somebody or
time mends them: the rows are sent again until then."""
_GONE = frozenset({60, 81})
"""The table or the database is not there: the schema is made again with the next connection."""
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LATER = ",".join(MERGED_INDEXES)
_ABSENT = "there is no telemetry store"
_HINT = (
    "Start `sentinel up`, which embeds one, or set SENTINEL_TELEMETRY_URL to a ClickHouse; "
    "its libraries come with the extra `telemetry`."
)


class TelemetryClient:
    """Reads, or reads and writes, logs and spans.

    Connects, and migrates the schema, when it is first used; safe to use from several threads.

    Args:
        url: of ClickHouse's HTTP interface
        place: where the tables are
        kept: how long rows are kept; None for a client that leaves retention as it is
        migrates: whether the schema is brought to this version
        settings: of every statement
        before: called before each connecting, such as the migration by another client
        wait: seconds that a caller waits for a connection
        answer: seconds that one statement may take
    """

    def __init__(
        self,
        url: str,
        place: Place,
        kept: Kept | None = None,
        *,
        migrates: bool = True,
        settings: Mapping[str, Any] | None = None,
        before: Callable[[], None] | None = None,
        wait: float = _WAIT_SECONDS,
        answer: float = _ANSWER_SECONDS,
    ) -> None:
        self._url = url
        self.place = place
        self._kept = kept
        self._settings = dict(settings or {})
        self._before = before
        self._migrates = migrates
        self._answer_seconds = answer
        self._connecting = Connecting(self._connect, wait)

    def prepare(self) -> None:
        """Connect, and bring the schema to this version.

        Raises:
            TelemetryError: the store is newer, or refuses
            TelemetryUnavailable: it does not answer, or there is none
        """
        self._run(lambda client: None)

    def rows(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Return the rows of a query.

        Args:
            sql: the query, with `{name:Type}` for each parameter
            parameters: values by name
            settings: of this query, such as `max_execution_time`

        Returns:
            Each row by the names of its columns; moments are datetimes in UTC.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer, or there is none
        """
        found = self._run(
            lambda client: client.query(
                sql, parameters=dict(parameters or {}), settings=dict(settings or {})
            )
        )
        return [dict(zip(found.column_names, row, strict=True)) for row in found.result_rows]

    def table(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> ArrowTable:
        """Return the rows of a query as an Arrow table; see `rows`.

        Returns:
            The table.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer, or there is none
        """
        return self._run(
            lambda client: client.query_arrow(
                sql, parameters=dict(parameters or {}), settings=dict(settings or {})
            )
        )

    def value(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the first column of the first row; None without a row.

        Returns:
            The value.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer, or there is none
        """
        for row in self.rows(sql, parameters):
            return next(iter(row.values()), None)
        return None

    def command(self, sql: str, *, anywhere: bool = False) -> None:
        """Run a statement that answers nothing.

        Args:
            sql: the statement
            anywhere: whether it names its database, which may not be there

        Raises:
            TelemetryError: the store refuses it
            TelemetryUnavailable: it does not answer, or there is none
        """
        self._run(lambda client: client.command(sql, use_database=not anywhere))

    def insert(self, table: str, rows: ArrowTable, token: str) -> None:
        """Insert rows; they are on disk when this returns.

        Args:
            table: name of the table
            rows: named as its columns
            token: of the batch: one that was inserted before under the same token is not again

        Raises:
            TelemetryError: the store refuses them
            TelemetryUnavailable: it does not answer, or there is none; whether they were inserted
                is not known then, and the same rows may be sent again with the same token
        """
        settings = {
            "insert_deduplication_token": token,
            # What a view derives is written too where a crash came between rows and view.
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            # What is sent late may be of more than the 100 days that are taken otherwise.
            "max_partitions_per_insert_block": 0,
            "exclude_materialize_skip_indexes_on_insert": _LATER,
        }
        if self.place.cluster:
            settings["distributed_foreground_insert"] = 1
        self._run(lambda client: client.insert_arrow(table, rows, settings=settings))

    def close(self) -> None:
        """Close the connections."""
        self._connecting.close()

    def _run(self, work: Callable[[Client], T]) -> T:
        from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

        client: Client = None
        try:
            client = self._connecting.get()
            return work(client)
        except OperationalError as error:
            self._connecting.drop(client)
            raise TelemetryUnavailable(
                f"the telemetry store does not answer: {_first_line(error)}", hint=_HINT
            ) from error
        except ClickHouseError as error:
            number = number_of(error)
            if number in _GONE:
                self._connecting.drop(client)
            if number not in _ABOUT_DATA:
                raise TelemetryUnavailable(
                    f"the telemetry store cannot do it now: {_first_line(error)}"
                ) from error
            raise TelemetryError(f"the telemetry store refused: {_first_line(error)}") from error

    def _connect(self) -> Client:
        if self._before is not None:
            self._before()
        clickhouse_connect: Any = import_module("clickhouse_connect")
        parts = urlsplit(self._url)
        client = clickhouse_connect.get_client(
            dsn=urlunsplit(parts._replace(path="/default", query="", fragment="")),
            compress=parts.hostname not in ("127.0.0.1", "localhost", "::1"),
            connect_timeout=_CONNECT_SECONDS,
            send_receive_timeout=self._answer_seconds,
            autogenerate_session_id=False,
            dedicated_pool=True,
            query_limit=0,
            tz_mode="aware",
            settings=self._settings,
            client_name="sentinel",
        )
        try:
            if self._migrates:
                migrate(lambda sql: _first_value(client, sql), self.place, self._kept)
        except BaseException:
            client.close()
            raise
        client.database = self.place.database
        return client


def telemetry_client(
    settings: Settings,
    *,
    write: bool = False,
    retain: bool = False,
    wait: float = _WAIT_SECONDS,
    answer: float = _ANSWER_SECONDS,
) -> TelemetryClient:
    """Return the client of this process for a telemetry store.

    Args:
        settings: that name it
        write: to insert; all other code reads
        retain: to set how long rows are kept, as the settings say, which deletes older ones: only
            for what serves the intake, since another process may have other settings
        wait: seconds that a caller waits for a connection
        answer: seconds that one statement of a writer may take; a backup takes minutes

    Returns:
        The same object for the same store.

    Raises:
        TelemetryUnavailable: none is named, or the extra `telemetry` is not installed
        ConfigurationError: the address is invalid
    """
    return _client(
        settings.telemetry_url.get_secret_value(),
        settings.telemetry_read_url.get_secret_value(),
        settings.telemetry_cluster,
        tuple((signal, _frozen(settings, signal)) for signal in SIGNALS if retain),
        write,
        wait,
        answer,
    )


def _frozen(settings: Settings, signal: str) -> tuple[Any, tuple[tuple[str, Any], ...]]:
    common, others = settings.telemetry_kept(signal)
    return common, tuple(sorted(others.items()))


@lru_cache(maxsize=8)
def _client(
    url: str,
    read_url: str,
    cluster: str,
    kept: Sequence[Any],
    write: bool,
    wait: float,
    answer: float,
) -> TelemetryClient:
    if not url:
        raise TelemetryUnavailable(_ABSENT, hint=_HINT)
    if find_spec("clickhouse_connect") is None:
        raise TelemetryUnavailable("clickhouse-connect is not installed", hint=_HINT)
    place = place_of(url, cluster)
    if write:
        lengths = {signal: (common, dict(others)) for signal, (common, others) in kept}
        return TelemetryClient(url, place, lengths or None, wait=wait, answer=answer)
    return TelemetryClient(
        read_url or url,
        place,
        migrates=False,
        settings={} if read_url else {"readonly": 2},
        before=lambda: _client(url, read_url, cluster, kept, True, wait, answer).prepare(),
        wait=wait,
        answer=_READ_SECONDS,
    )


def place_of(url: str, cluster: str = "") -> Place:
    """Return where the tables are that an address names.

    Args:
        url: such as `http://user:password@host:8123/database`
        cluster: name of the cluster; empty for one server

    Returns:
        The place; its database is `sentinel` where the address names none.

    Raises:
        ConfigurationError: the address is no HTTP address, or names an impossible database
    """
    parts = urlsplit(url)
    database = unquote(parts.path.strip("/")) or "sentinel"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            "SENTINEL_TELEMETRY_URL is no address of ClickHouse's HTTP interface",
            hint="Write it as http://user:password@host:8123/database.",
        )
    if not _DATABASE.fullmatch(database):
        raise ConfigurationError(
            f"SENTINEL_TELEMETRY_URL names the database {database!r}",
            hint="Use letters, digits and _.",
        )
    return Place(database, cluster)


def _first_value(client: Client, sql: str) -> Any:
    if sql.startswith("SELECT"):
        rows = client.query(sql).result_rows
        return rows[0][0] if rows else None
    client.command(sql)
    return None


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    own = text.partition("DB::Exception: ")[2] or text
    return own.splitlines()[0].partition(" (for url ")[0][:300]
