"""Calls of Slack's Web API besides those that send a message."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from blocks.http_post import post
from blocks.slack_answers import delivery_error, error_of
from blocks.vendors.slack_app import SlackApp
from sentinel.errors import DeliveryError

__all__ = ["call"]

_SECONDS = 10.0
_MOST_READ = 200_000


def call(
    app: SlackApp, method: str, fields: Mapping[str, str], token: str = "",
    but: Collection[str] = (), read: int = _MOST_READ,
) -> dict[str, Any]:  # fmt: skip
    """Call a method of Slack's Web API.

    Args:
        app: whose API it is
        method: name of the method
        fields: its arguments
        token: that authorizes the call; the bot's by default
        but: errors of Slack that are no failure for the caller
        read: how many bytes of the answer are read at most

    Returns:
        Its answer; `ok` is false and `error` one of `but` where Slack answered so.

    Raises:
        DeliveryError: Slack did not answer, or refused
    """
    answer = post(
        f"{app.url.rstrip('/')}/{method}",
        urlencode(fields).encode(),
        headers={
            "Authorization": f"Bearer {token or app.credentials.token.get_secret_value()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "sentinel",
        },
        timeout=_SECONDS,
        what="Slack",
        fix="Check the tokens of the channel's block.",
        read=read,
    )
    code = error_of(answer.body)
    if code and code not in but:
        error: DeliveryError = delivery_error(f"Slack's {method}", code, answer, method)
        raise error
    return json.loads(answer.body)
