"""Backtests on a server on another machine: of a rule, of a file's rule, and of a changed file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sentinel.cli.notify import text_of
from sentinel.cli.remote import client_here

if TYPE_CHECKING:
    from sentinel.backtest import Backtest

__all__ = ["backtested_there", "differences_there"]

Here = Callable[[str, timedelta, Path | None, Path | None], "Backtest"]
"""Replays on this machine; takes the rule's name, the length, its file and a file of readings."""


def backtested_there(
    name: str, length: timedelta, *, file: Path | None, data: Path | None, here: Here
) -> Backtest:
    """Backtest a rule on what the server stored, or on a file here.

    Args:
        name: of the rule
        length: how long before now to replay
        file: a deployment file that has the rule; None for the rule of the server
        data: a file of readings or events, which is not sent: it is replayed on this machine
        here: does that

    Returns:
        What the rule would have done.
    """
    import msgspec

    from sentinel.backtest import Backtest
    from sentinel.client import exports, rule_files, rule_trials

    hours = length.total_seconds() / 3600
    with client_here() as client, TemporaryDirectory() as folder:
        if data is not None:
            if file is None:
                file = Path(folder) / "prefect.yaml"
                file.write_bytes(b"".join(client.download(exports.rule(name))))
            return here(name, length, file, data)
        call = (
            rule_trials.backtest(name, hours=hours)
            if file is None
            else rule_files.backtest(text_of([file]), name, hours=hours)
        )
        return msgspec.convert(client.do(call).model_dump(), Backtest)


def differences_there(file: Path, length: timedelta) -> list[str]:
    """Return a section of Markdown for each rule of a file that differs from the server's.

    Args:
        file: a deployment file
        length: how long before now to replay

    Returns:
        The sections.
    """
    from sentinel.client import rule_files

    with client_here() as client:
        hours = length.total_seconds() / 3600
        return client.do(rule_files.diff(text_of([file]), hours=hours)).sections
