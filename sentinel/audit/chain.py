"""The chain: each row's hash covers the row and the hash before it.

The hash is SHA-256 over the canonical JSON array of a row's fields. The name of whoever acted is
not among them, but a commitment to it (`pseudonym`), so that a name can be erased and the chain
still holds.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from sentinel.audit.change import canonical
from sentinel.errors import ConfigurationError

__all__ = [
    "GENESIS", "Checkpoint", "Entry", "Head", "Person", "Verdict", "digest", "named", "pseudonym",
    "sign", "verify",
]  # fmt: skip

GENESIS = "0" * 64
"""The hash before the first row."""
LATE = timedelta(hours=1)
"""A row that was chained so long after its time, while others were chained, came from nowhere."""
MOST_PROBLEMS = 100
_NAMED = re.compile('"person":"([0-9a-f]{64})"')
_FORM = 1
"""Of the encoding; raised when it changes."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One audit row. `actor` is a pseudonym; `before` and `after` are canonical JSON, or None."""

    id: str
    at: datetime
    actor: str
    kind: str
    door: str
    tenant: str
    action: str
    object_kind: str
    object_id: str
    object_name: str
    before: str | None
    after: str | None
    note: str
    seq: int
    chained_at: datetime
    previous: str
    hash: str


class Head(msgspec.Struct, frozen=True):
    """The end of the chain: the number and the hash of its last row."""

    seq: int = 0
    hash: str = GENESIS

    @classmethod
    def read(cls, text: str) -> Head:
        """Return the end that was printed as `text`.

        Args:
            text: number, colon, hash

        Returns:
            The end.

        Raises:
            ConfigurationError: it is no number, colon and hash
        """
        number, _, hashed = text.strip().lower().partition(":")
        if not re.fullmatch("[0-9]{1,18}:[0-9a-f]{64}", f"{number}:{hashed}"):
            raise ConfigurationError(
                f"{text[:100]!r} is no end of the audit trail",
                hint="Give what `sentinel audit verify` printed: a number, a colon, 64 hex digits.",
            )
        return cls(int(number), hashed)

    def __str__(self) -> str:
        """Return it as it is printed and compared: number, colon, hash."""
        return f"{self.seq}:{self.hash}"


class Checkpoint(msgspec.Struct, frozen=True):
    """Up to where rows were deleted by retention, signed with the platform owner's key."""

    seq: int
    hash: str
    at: datetime
    signature: str


class Person(msgspec.Struct, frozen=True):
    """What a pseudonym stands for; `name` is None where it was erased."""

    id: str
    name: str | None
    salt: str


class Verdict(msgspec.Struct, kw_only=True):
    """What a verification found.

    Attributes:
        head: the end of the chain
        rows: how many rows were checked
        waiting: rows that are not chained yet
        first: number of the first row that is kept
        erased: people whose names were erased
        problems: one sentence each, at most `MOST_PROBLEMS`; empty where all is well
        warnings: one sentence each, at most as many, about what is no proof of a change: a clock
            that was set back
    """

    head: Head
    rows: int = 0
    waiting: int = 0
    first: int = 1
    erased: int = 0
    problems: list[str] = msgspec.field(default_factory=list[str])
    warnings: list[str] = msgspec.field(default_factory=list[str])

    def object(self, problem: str) -> None:
        """Note a problem."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def digest(row: Entry) -> str:
    """Return the hash that a row must have; `row.hash` itself is not read."""
    fields = [
        _FORM, row.seq, row.previous, row.id, _moment(row.at), _moment(row.chained_at), row.actor,
        row.kind, row.door, row.tenant, row.action, row.object_kind, row.object_id,
        row.object_name, row.before, row.after, row.note,
    ]  # fmt: skip
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def pseudonym(name: str, salt: str) -> str:
    """Return the commitment to a name: without the salt nobody can tell whose it is."""
    return hashlib.sha256(canonical([salt, name]).encode()).hexdigest()


def named(actor: str, object_id: str, before: str | None, after: str | None) -> Iterator[str]:
    """Yield the pseudonyms that a row names; an id of another object may be among them."""
    yield actor
    yield object_id
    for side in (before, after):
        if side is not None and '"person"' in side:
            yield from _NAMED.findall(side)


def sign(checkpoint: Checkpoint, key: str) -> str:
    """Return the signature (HMAC-SHA-256, hex) of a checkpoint; its own is not read."""
    fields = [_FORM, checkpoint.seq, checkpoint.hash, _moment(checkpoint.at)]
    return hmac.new(key.encode(), canonical(fields).encode(), hashlib.sha256).hexdigest()


def verify(
    rows: Iterable[Entry],
    *,
    head: Head,
    people: Mapping[str, Person],
    checkpoint: Checkpoint | None = None,
    key: str = "",
    known: Iterable[Head] = (),
    erasing: Iterable[str] = (),
    naming: Iterable[str] = (),
) -> Verdict:
    """Check that no row was altered, removed, inserted or moved.

    Args:
        rows: those that are chained, by number
        head: the end as the database has it, of the same moment
        people: what every pseudonym stands for
        checkpoint: up to where retention deleted rows, if it ever did
        key: that checkpoints are signed with
        known: ends that were printed earlier, which must still be in the chain
        erasing: pseudonyms whose names were erased by rows that wait to be chained
        naming: pseudonyms that rows name which wait to be chained

    Returns:
        What was found.
    """
    found = Verdict(head=head)
    before = Head()
    if checkpoint is not None:
        before = Head(checkpoint.seq, checkpoint.hash)
        _check_signature(found, checkpoint, key)
    start, found.first = before, before.seq + 1
    missing = _compare_with_start(found, start, known)
    erasures, nameless = set(erasing), people.keys() - set(naming)
    # All rows that wait are chained at once, so rows of one moment say nothing of each other.
    now: datetime | None = None
    earlier: datetime | None = None
    for row in rows:
        found.rows += 1
        if row.chained_at != now:
            earlier, now = now, row.chained_at
            if earlier is not None and now < earlier - LATE:
                _warn_of_clock(found, before.seq, row.seq, earlier, now)
                earlier = now
        _check_row(found, row, before, earlier)
        nameless.difference_update(named(row.actor, row.object_id, row.before, row.after))
        if row.actor not in people:
            found.object(f"row {row.seq}: who it was by ({row.actor[:12]}…) was removed")
        if row.action == "person.erased":
            erasures.add(row.object_id)
        if missing.pop(row.seq, {row.hash}) != {row.hash}:
            found.object(f"row {row.seq} is not the one whose hash you gave")
        before = Head(row.seq, row.hash)
    if before != head:
        found.object(
            f"the chain ends at {before.seq}, and its end is recorded as {head.seq}: "
            "rows were removed from its end or added to it"
        )
    for seq in sorted(missing):
        found.object(f"row {seq}, whose hash you gave, is gone: the end was removed")
    for one in people.values():
        if one.name is None:
            found.erased += 1
            # Retention may have deleted the erasure, but not before the rows that it follows.
            if one.id not in erasures and (checkpoint is None or one.id not in nameless):
                found.object(f"the name behind {one.id[:12]}… was removed without an erasure")
        elif pseudonym(one.name, one.salt) != one.id:
            found.object(f"the name behind {one.id[:12]}… was altered")
    # Whoever acts gets a pseudonym with their first row. Retention deletes rows, never pseudonyms.
    if nameless and checkpoint is None:
        found.object(
            f"{len(nameless)} pseudonyms are in no row, such as {min(nameless)[:12]}…: the rows "
            "that had them were removed"
        )
    return found


def _compare_with_start(found: Verdict, start: Head, known: Iterable[Head]) -> dict[int, set[str]]:
    """Check the known ends up to the first row; return the hashes of the others by number."""
    later: dict[int, set[str]] = {}
    for one in known:
        if one.seq > start.seq:
            later.setdefault(one.seq, set()).add(one.hash)
        elif one.seq < start.seq:
            found.object(
                f"row {one.seq}, whose hash you gave, is below what retention deleted: only an end "
                f"from row {start.seq} on can be compared"
            )
        elif one.hash != start.hash:
            found.object(f"row {one.seq} is not the one whose hash you gave")
    return later


def _check_row(found: Verdict, row: Entry, before: Head, earlier: datetime | None) -> None:
    if row.seq != before.seq + 1:
        found.object(
            f"row {row.seq} follows row {before.seq}: "
            + ("rows between were removed" if row.seq > before.seq else "it was inserted or moved")
        )
    if row.previous != before.hash:
        found.object(f"row {row.seq} does not follow the row before it: one of both was altered")
    if digest(row) != row.hash:
        found.object(f"row {row.seq} was altered: its hash is another")
    if earlier is not None and row.at < earlier - LATE:
        found.object(
            f"row {row.seq} says {row.at:%Y-%m-%d %H:%M} UTC, but was not there when later rows "
            "were chained: it was inserted"
        )


def _warn_of_clock(found: Verdict, last: int, row: int, was: datetime, now: datetime) -> None:
    if len(found.warnings) < MOST_PROBLEMS:
        found.warnings.append(
            f"between row {last} and row {row} the clock went back from {was:%Y-%m-%d %H:%M} to "
            f"{now:%Y-%m-%d %H:%M} UTC: it was wrong, so times around these rows prove nothing"
        )


def _check_signature(found: Verdict, checkpoint: Checkpoint, key: str) -> None:
    if not key:
        found.object(
            f"rows up to {checkpoint.seq} were deleted; without SENTINEL_AUDIT_KEY nobody can tell "
            "whether retention did it"
        )
    elif not hmac.compare_digest(sign(checkpoint, key), checkpoint.signature):
        found.object(
            f"the checkpoint at row {checkpoint.seq} is not signed with SENTINEL_AUDIT_KEY"
        )
