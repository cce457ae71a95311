"""The result of a check of `sentinel doctor`."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Check", "not_here"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The result of checking one part. A note needs no action; a warning fails no check."""

    name: str
    state: Literal["ok", "wrong", "warning", "note"]
    says: str
    hint: str = ""


def not_here(name: str, expected: bool, url: str) -> Check:
    """Report an address that does not answer: wrong where an instance runs, else a note."""
    if expected:
        hint = "See its log under the home folder, or ask whoever runs it."
        return Check(name=name, state="wrong", says=f"{url} does not answer", hint=hint)
    says = f"{url} does not answer, since no instance runs here"
    return Check(name=name, state="note", says=says)
