"""What pages change without the desk, and what is configured: rules, receivers, views, the inbox.

Whatever changes something asks first who acts and whether they still may, all at one place
(`_writing`). Nothing of Streamlit here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import msgspec
import numpy as np

from dashboard.database_errors import database
from sentinel.duration import parse_duration
from sentinel.errors import SentinelError
from sentinel.links import Addresses
from sentinel.metrics.sample import metric_of_rule
from sentinel.schema.rules import RuleRow
from sentinel.schema.saved_views import SavedView
from sentinel.store import Store
from sentinel.store.notifications.delivery_stats import Delivered, delivered

__all__ = ["Answered", "ChannelLine", "Look", "Registry", "RuleLine"]

LOOKS = 12
LONGEST = 90.0
"""Seconds that a command may take."""


class RuleLine(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and how many of its alerts are open or acknowledged."""

    row: RuleRow
    live: int

    @property
    def state(self) -> str:
        """In one word: off, failing, firing or fine."""
        if not self.row.enabled:
            return "off"
        if self.row.failures:
            return "failing"
        return "firing" if self.live else "fine"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look of a rule, as its readings tell it."""

    at: datetime
    seen: int
    lowest: float
    highest: float


class ChannelLine(msgspec.Struct, frozen=True, kw_only=True):
    """A channel: which receivers use it, and how it took what it was sent; None where nothing."""

    ref: str
    receivers: list[str]
    delivered: Delivered | None


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a command answered: its JSON, or why there is none."""

    told: dict[str, Any]
    problem: str = ""


class Registry:
    """The dashboard's side of what is configured.

    Args:
        store: the shared database
        addresses: where people look at things
        acting: who acts; a ConfigurationError where they may not change anything any more
    """

    def __init__(self, store: Store, addresses: Addresses, acting: Callable[[], str]) -> None:
        self._store = store
        self._addresses = addresses
        self._acting = acting

    @contextmanager
    def _writing(self) -> Generator[str]:
        """Where all that changes something begins; gives who acts.

        Raises:
            ConfigurationError: they may not any more; nothing was done
            DatabaseError: the database cannot be used; nothing was done
        """
        actor = self._acting()
        with database():
            yield actor

    def rules(self) -> list[RuleLine]:
        """All rules, by name.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            live = self._store.rules.live_counts()
            return [
                RuleLine(row=row, live=live.get((row.tenant, row.name), 0))
                for row in self._store.rules.list()
            ]

    def looks(self, row: RuleRow) -> list[Look]:
        """The last looks of a rule that kept readings, the newest first.

        Raises:
            DatabaseError: the database cannot be used
        """
        if row.evaluated_at is None:
            return []
        every = _period(row)
        with database():
            found = self._store.metrics.reader(row.tenant).window(
                metric_of_rule(row.name), (), row.evaluated_at - every * LOOKS, row.evaluated_at
            )
        looks: list[Look] = []
        moments = np.unique(found.times)[::-1][:LOOKS]
        for moment in moments:
            values = found.values[found.times == moment]
            looks.append(
                Look(
                    at=datetime.fromtimestamp(int(moment) / 1e6, tz=row.evaluated_at.tzinfo),
                    seen=len(values),
                    lowest=float(values.min()),
                    highest=float(values.max()),
                )
            )
        return looks

    def switch(self, row: RuleRow, *, on: bool, reason: str) -> int:
        """Switch a rule on or off for good, by the same door as `sentinel rule disable`.

        Returns:
            How many alerts that closed.

        Raises:
            NotFound: there is none of that name any more
            ConfigurationError: whoever asks may not any more; nothing was done
            DatabaseError: the database cannot be used; nothing was done
        """
        with self._writing() as actor:
            if on:
                self._store.rules.enable(row.name, actor=actor, tenant=row.tenant)
                return 0
            return self._store.rules.disable(
                row.name, actor=actor, reason=reason.strip()[:2000], tenant=row.tenant
            )

    def deployment(self, row: RuleRow) -> str:
        """Where people see the rule's deployment in Prefect; empty where none is known."""
        if not row.deployment_id:
            return ""
        ui = self._addresses.prefect_ui
        return f"{ui}/deployments/deployment/{quote(row.deployment_id, safe='')}"

    def receivers(self) -> dict[str, list[str]]:
        """The channels of every receiver, by name.

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            return self._store.receivers.all()

    def channels(self, length: timedelta) -> list[ChannelLine]:
        """Every channel that a receiver has or that was sent something in the last `length`.

        Raises:
            DatabaseError: the database cannot be used
        """
        receivers = self.receivers()
        with database():
            told = delivered(self._store, length)
        users: dict[str, list[str]] = {ref: [] for ref in ("inbox", *told)}
        for name, refs in sorted(receivers.items()):
            for ref in refs:
                users.setdefault(ref, []).append(name)
        return [
            ChannelLine(ref=ref, receivers=users[ref], delivered=told.get(ref))
            for ref in sorted(users, key=lambda ref: (ref != "inbox", ref))
        ]

    def set_receiver(self, name: str, channels: Sequence[str]) -> None:
        """Make a receiver, or give it other channels.

        Raises:
            ConfigurationError: the name or a channel cannot be used, or whoever asks may not
                any more; nothing was done
            DatabaseError: the database cannot be used; nothing was done
        """
        with self._writing():
            self._store.receivers.set(name, list(channels))

    def remove_receiver(self, name: str) -> None:
        """Forget a receiver; what names it is told to `default` from then on.

        Raises:
            NotFound: there is none of that name
            ConfigurationError: whoever asks may not any more; nothing was done
            DatabaseError: the database cannot be used; nothing was done
        """
        with self._writing():
            self._store.receivers.remove(name)

    def try_out(self, channel: str) -> Answered:
        """Send a test message through a channel.

        Raises:
            ConfigurationError: whoever asks may not any more; nothing was sent
        """
        self._acting()
        return self.command("channel", "test", channel)

    def mark_read(self, ids: Sequence[str] | None) -> None:
        """Remember that these messages of the inbox were read, or all of them.

        Raises:
            ConfigurationError: whoever asks may not any more; nothing was done
            DatabaseError: the database cannot be used; nothing was done
        """
        with self._writing():
            self._store.inbox.mark_read(ids)

    def views(self, owner: str) -> list[SavedView]:
        """Somebody's saved views; none while the database is down."""
        try:
            with database():
                return self._store.views.of(owner)
        except SentinelError:
            return []

    def save_view(self, page: str, name: str, query: str) -> bool:
        """Keep a view for whoever acts; says whether the name is new.

        Raises:
            ConfigurationError: it cannot be kept, or whoever asks may not any more
            DatabaseError: the database cannot be used; nothing was done
        """
        with self._writing() as owner:
            return self._store.views.save(owner, page, name, query)

    def remove_view(self, page: str, name: str) -> str:
        """Forget a view of whoever acts; gives its query back.

        Raises:
            NotFound: there is none of that name
            ConfigurationError: whoever asks may not any more; nothing was done
            DatabaseError: the database cannot be used; nothing was done
        """
        with self._writing() as owner:
            return self._store.views.remove(owner, page, name)

    def command(self, *arguments: str) -> Answered:
        """What a `sentinel` command answers in JSON.

        Sending through a channel and reading rule files need Prefect's client, which the
        dashboard's process goes without; the command has it.

        Args:
            arguments: of the command, without `--json`
        """
        url = self._store.engine.url.render_as_string(hide_password=False)
        line = [sys.executable, "-m", "sentinel.cli", *arguments, "--json"]
        try:
            done = subprocess.run(  # noqa: S603 - our own command; no shell reads the arguments
                line,
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
                env={**os.environ, "SENTINEL_DATABASE_URL": url, "NO_COLOR": "1"},
            )
        except subprocess.TimeoutExpired:
            return Answered(told={}, problem=f"no answer within {LONGEST:.0f} s")
        try:
            told = json.loads(done.stdout)
        except ValueError:
            last = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            return Answered(told={}, problem=" ".join(last)[-600:])
        return Answered(told=cast("dict[str, Any]", told))


def _period(row: RuleRow) -> timedelta:
    """How often a rule looks, as it says itself; an hour where it does not."""
    try:
        return parse_duration(str(row.spec.get("every", "")))
    except ValueError:
        return timedelta(hours=1)
