"""Alerts as Prometheus and its kin post them to Alertmanager's API v2. Pure.

The rules are Alertmanager's (https://github.com/prometheus/alertmanager/blob/v0.25.0/api/v2/api.go,
`postAlertsHandler`, read in November 2026): a start that is missing or of the year 1 is now, or the
end where one is given; an end that is missing is now and the resolve timeout; an end that is past
resolves; labels without a text are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import orjson

from sentinel.checks.reading import Reading
from sentinel.ingest.alert import reading_of
from sentinel.ingest.given import Notes, labels_of
from sentinel.labels.text import storable

__all__ = [
    "RESOLVE_TIMEOUT", "Live", "Post", "PostRefused", "content_of", "kept_posts", "merged",
    "moment_in",
    "packed", "posts_of", "print_labels", "reading_for",
]  # fmt: skip

RESOLVE_TIMEOUT = timedelta(minutes=5)
"""Alertmanager's default: so long an alert lasts whose sender announces no end."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?")
_ZERO = "0001-01-01"


class Post(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert of a request, with the moments that count.

    Attributes:
        labels: its labels, none of them empty
        annotations: its annotations
        url: the `generatorURL`
        start: when it began
        end: when it ends or ended
        announced: whether the sender said the end; else it is the resolve timeout
    """

    labels: dict[str, str]
    start: datetime
    end: datetime
    annotations: dict[str, str] = {}
    url: str = ""
    announced: bool = False


class Live(msgspec.Struct, frozen=True):
    """What is known of an alert that fires: since when, until when, and whether that was announced.

    `content` is the digest of what was posted last, see `content_of`.
    """

    start: datetime
    end: datetime
    announced: bool
    content: str


class PostRefused(Exception):
    """A request that is refused as a whole, in the words of Alertmanager.

    Args:
        status: of HTTP
        payload: the body of the answer
    """

    def __init__(self, status: int, payload: object) -> None:
        super().__init__(str(payload))
        self.status = status
        self.payload = payload


class _Given(msgspec.Struct):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    startsAt: str | None = None  # noqa: N815 - Alertmanager's name
    endsAt: str | None = None  # noqa: N815 - likewise
    generatorURL: str | None = None  # noqa: N815 - likewise


_given = msgspec.json.Decoder(list[_Given])
_kept = msgspec.json.Decoder(list[Post])
_encoder = msgspec.json.Encoder()


def posts_of(
    body: bytes, now: datetime, timeout: timedelta = RESOLVE_TIMEOUT
) -> tuple[list[Post], list[str]]:
    """Read the body of a request.

    Args:
        body: a JSON list of alerts
        now: the present moment
        timeout: how long an alert lasts without an announced end

    Returns:
        The alerts that are valid, and of each other one what is wrong with it, in Alertmanager's
        words.

    Raises:
        PostRefused: the body is no such list
    """
    try:
        given = _given.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        message = f'parsing alerts body from "" failed, because {error}'
        raise PostRefused(400, {"code": 400, "message": message}) from None
    moments: dict[str, datetime | None] = {}
    missing = next((place for place, one in enumerate(given) if one.labels is None), None)
    if missing is not None:
        raise PostRefused(422, {"code": 602, "message": f"{missing}.labels in body is required"})
    posts: list[Post] = []
    wrong: list[str] = []
    for place, one in enumerate(given):
        _check_url(place, one.generatorURL)
        try:
            posts.append(_post(one, now, timeout, moments))
        except ValueError as error:
            wrong.append(str(error))
    return posts, wrong


def _check_url(place: int, url: str | None) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        good = bool(parts.scheme or url.startswith("/"))
    except ValueError:
        good = False
    if not good:
        message = f'{place}.generatorURL in body must be of type uri: "{url[:200]}"'
        raise PostRefused(422, {"code": 601, "message": message})


def _post(
    one: _Given, now: datetime, timeout: timedelta, moments: dict[str, datetime | None]
) -> Post:
    start, end = _moment(one.startsAt, moments), _moment(one.endsAt, moments)
    announced = end is not None
    if start is None:
        start = now if end is None else min(end, now)
    if end is None:
        end = now + timeout
    elif end < start:
        raise ValueError("start time must be before end time")
    labels = {name: text for name, text in (one.labels or {}).items() if text}
    if not labels:
        raise ValueError("at least one label pair required")
    _check_names(labels, "label")
    annotations = one.annotations or {}
    _check_names(annotations, "annotation")
    return Post(
        labels=labels, annotations=annotations, url=one.generatorURL or "", start=start, end=end,
        announced=announced,
    )  # fmt: skip


def _check_names(given: Mapping[str, str], what: str) -> None:
    for name in given:
        if not name or not storable(name) == name:
            raise ValueError(f'invalid {what} set: invalid name "{storable(name)}"')


def _moment(text: str | None, moments: dict[str, datetime | None]) -> datetime | None:
    if text is None or text not in moments:
        return moments.setdefault(text or "", moment_in(text or "", "alerts"))
    return moments[text]


def moment_in(text: str, what: str) -> datetime | None:
    """Return a moment of a request.

    Args:
        text: as it was sent
        what: the body has

    Returns:
        The moment; None for none, or for Go's zero time of the year 1.

    Raises:
        PostRefused: it is no moment
    """
    if not text or text.startswith(_ZERO):
        return None
    why = "it is no moment of RFC 3339"
    if _MOMENT.fullmatch(text):
        try:
            found = datetime.fromisoformat(_six_digits(text))
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            why = str(error)
    message = f'parsing {what} body from "" failed, because parsing time "{text[:100]}": {why}'
    raise PostRefused(400, {"code": 400, "message": message})


def _six_digits(text: str) -> str:
    """Go writes nanoseconds, of which microseconds are kept."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def packed(posts: Sequence[Post]) -> str:
    """Return alerts as the store keeps them until they are applied; `kept_posts` reads them."""
    return _encoder.encode(posts).decode()


def kept_posts(text: str) -> list[Post]:
    """Return the alerts that `packed` wrote."""
    return _kept.decode(text)


def print_labels(post: Post) -> dict[str, str]:
    """Return the labels that identify an alert here; more than the store takes are cut."""
    return labels_of(post.labels, Notes(0))


def content_of(post: Post, salt: str) -> str:
    """Return a digest of what an alert says beside its moments.

    Args:
        post: the alert
        salt: what else its texts depend on, such as the rule as it is stored

    Returns:
        16 hex digits; the same digest means that nothing has to be written anew.
    """
    text = orjson.dumps(
        [post.labels, post.annotations, post.url, salt], option=orjson.OPT_SORT_KEYS
    )
    return blake2b(text, digest_size=8).hexdigest()


def merged(post: Post, live: Live | None) -> Post:
    """Return an alert that fires as it counts beside what is known of it.

    The earliest start counts. The latest announced end counts, and an alert without an announced
    end never shortens one; an announced end replaces a resolve timeout, also where it is earlier.

    Args:
        post: the alert as it came; it fires
        live: the same alert as it is known; None where it does not fire yet

    Returns:
        The alert with the start and the end that count from now on.
    """
    if live is None:
        return post
    start, end, announced = min(post.start, live.start), post.end, post.announced
    if live.announced and live.end > end:
        end, announced = live.end, True
    return msgspec.structs.replace(post, start=start, end=end, announced=announced)


def reading_for(post: Post, content: str, now: datetime) -> Reading:
    """Return an alert as a reading of the rule `alertmanager`.

    Args:
        post: the alert, with the start and the end that count
        content: its digest, see `content_of`
        now: the present moment; an end that is not after it resolves

    Returns:
        The reading; its details hold what the API gives back.

    Raises:
        SampleError: it cannot be stored
    """
    firing = post.end > now
    item: dict[str, Any] = {
        "status": "firing" if firing else "resolved",
        "labels": post.labels,
        "annotations": post.annotations,
        "startsAt": post.start.isoformat(),
        "endsAt": post.end.isoformat(),
        "generatorURL": post.url,
    }
    made = reading_of(item, {}, Notes(0))
    details = dict(cast("Mapping[str, Any]", made.details or {}))
    details.pop("ends_at", None)
    details |= {
        "starts_at": post.start.isoformat(),
        "announced": post.announced,
        "content": content,
    }
    # An end that is past may be one that Prometheus foresaw and a slow network delayed: it says
    # nothing of what is posted after it, so that it is not kept as the end of an episode.
    return msgspec.structs.replace(
        made, details=details, until=post.end if firing else None, ended=None
    )
