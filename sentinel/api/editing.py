"""Edits that do not overwrite each other: the tag of a version, and the condition on it.

A response that a person may edit carries `ETag`. A change with `If-Match` is made only to that
version; without it, to whichever there is.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from sentinel.api.problems import Problem

__all__ = ["ETAG", "IfMatch", "check_match"]

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="ETag of the version that was read; another one is refused with 412.",
        max_length=1000,
        examples=['"3f2a9c"'],
        json_schema_extra={"pattern": "^[ -~]*$"},
    ),
]
ETAG = {
    "ETag": {
        "description": "Tag of this version, for If-Match.",
        "schema": {"type": "string"},
    }
}
"""The description of the header in responses."""


def check_match(given: str | None, present: str) -> None:
    """Refuse a change of a version that is not the present one.

    Args:
        given: the header `If-Match`: one or several tags, `*`, or None
        present: tag of the present version, in quotes

    Raises:
        Problem: 412
    """
    if given is None:
        return
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    if "*" in tags or present in tags:
        return
    raise Problem(
        412,
        "changed",
        f"somebody changed it meanwhile: its version is {present}",
        hint="Read it again, then decide.",
        field="If-Match",
    )
