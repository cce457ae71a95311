"""One limit of an API: how much in which time, counted how, for whom. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from sentinel.errors import ConfigurationError

__all__ = [
    "DAY",
    "LONGEST_LOG",
    "MICROS",
    "MONTH",
    "WILDCARD",
    "Kind",
    "Limit",
    "Part",
    "checked",
]

MICROS = 1_000_000
DAY, MONTH = 86_400 * MICROS, 30 * 86_400 * MICROS
LONGEST_LOG = 1000
"""A log keeps a moment for each request."""
_LARGEST = 2**61
"""Of the products that a database works out in 64 bits."""
_MOST = 1_000_000_000
_LONGEST = 366 * DAY
_LEASES = 10_000
_LEASE_LIFE = 10 * MICROS
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}")
_PLAN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "CONNECT", "TRACE")
"""Of HTTP: RFC 9110, PATCH (RFC 5789) and QUERY. A limit on another one would apply to nothing."""
WILDCARD = re.compile(r"\{[^/{}]*\}|\*")
"""What stands for letters in one segment of a path."""
_PATH = re.compile(r"/[\x21-\x7e]{0,499}")


class Kind(StrEnum):
    """How requests are counted."""

    COUNTER = "counter"
    LOG = "log"
    BUCKET = "bucket"
    QUOTA = "quota"


class Part(StrEnum):
    """What of a request has an allowance of its own."""

    KEY = "key"
    USER = "user"
    ADDRESS = "address"
    ENDPOINT = "endpoint"
    PLAN = "plan"


class Limit(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """How much may be used in which time.

    Attributes:
        name: for messages and fields of responses; unique among limits that are used together
        amount: units in a period; a request costs one unless it says another cost
        period: microseconds; of a quota `DAY` or `MONTH`, which stand for the calendar's
        kind: how it counts
        by: each value of these has an allowance of its own; empty for one that all share
        burst: of a bucket: how much it holds; None for `amount`
        method: of HTTP, to which it is confined; empty for all
        path: pattern to which it is confined; empty for all. `*` and `{name}` stand for one
            segment, `**` at the end for the rest
        plans: of keys, to which it is confined; empty for all
        timezone: of a quota, in which days and months begin
        lease: units at most that a process takes at once; 0 where each request asks the store
        dry_run: it counts and reports, and refuses nobody
        when_unavailable: whether requests pass while the store does not answer
    """

    name: str
    amount: int
    period: int
    kind: Kind = Kind.COUNTER
    by: tuple[Part, ...] = ()
    burst: int | None = None
    method: str = ""
    path: str = ""
    plans: tuple[str, ...] = ()
    timezone: str = "UTC"
    lease: int = 0
    dry_run: bool = False
    when_unavailable: Literal["open", "closed"] = "open"

    @cached_property
    def capacity(self) -> int:
        """The most that may be used at once, in units.

        A bucket whose units are leased holds as much less as flows into it while a lease lasts.
        What is leased may be used that much later, so that no interval sees more than the limit.
        """
        if self.kind is not Kind.BUCKET:
            return self.amount
        full = self.amount if self.burst is None else self.burst
        return full - -(-self.amount * self.lease_life // self.period) if self.lease else full

    @cached_property
    def lease_life(self) -> int:
        """For how many microseconds leased units may be used; a tenth of filling, at most 10 s."""
        if self.kind is Kind.QUOTA:
            return _LEASE_LIFE
        full = self.amount if self.burst is None else self.burst
        return min(_LEASE_LIFE, full * self.period // self.amount // 10)

    @property
    def window(self) -> int:
        """The period in whole seconds, at least one."""
        return max(1, self.period // MICROS)

    @cached_property
    def counted_as(self) -> bytes:
        """What decides how it counts. A limit that changes here begins anew."""
        full = self.amount if self.burst is None else self.burst
        counts = (self.kind, self.period, self.amount, full, bool(self.lease), self.timezone)
        confined = (self.by, self.method, self.path, self.plans, self.dry_run)
        return msgspec.json.encode((counts, confined, self.name))


def checked(limit: Limit) -> Limit:
    """Return a limit that can be counted.

    Args:
        limit: as somebody wrote it

    Returns:
        The same.

    Raises:
        ConfigurationError: it contradicts itself or is out of bounds; the message says where
    """
    for wrong, why in _faults(limit):
        if wrong:
            raise ConfigurationError(f"limit {limit.name[:80]!r}: {why}")
    return limit


def _faults(limit: Limit) -> list[tuple[bool, str]]:
    kind, lasting = limit.kind, limit.kind is Kind.QUOTA
    full = limit.amount if limit.burst is None else limit.burst
    return [
        (not _NAME.fullmatch(limit.name), "a name has letters, digits and _ . + - only, up to 80"),
        (not 1 <= limit.amount <= _MOST, f"the amount is 1 to {_MOST:,}"),
        (lasting and limit.period not in (DAY, MONTH), "a quota is per day or per month"),
        (not MICROS <= limit.period <= _LONGEST, "the period is 1 second to 366 days"),
        (kind is not Kind.BUCKET and limit.burst is not None, "only a bucket has a burst"),
        (not 1 <= full <= _MOST, f"the burst is 1 to {_MOST:,}"),
        (max(full, limit.amount) * limit.period > _LARGEST,
         f"amount or burst times the period in seconds is over {_LARGEST // MICROS:,}"),
        (kind is Kind.LOG and limit.amount > LONGEST_LOG,
         f"a log keeps {LONGEST_LOG:,} requests at most: use counter or bucket"),
        (len(set(limit.by)) < len(limit.by), "the same word twice after `by`"),
        (bool(limit.method) and limit.method not in METHODS,
         f"{limit.method[:20]!r} is no method of HTTP: {', '.join(METHODS)}"),
        (bool(limit.path) and not _PATH.fullmatch(limit.path),
         "a path begins with / and has no spaces"),
        ("**" in limit.path.removesuffix("/**"), "** stands at the end of a path, after a /"),
        (any(len(WILDCARD.findall(one)) > 1 for one in limit.path.removesuffix("/**").split("/")),
         "a segment of a path has one wildcard at most"),
        (not all(_PLAN.fullmatch(one) for one in limit.plans),
         "a plan has letters, digits and _ . - only, up to 80"),
        (limit.timezone != "UTC" and not lasting, "only a quota has a time zone"),
        (not _zone_is_known(limit.timezone),
         f"there is no time zone {limit.timezone[:80]!r}: write one like Europe/Berlin"),
        (bool(limit.lease) and kind not in (Kind.BUCKET, Kind.QUOTA),
         "only a bucket or a quota is leased: a window would see leased units too late"),
        (bool(limit.lease) and not 2 <= limit.lease <= _LEASES,
         f"a lease is 2 to {_LEASES:,} units"),
        (bool(limit.lease) and limit.dry_run, "a dry run is not leased"),
        # Last, since it divides by what the others look at.
        *([(limit.capacity < 1, "its burst is too small to be leased")] if limit.lease else []),
    ]  # fmt: skip


def _zone_is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
