"""Bounces that vendors of mail posted: kept with the request, read by the relay once a minute."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, func, select

from sentinel.errors import SentinelError
from sentinel.notifications.bounces import Bounce, BounceReport, TakeReports
from sentinel.schema.bounces import PostedBounce
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of
from sentinel.store.notifications.mailed_channels import mailed_channels

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_WAITING", "TooManyWaiting", "keep_reports", "read_reports"]

_POSTED = table_of(PostedBounce)
MOST_WAITING = 10_000
"""Reports that may wait for a relay; a request that brings more is refused as a whole."""
_PIECE = 200


class TooManyWaiting(SentinelError):
    """As many reports wait as are kept: the vendor must send its request again later."""


def keep_reports(store: Store, reports: Sequence[BounceReport]) -> int:
    """Keep the reports about groups of which a message was sent.

    Args:
        store: the shared database
        reports: about any mails

    Returns:
        How many are about such groups, and are kept: they are durable then.

    Raises:
        TooManyWaiting: there is no room for all of them; none is kept
        SQLAlchemyError: the database failed
    """
    sent = mailed_channels(store, {report.group_id for report in reports})
    rows = [
        {"id": _id(one), "group_id": one.group_id, "bounces": msgspec.to_builtins(one.bounces),
         "received_at": store.now()}
        for one in reports if one.group_id in sent
    ]  # fmt: skip
    if not rows:
        return 0

    def work(connection: Connection) -> int:
        waiting = connection.execute(select(func.count()).select_from(_POSTED)).scalar_one()
        if waiting + len(rows) > MOST_WAITING:
            raise TooManyWaiting(
                f"{waiting:,} reports of bounces wait already",
                hint="Start sentinel-relay, which reads them, and let the vendor try again.",
            )
        for row in rows:
            made = insert_into(store.dialect, _POSTED).values(**row)
            connection.execute(made.on_conflict_do_nothing(index_elements=["id"]))
        return len(rows)

    return store.in_transaction(work)


def read_reports(store: Store, take: TakeReports) -> None:
    """Hand the reports that wait to what keeps what they say, and forget them after it.

    Args:
        store: the shared database
        take: may raise; the reports wait on then

    Raises:
        SQLAlchemyError: the database failed
    """
    with store.glance() as connection:
        query = select(_POSTED).order_by(_POSTED.c.received_at, _POSTED.c.id).limit(_PIECE)
        rows = connection.execute(query).all()
    if not rows:
        return
    several = [msgspec.convert(row.bounces, tuple[Bounce, ...]) for row in rows]
    pairs = zip(rows, several, strict=True)
    take([BounceReport(group_id=row.group_id, bounces=some) for row, some in pairs])
    read = _POSTED.delete().where(_POSTED.c.id.in_([row.id for row in rows]))
    store.in_transaction(lambda connection: connection.execute(read))


def _id(report: BounceReport) -> str:
    text = "\x1f".join([report.group_id, *sorted(one.address for one in report.bounces)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
