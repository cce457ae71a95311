"""When the last episode of a series ended, as the system says that reports it.

Only series whose readings carry such an end have a row. Each row is under the lock of its rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, case, select

from sentinel.rules.rule import Rule
from sentinel.store.database.among import among
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import EPISODE_END

__all__ = ["load_ends", "save_ends"]


def load_ends(
    connection: Connection, prints: Sequence[str], now: datetime, within: timedelta
) -> dict[str, datetime]:
    """Return when the last episode of each series ended, if that was taken lately.

    A message that is late is one that its sender tried again for minutes, not for hours. A firing
    that comes much later is about something that burns, whatever it says of its beginning.

    Args:
        connection: the evaluation's transaction, which holds the rule's lock
        prints: fingerprints of the series
        now: the present moment
        within: ends that were taken longer ago are not returned

    Returns:
        The moments by fingerprint.
    """
    found: dict[str, datetime] = {}
    for some in chunks(prints):
        asked = {"prints": some, "since": now - within}
        found.update((row.fingerprint, row.ended_at) for row in connection.execute(_ENDED, asked))
    return found


def save_ends(
    connection: Connection, rule: Rule, ends: Mapping[str, datetime], now: datetime,
    within: timedelta,
) -> None:  # fmt: skip
    """Keep the ends of episodes, the later one of a series, and forget those of long ago.

    Args:
        connection: the evaluation's transaction, which holds the rule's lock
        rule: whose series they are
        ends: when each ended, by fingerprint
        now: when they were taken
        within: how long they matter
    """
    if not ends:
        return
    connection.execute(
        EPISODE_END.delete().where(
            EPISODE_END.c.tenant == rule.tenant, EPISODE_END.c.rule == rule.name,
            EPISODE_END.c.taken_at < now - within,
        )
    )  # fmt: skip
    insert = insert_into(connection.dialect.name, EPISODE_END)
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["fingerprint"],
        set_={
            "ended_at": case(
                (new.ended_at > EPISODE_END.c.ended_at, new.ended_at),
                else_=EPISODE_END.c.ended_at,
            ),
            "taken_at": new.taken_at,
        },
    )
    rows = [
        {
            "fingerprint": print_, "tenant": rule.tenant, "rule": rule.name,
            "ended_at": ended, "taken_at": now,
        }
        for print_, ended in ends.items()
    ]  # fmt: skip
    connection.execute(statement, rows)


# Built once, since SQLAlchemy compiles a statement once for each object.
_ENDED = select(EPISODE_END.c.fingerprint, EPISODE_END.c.ended_at).where(
    among(EPISODE_END.c.fingerprint, "prints"),
    EPISODE_END.c.taken_at >= bindparam("since", type_=EPISODE_END.c.taken_at.type),
)
