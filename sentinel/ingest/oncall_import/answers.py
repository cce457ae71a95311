"""A vendor's answers: from its API, page by page, or from a folder of JSON files."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self, cast

import httpx
import msgspec

from sentinel.errors import ConfigurationError, NotFound, SentinelError
from sentinel.ingest.oncall_import.values import object_of, objects_of

__all__ = ["FolderFile", "Refused", "VendorApi", "files_of"]

_LARGEST = 100_000_000
"""Bytes of a file, or of an answer."""
_MOST_FILES = 100_000
_MOST_PAGES = 10_000
_TRIES = 10
_FAILURES = 2
"""So often a try may have no answer at all, before the last one."""
_LONGEST_WAIT = 300.0
"""Seconds between two tries, whatever the vendor asks for."""
_WAIT = 5.0
"""Seconds where it says nothing."""
_LATER = (429, 502, 503, 504)
_WAITS = ("Retry-After", "X-RateLimit-Period-In-Sec", "ratelimit-reset")
"""RFC 9110; Opsgenie's (https://docs.opsgenie.com/docs/api-rate-limiting); PagerDuty's
(https://developer.pagerduty.com/docs/rest-api-rate-limits)."""
_TIMEOUT = 60.0


class Refused(SentinelError):
    """The vendor does not answer what was asked: no permission, or not in its plan."""


class FolderFile(msgspec.Struct, frozen=True):
    """A JSON file below a folder.

    Attributes:
        parts: its path there, without `.json`
        content: what it holds
    """

    parts: tuple[str, ...]
    content: Any

    @property
    def kind(self) -> str:
        """Return the first folder, or the name of the file without the number of a page."""
        first = self.parts[0]
        return first if len(self.parts) > 1 else re.sub(r"[-_. ]?\d+$", "", first)

    @property
    def last(self) -> str:
        """Return the folder below the first, or the name of the file in it."""
        return self.parts[min(1, len(self.parts) - 1)]


def files_of(folder: Path) -> Iterator[FolderFile]:
    """Yield the JSON files below a folder, by their paths.

    Args:
        folder: of an export

    Yields:
        Each with its path and what it holds; pages of one list by their numbers.

    Raises:
        ConfigurationError: there is none, too many, or one cannot be read
    """
    found = sorted(folder.rglob("*.json"), key=_in_order)
    if not found:
        raise ConfigurationError(f"{folder} has no file that ends in .json")
    if len(found) > _MOST_FILES:
        raise ConfigurationError(f"{folder} has more than {_MOST_FILES:,} files")
    for one in found:
        try:
            if one.stat().st_size > _LARGEST:
                raise ConfigurationError(f"{one} is larger than {_LARGEST:,} bytes")
            content = json.loads(one.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"{one} cannot be read: {error}") from None
        yield FolderFile(one.relative_to(folder).with_suffix("").parts, content)


def _in_order(path: Path) -> list[tuple[int, str]]:
    """Return a key by which page 10 comes after page 9."""
    return [(int(one), "") if one.isdecimal() else (-1, one)
            for one in re.split(r"(\d+)", str(path.with_suffix(""))) if one]  # fmt: skip


class VendorApi:
    """A vendor's API over HTTP.

    What answers too many requests is asked again when it says (`Retry-After`), and a next page only
    where it is of the same address, so that the token goes nowhere else.

    Args:
        url: that paths are below
        headers: with the token
        say: called with a line about what is waited for
        wait: sleeps for seconds
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], *, say: Callable[[str], None],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._url = httpx.URL(url.rstrip("/") + "/")
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ConfigurationError(f"{url!r} is no address of an API: begin with https://")
        if self._url.userinfo:
            raise ConfigurationError("the address has a password: give the token by a variable")
        self._client = httpx.Client(
            headers={"Accept": "application/json", "User-Agent": "sentinel-alerts", **headers},
            timeout=_TIMEOUT,
        )  # fmt: skip
        self._say, self._wait = say, wait

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, **params: Any) -> Any:
        """Return an answer.

        Args:
            path: below the address, or the whole address of a next page
            params: of the query; a list is given as often as it has values

        Returns:
            Its JSON.

        Raises:
            Refused: it is not allowed, or not part of the plan
            NotFound: there is no such thing
            ConfigurationError: it does not answer, or not with JSON
        """
        url = self._below(path)
        query = {
            name: [str(one) for one in cast("list[object]", value)]
            if isinstance(value, list) else str(value)
            for name, value in params.items()
        }  # fmt: skip
        if query:
            url = url.copy_merge_params(query)
        failures = 0
        for _ in range(_TRIES - 1):
            try:
                answer = self._client.get(url)
            except httpx.HTTPError as error:
                failures += 1
                if failures == _FAILURES:
                    break
                self._later(_WAIT, url, type(error).__name__)
                continue
            if answer.status_code not in _LATER:
                return self._read(answer, url)
            self._later(_asked_to_wait(answer.headers), url, str(answer.status_code))
        try:
            return self._read(self._client.get(url), url)
        except httpx.HTTPError as error:
            raise ConfigurationError(
                f"{self._shown(url)} does not answer ({type(error).__name__})",
                hint="Check the address, and whether it can be reached from here.",
            ) from None

    def pages(
        self, path: str, items: str, following: Callable[[Any], str | None], **params: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the objects of a list, page by page.

        Args:
            path: below the address
            items: the field that holds them
            following: returns the address or the path of the next page of an answer; None at the
                last one
            params: of the first query

        Yields:
            What the pages hold, in their order.

        Raises:
            ConfigurationError: pages have no end, or an answer has no such list
        """
        seen: set[str] = set()
        answer = self.get(path, **params)
        for _ in range(_MOST_PAGES):
            found = object_of(answer).get(items)
            if not isinstance(found, list):
                raise ConfigurationError(
                    f"{self._shown(self._below(path))}: this is no answer of its API: `{items}` is "
                    "missing, or no list",
                    hint="Check the address.",
                )
            yield from objects_of(cast("object", found))
            then = following(answer)
            if not then:
                return
            if then in seen:
                break
            seen.add(then)
            answer = self.get(then)
        raise ConfigurationError(f"{self._shown(self._below(path))}: its pages have no end")

    def _below(self, path: str) -> httpx.URL:
        url = self._url.join(path.lstrip("/") if not path.startswith("http") else path)
        if (url.scheme, url.host, url.port) != (self._url.scheme, self._url.host, self._url.port):
            raise ConfigurationError(
                f"{self._url.host} names a next page at {url.host}, where the token does not go"
            )
        return url

    def _later(self, seconds: float, url: httpx.URL, why: str) -> None:
        seconds = min(max(seconds, 0.0), _LONGEST_WAIT)
        self._say(f"{self._shown(url)}: {why}, asked again in {seconds:.0f} s")
        self._wait(seconds)

    def _read(self, answer: httpx.Response, url: httpx.URL) -> Any:
        shown, code = self._shown(url), answer.status_code
        if code == 401:
            raise ConfigurationError(f"{shown}: the token is not accepted")
        if code in (402, 403):
            raise Refused(f"{shown}: {code}, the token may not read it")
        if code == 404:
            raise NotFound(f"{shown}: there is nothing")
        if code != 200:
            raise ConfigurationError(f"{shown}: answered {code}")
        if len(answer.content) > _LARGEST:
            raise ConfigurationError(f"{shown}: the answer is larger than {_LARGEST:,} bytes")
        try:
            found: Any = answer.json()
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict | list):
            return cast("Any", found)
        raise ConfigurationError(f"{shown}: the answer is no JSON", hint="Is it its API?")

    def _shown(self, url: httpx.URL) -> str:
        return str(url.copy_with(query=None, userinfo=b""))


def _asked_to_wait(headers: httpx.Headers) -> float:
    """Return for how many seconds an answer asks to wait."""
    for name in _WAITS:
        given = headers.get(name)
        if given is None:
            continue
        if re.fullmatch(r"\d{1,9}(\.\d+)?", given.strip()):
            return float(given)
        try:
            return (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            continue
    return _WAIT
