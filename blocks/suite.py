"""Posts reports to the systems of a suite, guarded as the requests of channels are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from blocks.http_post import is_web_address, post
from sentinel.errors import DeliveryError

__all__ = ["suite_post"]

_SECONDS = 5.0


def suite_post(url: str, path: str, body: Mapping[str, Any], name: str) -> None:
    """Post one report.

    Args:
        url: address of the system, perhaps with a path, user and password
        path: of the report, with a slash before it
        body: what is sent, as JSON
        name: of the system, in a sentence

    Raises:
        DeliveryError: the address is none or not allowed, the system did not answer within 5 s, or
            with another status than 2xx
    """
    if not is_web_address(url) or "?" in url or "#" in url:
        raise DeliveryError(f"{name} has an address that cannot be asked", permanent=True)
    post(
        url.rstrip("/") + path, orjson.dumps(body),
        headers={"Content-Type": "application/json", "User-Agent": "sentinel"},
        timeout=_SECONDS, what=name, fix="",
    )  # fmt: skip
