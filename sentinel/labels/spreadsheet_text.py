"""Texts in CSV: a spreadsheet runs a cell that begins like a formula (OWASP, CSV injection)."""

from __future__ import annotations

import re

__all__ = ["spreadsheet_text"]

# At the beginning of a text, and after a semicolon: a spreadsheet whose locale separates cells by
# semicolons begins a cell there, as it does not see that the text is quoted.
# Before the sign there may be spaces, quotes, and characters that nobody sees: controls, marks of
# direction and of joining, fillers, selectors of variants (Unicode's Default_Ignorable_Code_Point).
_UNSEEN = (
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_RUNS = re.compile(rf"(^|[;\t\r\n])(?=(?:[^\S\t\r\n]|[\"{_UNSEEN}])*[=+\-@＝＋－＠])")


def spreadsheet_text(text: str) -> str:
    """Return `text` so that no spreadsheet reads it, or a part of it, as a formula.

    Args:
        text: of one cell

    Returns:
        The text, with an apostrophe wherever a formula could begin.
    """
    if text.isalnum():  # the usual case, and much faster
        return text
    guarded = _RUNS.sub(r"\1'", text)
    return f"'{guarded}" if text[:1] in ("\t", "\r", "\n") else guarded
