"""Files of the archive: Parquet, one row per record, with the columns that searches read.

Any reader of Parquet can use them: `record` is JSON with all rows of the record by table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.errors import ArchiveError
from sentinel.store.archive.records import Record, encoded, same, text_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMAT", "Written", "opened", "read_records", "written"]

FORMAT = 1
"""The layout of a file. A file of a higher one is refused; those of all lower ones are read."""
_MOMENTS = ("opened_at", "resolved_at")
_SEARCHED = ["id", "tenant", "team", "rule", "severity", "text", *_MOMENTS]


class Written(msgspec.Struct, frozen=True):
    """The bytes of a file, and their SHA-256 in hex."""

    data: bytes
    sha256: str


def written(records: Sequence[Record]) -> Written:
    """Return the file of some records, at least one.

    Args:
        records: all of one kind

    Returns:
        Its bytes, which were read back.

    Raises:
        ArchiveError: the file does not read back as the same records
    """
    import pandas as pd

    frame = pd.DataFrame([_cells(one) for one in records])
    for name in _MOMENTS:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    buffer = BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    data = buffer.getvalue()
    if not same(read_records(data, "the new file"), records):
        raise ArchiveError("a new file of the archive does not read back as it was written")
    return Written(data, hashlib.sha256(data).hexdigest())


def opened(data: bytes, name: str) -> pd.DataFrame:
    """Return what searches read of a file: no records.

    Args:
        data: all of it
        name: for errors

    Returns:
        One row for each record.

    Raises:
        ArchiveError: it is no file of the archive, or a newer Sentinel has written it
    """
    return _frame(data, name, _SEARCHED)


def read_records(data: bytes, name: str, ids: Sequence[str] | None = None) -> list[Record]:
    """Return records of a file.

    Args:
        data: all of it
        name: for errors
        ids: of which records; all where it is None

    Returns:
        The records, in the order of the file.

    Raises:
        ArchiveError: it is no file of the archive, or a newer Sentinel has written it
    """
    frame = _frame(data, name, ["id", "kind", "record"])
    if ids is not None:
        frame = frame[frame["id"].isin(list(ids))]
    try:
        return [
            Record(str(one), str(kind), json.loads(str(record)))
            for one, kind, record in frame.itertuples(index=False, name=None)
        ]
    except json.JSONDecodeError:
        raise ArchiveError(f"{name} is damaged: a record is no JSON") from None


def _frame(data: bytes, name: str, columns: list[str]) -> pd.DataFrame:
    import pandas as pd
    from pyarrow.lib import (  # pyright: ignore[reportMissingTypeStubs] - it has none
        ArrowException,  # pyright: ignore[reportUnknownVariableType] - as above
    )

    try:
        frame = pd.read_parquet(BytesIO(data), engine="pyarrow", columns=[*columns, "format"])
    except (ArrowException, KeyError, OSError, ValueError):
        raise ArchiveError(f"{name} is damaged, or no file of the archive") from None
    if int(frame["format"].max()) > FORMAT:
        raise ArchiveError(f"a newer version of Sentinel wrote {name}", hint="Upgrade Sentinel.")
    return frame[columns]


def _cells(record: Record) -> dict[str, Any]:
    own = record.own
    return {
        "id": record.id, "kind": record.kind, "tenant": own["tenant"],
        "team": own.get("team") or "", "rule": own.get("rule") or own.get("route") or "",
        "severity": own["severity"], "title": own["title"], "text": text_of(record),
        "opened_at": own["opened_at"], "resolved_at": own["resolved_at"],
        "record": encoded(record.rows), "format": FORMAT,
    }  # fmt: skip
