"""Whether databases answer, and how fast."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Annotated

import msgspec
from pydantic import Field
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from sentinel import Context, Reading, above, trigger
from sentinel.labels.text import storable
from triggers._addresses import Address, address
from triggers._sources import check_query, file_there, reading, rows_of


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How long connecting and the query took, in seconds, or what went wrong."""

    connecting: float = 0.0
    seconds: float | None = None
    error: str = ""


@trigger(category="system", unit="seconds", when=above(1))
def database_up(
    ctx: Context,
    databases: Annotated[dict[str, str], Field(min_length=1, max_length=100)],
    query: str = "SELECT 1",
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0,
) -> Iterator[Reading]:
    """Whether databases answer a query, and how long connecting and asking takes, in seconds.

    One that does not answer fires whatever the rule's threshold is.

    Args:
        ctx: reads Prefect blocks, among them {secret:NAME}
        databases: the SQLAlchemy URL of each by the name that alerts call it, for example
            postgresql://app:{secret:shop-password}@db/shop, where {secret:NAME} is filled from
            the Prefect Secret block of that name, which may also hold the whole URL; or a block of
            prefect-sqlalchemy, for example sqlalchemy-connector/shop
        query: one statement that reads, in a read-only session and transaction; it must answer
            with at least one row
        timeout_seconds: no answer within this long means down

    Yields:
        For each database one reading with the label `database`: the seconds until it answered, or a
        firing one where it did not.
    """
    where_of = {
        name: address(ctx, given, f"database {name!r}") for name, given in databases.items()
    }
    for one in where_of.values():
        check_query(one.url, query)
    until = time.monotonic() + timeout_seconds
    waiting = {name: _started(one, query, timeout_seconds) for name, one in where_of.items()}
    for name, answers in waiting.items():
        labels = {"database": name[:200]}
        where = where_of[name].url.render_as_string(hide_password=True)
        try:
            answer = answers.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            answer = Answer(error=f"no answer within {timeout_seconds:g} s")
        if answer.seconds is None:
            yield Reading(
                labels=labels,
                firing=True,
                summary=storable(f"database {name} is down: {answer.error}")[:1000],
                details={"url": where, "error": answer.error},
            )
            continue
        yield Reading(
            labels=labels,
            value=round(answer.seconds, 4),
            summary=f"database {name} answers in {answer.seconds:.3g} s",
            details={"url": where, "connecting_seconds": round(answer.connecting, 4)},
        )


def _started(where: Address, query: str, timeout: float) -> queue.Queue[Answer]:
    """Ask in a thread of its own, which nobody waits for longer than the timeout."""
    answers: queue.Queue[Answer] = queue.Queue()
    thread = threading.Thread(
        target=lambda: answers.put(_asked(where, query, timeout)), name="database-up", daemon=True
    )
    thread.start()
    return answers


def _asked(where: Address, query: str, timeout: float) -> Answer:
    if not file_there(where.url):
        return Answer(error=f"there is no file {where.url.database}")
    started = time.perf_counter()
    try:
        with reading(where, timeout) as connection:
            connecting = time.perf_counter() - started
            if not rows_of(connection, query, 1):
                return Answer(error="the query answers no row")
            seconds = time.perf_counter() - started
    except NoSuchModuleError:
        name = where.url.drivername
        return Answer(error=f"nothing here speaks {name}; install a driver for it")
    except ModuleNotFoundError as error:
        return Answer(error=f"its driver {error.name} is not installed")
    except DBAPIError as error:
        return Answer(error=str(error.orig).strip() or type(error.orig).__name__)
    except (SQLAlchemyError, OSError) as error:
        return Answer(error=str(error))
    return Answer(connecting=connecting, seconds=seconds)
