"""What Slack's Web API answers: which errors a retry may cure, and what to change for the others.

The API answers 200 with `"ok": false` and a code (https://docs.slack.dev/apis/web-api/#responses).
The codes are those of chat.postMessage and chat.update (read on 2026-11-30 as
slack-ruby/slack-api-ref has them at f4837c0).
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from blocks.http_post import Answer
from blocks.message_text import clipped
from sentinel.errors import DeliveryError

__all__ = ["FORM", "GONE", "NO_THREAD", "delivery_error", "error_of"]

TEMPORARY = frozenset((
    "accesslimited", "external_channel_migrating", "fatal_error", "internal_error",
    "message_limit_exceeded", "rate_limited", "ratelimited", "request_timeout",
    "service_unavailable", "team_added_to_org", "update_failed",
))  # fmt: skip
"""Errors that a later attempt may not meet."""
_PARTLY = ("fatal_error", "internal_error")
"""Errors of which Slack says that some of the operation may have succeeded."""
FORM = frozenset((
    "attachment_payload_limit_exceeded", "block_mismatch", "invalid_attachments", "invalid_blocks",
    "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text",
    "too_many_attachments",
))  # fmt: skip
"""Errors about the content of one message."""
GONE = frozenset(("cant_update_message", "edit_window_closed", "message_not_found"))
"""Errors of an edit, after which only another message helps."""
NO_THREAD = frozenset((
    "cannot_reply_to_message", "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked",
))  # fmt: skip
"""Errors of a reply, after which only another message helps."""
_INSTALL = "Install the app in the workspace again, and save its bot token (xoxb-…) in the block."
_FIXES = {
    **dict.fromkeys(
        ("account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"),
        _INSTALL,
    ),
    "not_allowed_token_type": "Save the bot token (xoxb-…) in the block, not another token.",
    "missing_scope": "Add the scope under OAuth & Permissions of the app, and install it again.",
    "no_permission": "Add the scope chat:write to the app, and install it again.",
    "not_in_channel": "Invite the app: write /invite @name in the channel.",
    "channel_not_found": "Check the channel's ID, and invite the app if the channel is private.",
    "is_archived": "Unarchive the channel, or name another one.",
    "is_inactive": "Unarchive the channel, or name another one.",
    "restricted_action": "Let apps post in the channel, in Slack's settings of the workspace.",
    "restricted_action_read_only_channel": "Name a channel in which apps may post.",
    "restricted_action_thread_only_channel": "Name a channel that takes more than threads.",
    "ekm_access_denied": "Ask the workspace's administrators, who have switched messages off.",
}
_FIXES_OF = {
    ("conversations.create", "restricted_action"): "Let apps make channels, in Slack's settings of "
    "the workspace.",
    ("conversations.archive", "restricted_action"): "Let apps archive channels, in Slack's "
    "settings of the workspace.",
}
"""Where an error means something else for one method."""
_OTHER = "See https://docs.slack.dev/reference/methods/{} for this code."
_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_NO_JSON = "no_json"


def error_of(body: bytes) -> str:
    """Return the code of a refusal; empty where Slack took the request.

    Args:
        body: of an answer with status 200

    Returns:
        A code of Slack's, or `no_json` where it is none of the Web API's answers.
    """
    try:
        found: Any = json.loads(body)
    except ValueError:
        return _NO_JSON
    if not isinstance(found, dict) or "ok" not in found:
        return _NO_JSON
    answer = cast("dict[str, Any]", found)
    if answer["ok"] is True:
        return ""
    code = str(answer.get("error") or "")
    return code if _CODE.fullmatch(code) else "unknown_error"


def delivery_error(
    what: str, code: str, answer: Answer, method: str = "chat.postMessage"
) -> DeliveryError:
    """Return a refusal as senders raise it.

    Args:
        what: who was asked, in a sentence
        code: of Slack's
        answer: that has the code
        method: of the Web API that was called

    Returns:
        The error: permanent where a retry cannot help, with what to change.
    """
    if code == _NO_JSON:
        return DeliveryError(
            f"{what} answered what is no answer of its Web API",
            hint="Check the block's URL, and whether a proxy answers in its place.",
        )
    temporary, needed = code in TEMPORARY, ""
    if code == "missing_scope":
        needed = clipped(str(json.loads(answer.body).get("needed") or ""), 100)
    fix = _FIXES_OF.get((method, code)) or _FIXES.get(code, _OTHER.format(method))
    error = DeliveryError(
        f"{what} answered {code}{f' ({needed})' if needed else ''}",
        permanent=not temporary,
        of_message=code in FORM,
        hint="" if temporary else fix,
    )
    error.unanswered = code in _PARTLY
    return error
