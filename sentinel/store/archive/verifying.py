"""Verifies the archive: every file is what was written, and nothing is in two places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sentinel.errors import ArchiveError
from sentinel.store.archive.files import checked, files, taken_of
from sentinel.store.archive.parquet import read_records
from sentinel.store.archive.place import place_of
from sentinel.store.database.tables import ALERT, GROUP

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Verified", "verify_archive"]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification read, and what it found: one sentence for each problem."""

    files: int
    alerts: int
    groups: int
    bytes: int
    problems: list[str]


def verify_archive(store: Store) -> Verified:
    """Read every file, and compare it with its checksum, its count and the database.

    Args:
        store: the shared database, whose options name the archive

    Returns:
        What was read, and the problems.
    """
    problems: list[str] = []
    counts, size, number = {"alert": 0, "group": 0}, 0, 0
    for kind, own in (("alert", ALERT), ("group", GROUP)):
        seen: dict[str, str] = {}
        with store.read() as connection:
            there = files(connection, kind)
        for file in there:
            number += 1
            try:
                data = checked(place_of(store.options.archive_url), file)
                records = read_records(data, file.path)
            except ArchiveError as error:
                problems.append(error.message)
                continue
            if len(records) != file.records:
                problems.append(f"{file.path} has {len(records)} records, not {file.records}")
            with store.read() as connection:
                counting = {one.id for one in records} - taken_of(connection, file.id)
                query = select(own.c.id).where(own.c.id.in_(sorted(counting)))
                here = set(connection.execute(query).scalars())
            problems += [f"{kind} {one} is in {file.path} and in the database" for one in here]
            twice = counting & seen.keys()
            problems += [f"{kind} {one} is in {file.path} and in {seen[one]}" for one in twice]
            seen.update((one, str(file.path)) for one in counting)
            counts[kind] += len(counting)
            size += len(data)
    return Verified(files=number, alerts=counts["alert"], groups=counts["group"], bytes=size,
                    problems=problems)  # fmt: skip
