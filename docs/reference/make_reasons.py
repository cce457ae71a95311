"""Write the page of reasons: each code with its words. `make.py` calls `page`."""

from __future__ import annotations

from collections.abc import Mapping

from sentinel.alerts import reasons as of_alerts
from sentinel.notifications import reasons as of_notifications


def page() -> str:
    """Return the text of docs/reference/reasons.md."""
    lines = [
        "# Reasons",
        "",
        "Programs get a code, which never changes its meaning; people read its words. The API,",
        "events, exports, webhooks and `--json` have both: the code in `reason` or `resolution`,",
        "the words in `reason_text` or `resolution_text`. Compare the code: the words may change.",
        "",
        "## Why an alert changed, or did not",
        "",
        "`reason` of a timeline entry, of an event `sentinel.alert.…` and of an action's answer;",
        "`resolution` of an alert.",
        "",
        *_table(of_alerts.WORDS),
        "",
        "## Why a channel is notified, or is not",
        "",
        "`reason` of a message.",
        "",
        *_table(of_notifications.WORDS),
    ]
    return "\n".join(lines) + "\n"


def _table(words: Mapping[str, str]) -> list[str]:
    rows = [f"| `{code}` | {said} |" for code, said in words.items()]
    return ["| code | words |", "|---|---|", *rows]
