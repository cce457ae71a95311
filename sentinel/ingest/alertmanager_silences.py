"""A silence as it is posted to Alertmanager's API v2. Pure.

What is refused, and in which words, is as in
https://github.com/prometheus/alertmanager/blob/v0.25.0/api/v2/api.go (`postSilencesHandler`) and
`silence/silence.go` (`validateSilence`), read in November 2026.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn, cast

import orjson

from sentinel.ingest.alertmanager_answers import id_of, matchers_text
from sentinel.ingest.alertmanager_posts import PostRefused, moment_in
from sentinel.labels.text import storable
from sentinel.store.notifications.posted_silences import PostedSilence

__all__ = ["read_silence"]

_MOST_TEXT = 2000
_REQUIRED = ("comment", "createdBy", "endsAt", "matchers", "startsAt")
_REQUIRED_OF_MATCHERS = ("isRegex", "name", "value")


def read_silence(body: bytes, now: datetime) -> PostedSilence:
    """Read the body of a request.

    Args:
        body: a JSON object
        now: the present moment

    Returns:
        The silence.

    Raises:
        PostRefused: it is none
    """
    try:
        given: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _unparsed(str(error))
    if not isinstance(given, dict):
        _unparsed("it is no object")
    fields = cast("dict[str, Any]", given)
    for name in _REQUIRED:
        if fields.get(name) is None:
            _missing(name)
    matchers = _matchers(fields["matchers"])
    for name in ("comment", "createdBy", "startsAt", "endsAt"):
        if not isinstance(fields[name], str):
            _unparsed(f"{name} is no text")
    starts, ends = (moment_in(fields[name], "silence") for name in ("startsAt", "endsAt"))
    if starts is None:
        starts = now
    if ends is None or starts >= ends:
        raise PostRefused(400, "Failed to create silence: start time must be before end time")
    if ends < now:
        raise PostRefused(400, "Failed to create silence: end time can't be in the past")
    given_id = str(fields.get("id") or "")
    silence_id = id_of(given_id) if given_id else ""
    if silence_id is None:
        raise PostRefused(404, "silence not found")
    return PostedSilence(
        id=silence_id, matchers=matchers_text(matchers), starts_at=starts, ends_at=ends,
        author=storable(fields["createdBy"])[:100],
        comment=storable(fields["comment"])[:_MOST_TEXT],
    )  # fmt: skip


def _matchers(given: object) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        _unparsed("matchers is no list")
    if not given:
        raise PostRefused(
            422, {"code": 612, "message": "matchers in body should have at least 1 items"}
        )
    found: list[dict[str, Any]] = []
    for place, one in enumerate(cast("list[object]", given)):
        if not isinstance(one, dict):
            _unparsed(f"matchers.{place} is no object")
        matcher = cast("dict[str, Any]", one)
        for name in _REQUIRED_OF_MATCHERS:
            if matcher.get(name) is None:
                _missing(f"matchers.{place}.{name}")
        wrong = [
            name
            for name, kind in (("name", str), ("value", str), ("isRegex", bool), ("isEqual", bool))
            if not isinstance(matcher.get(name, True if kind is bool else ""), kind)
        ]
        if wrong:
            _unparsed(f"matchers.{place}.{wrong[0]} has another type")
        if not matcher["name"] or "\0" in matcher["name"] + matcher["value"]:
            raise PostRefused(
                400,
                f"silence invalid: invalid label matcher {place}: invalid label name "
                f'"{storable(matcher["name"])}"',
            )
        found.append(matcher)
    return found


def _missing(name: str) -> NoReturn:
    raise PostRefused(422, {"code": 602, "message": f"{name} in body is required"})


def _unparsed(why: str) -> NoReturn:
    message = f'parsing silence body from "" failed, because {why}'
    raise PostRefused(400, {"code": 400, "message": message})
