"""The deployments of a Prefect server, asked for once a minute and kept in this process.

Prefect gives a deployment only as a whole, with the schema of its parameters: some ten kilobytes
each, which a rule with a period of ten seconds should not ask for every time.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta
from typing import NamedTuple

from sentinel.prefect_client.port import Deployed, PrefectPort

__all__ = ["forget", "listed"]

_FOR = timedelta(minutes=1)


class _Listed(NamedTuple):
    at: datetime
    deployments: list[Deployed]
    ids: frozenset[str]


_kept: dict[str, _Listed] = {}


def listed(prefect: PrefectPort, now: datetime, having: Set[str]) -> list[Deployed]:
    """Return all deployments, as they were at most a minute ago.

    Args:
        prefect: the API to ask
        now: the present moment
        having: ids that must be among them; where one is missing it is new, and the API is asked

    Returns:
        Every deployment of that server, in the order of its API.
    """
    kept = _kept.get(prefect.url)
    if kept is None or not timedelta(0) <= now - kept.at < _FOR or not having <= kept.ids:
        found = list(prefect.every_deployment())
        kept = _kept[prefect.url] = _Listed(now, found, frozenset(one.id for one in found))
    return kept.deployments


def forget() -> None:
    """Ask anew the next time."""
    _kept.clear()
