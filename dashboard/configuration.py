"""What is configured, as the pages read it: rules, receivers, channels and saved views.

What changes any of it is a command (`dashboard.configuration_commands`). Nothing of Streamlit is
used here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import msgspec
import numpy as np

from dashboard.database_errors import database
from dashboard.rule_line import RuleLine, rule_line
from sentinel.access import Scope
from sentinel.access.principal import owner_named
from sentinel.audit.origin import AUDIT_DOOR, ENGINE, present
from sentinel.duration import parse_duration
from sentinel.errors import NotFound, SentinelError
from sentinel.links import Addresses
from sentinel.metrics.sample import metric_of_rule
from sentinel.prefect_client.blocks import ChannelBlock
from sentinel.prefect_client.channel_forms import ChannelForm, ChannelForms
from sentinel.schema.saved_views import SavedView
from sentinel.settings import settings
from sentinel.store import Store
from sentinel.store.access.scoped_rules import ScopedRules
from sentinel.store.access.within import Within
from sentinel.store.notifications.channel_health import channel_states
from sentinel.store.notifications.delivery_stats import Delivered, delivered
from sentinel.store.rules.health import NONE
from sentinel.store.rules.listed import ListedRule

__all__ = ["ChannelLine", "CliResult", "Configuration", "EvaluationLine"]

MOST_EVALUATIONS = 12
"""Evaluations of a rule that its page lists."""
LONGEST = 90.0
"""Seconds that a command of the CLI may take."""


class EvaluationLine(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation of a rule, as far as its stored readings have it.

    Attributes:
        at: when the rule was evaluated
        series: how many series had a reading
        lowest: the lowest value, in the rule's unit
        highest: the highest value, in the rule's unit
    """

    at: datetime
    series: int
    lowest: float
    highest: float


class ChannelLine(msgspec.Struct, frozen=True, kw_only=True):
    """A channel.

    Attributes:
        ref: `inbox`, or a Prefect block as `type/name`
        receivers: the names of the receivers that use it
        delivered: its deliveries in a period; None where there were none
        state: healthy, failing, down, refused, untried or missing
        breaker: of the circuit: closed, open or half-open
    """

    ref: str
    receivers: list[str]
    delivered: Delivered | None
    state: str = "untried"
    breaker: str = "closed"


class CliResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON that a `sentinel` command printed, or why there is none."""

    output: dict[str, Any]
    problem: str = ""


class Configuration:
    """The dashboard's access to what is configured.

    Args:
        store: the shared database
        addresses: of Prefect's UI and of the dashboard
    """

    def __init__(self, store: Store, addresses: Addresses) -> None:
        self._store = store
        self._addresses = addresses

    def rules(self, scope: Scope) -> list[RuleLine]:
        """Read the rules.

        Args:
            scope: of whoever asks

        Returns:
            the rules by name

        Raises:
            DatabaseError: the database cannot be used
        """
        with database():
            rules, now = self._rules(scope), self._store.now()
            counts = rules.alert_counts()
            silences = {(one.tenant, one.rule): one for one in self._store.silences.active()}
            return [
                rule_line(
                    row, counts.get(key := (row.tenant, row.name), NONE), now, silences.get(key)
                )
                for row in rules.listed()
            ]

    def evaluations(self, scope: Scope, row: ListedRule) -> list[EvaluationLine]:
        """Read the last evaluations of a rule from its stored readings.

        Args:
            scope: of whoever asks
            row: the rule

        Returns:
            at most `MOST_EVALUATIONS`, newest first; empty where the rule stores no readings

        Raises:
            NotFound: the rule is not in scope
            DatabaseError: the database cannot be used
        """
        if row.evaluated_at is None:
            return []
        begin = row.evaluated_at - _interval(row) * MOST_EVALUATIONS
        with database():
            found = (
                self._rules(scope)
                .readings(row)
                .window(metric_of_rule(row.name), (), begin, row.evaluated_at)
            )
        lines: list[EvaluationLine] = []
        for moment in np.unique(found.times)[::-1][:MOST_EVALUATIONS]:
            values = found.values[found.times == moment]
            lines.append(
                EvaluationLine(
                    at=datetime.fromtimestamp(int(moment) / 1e6, tz=row.evaluated_at.tzinfo),
                    series=len(values),
                    lowest=float(values.min()),
                    highest=float(values.max()),
                )
            )
        return lines

    def deployment(self, row: ListedRule) -> str:
        """Return the address of a rule's deployment in Prefect's UI; empty where none is known."""
        if not row.deployment_id:
            return ""
        ui = self._addresses.prefect_ui
        return f"{ui}/deployments/deployment/{quote(row.deployment_id, safe='')}"

    def receivers(self, scope: Scope) -> dict[str, list[str]]:
        """Read the channels of every receiver.

        Args:
            scope: of whoever asks

        Returns:
            the references of the channels by the receiver's name

        Raises:
            OutOfScope: less than everything is in scope: receivers are of all tenants
            DatabaseError: the database cannot be used
        """
        with database():
            return self._instance(scope).receivers.all()

    def channels(self, scope: Scope, period: timedelta) -> list[ChannelLine]:
        """Read every channel that a receiver has, or that was sent something.

        Args:
            scope: of whoever asks
            period: how far back deliveries count

        Returns:
            the inbox first, the others by their reference

        Raises:
            OutOfScope: as for `receivers`
            DatabaseError: the database cannot be used
        """
        receivers, store = self.receivers(scope), self._instance(scope)
        with database():
            deliveries = delivered(store, period)
        users: dict[str, list[str]] = {ref: [] for ref in ("inbox", *deliveries)}
        for name, refs in sorted(receivers.items()):
            for ref in refs:
                users.setdefault(ref, []).append(name)
        with database():
            states = {one.channel: one for one in channel_states(store, users)}
        return [
            ChannelLine(
                ref=ref,
                receivers=users[ref],
                delivered=deliveries.get(ref),
                state=states[ref].state,
                breaker=states[ref].breaker,
            )
            for ref in sorted(users, key=lambda ref: (ref != "inbox", ref))
        ]

    def views(self, owner: str) -> list[SavedView]:
        """Read somebody's saved views; return none while the database is down."""
        try:
            with database():
                return self._store.views.of(owner_named(owner))
        except SentinelError:
            return []

    def channel_forms(self, scope: Scope) -> tuple[list[ChannelForm], list[ChannelBlock]]:
        """Ask Prefect for the forms of channels and for the blocks that are channels.

        Args:
            scope: of whoever asks

        Returns:
            the forms, and the blocks by their reference

        Raises:
            OutOfScope: as for `receivers`
            PrefectUnreachable: Prefect does not answer
        """
        self._instance(scope)
        with ChannelForms.of(settings()) as prefect:
            return prefect.forms(), prefect.channels()

    def channel_values(self, scope: Scope, block: ChannelBlock) -> dict[str, Any]:
        """Ask Prefect what a channel's block holds; secrets are masked.

        Args:
            scope: of whoever asks
            block: of the channel

        Returns:
            values by field

        Raises:
            OutOfScope: as for `receivers`
            PrefectUnreachable: Prefect does not answer
        """
        self._instance(scope)
        with ChannelForms.of(settings()) as prefect:
            return prefect.values(block)

    def save_channel(self, kind: str, name: str, given: dict[str, Any], *, replace: bool) -> str:
        """Save a channel's block.

        Args:
            kind: slug of the block type
            name: of the block
            given: values by field of its form
            replace: whether the block exists

        Returns:
            the reference of the channel

        Raises:
            NotFound: Prefect has no such type, or no block of that name
            ConfigurationError: a value is missing or has a wrong form
        """
        with ChannelForms.of(settings()) as prefect:
            form = next((form for form in prefect.forms() if form.kind == kind), None)
            if form is None:
                raise NotFound(f"Prefect has no channels of type {kind!r}")
            block = prefect.find(f"{kind}/{name}") if replace else None
            return prefect.save(form, name, given, block)

    def run_rule(self, within: Within, name: str, tenant: str, *, actor: str) -> CliResult:
        """Run `sentinel rule run` for a rule of the tenant, which `actor` may edit.

        Returns:
            the flow run, else why there is none

        Raises:
            NotFound: there is no such rule
        """
        within.scoped_rules.get(name, tenant)
        return self._cli("rule", "run", name, "--tenant", tenant, "--no-wait", actor=actor)

    def approve(self, change: str, comment: str, *, actor: str) -> CliResult:
        """Run `sentinel rule approve` for a change that the caller may decide on."""
        return self._cli("rule", "approve", change, "-m", comment, actor=actor)

    def cli(self, scope: Scope, *arguments: str, actor: str = "") -> CliResult:
        """Run a `sentinel` command that concerns all tenants, and return the JSON that it prints.

        Args:
            scope: of whoever runs it
            arguments: of the command, without `--json`
            actor: whom the command names as who acts; empty for its own settings

        Returns:
            as `_cli`

        Raises:
            OutOfScope: less than everything is in scope
        """
        self._instance(scope)
        return self._cli(*arguments, actor=actor)

    def _rules(self, scope: Scope) -> ScopedRules:
        return Within(self._store, scope).scoped_rules

    def _instance(self, scope: Scope) -> Store:
        return Within(self._store, scope).instance

    def _cli(self, *arguments: str, actor: str = "") -> CliResult:
        """Run a `sentinel` command and return the JSON that it prints.

        Sending through a channel and reading rule files need Prefect's client. The dashboard's
        process does without it; the command has it.

        Args:
            arguments: of the command, without `--json`
            actor: whom the command names as who acts; empty for its own settings

        Returns:
            its output; `problem` where it printed no JSON or took longer than `LONGEST`
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
                env={
                    **os.environ,
                    "SENTINEL_DATABASE_URL": url,
                    "SENTINEL_URL": "",
                    "NO_COLOR": "1",
                    AUDIT_DOOR: f"dashboard:{present(ENGINE).kind}",
                    **({"SENTINEL_USER": actor} if actor else {}),
                },
            )
        except subprocess.TimeoutExpired:
            return CliResult(output={}, problem=f"no answer within {LONGEST:.0f} s")
        try:
            output = json.loads(done.stdout)
        except ValueError:
            last = done.stderr.strip().splitlines() or [f"it exited with {done.returncode}"]
            return CliResult(output={}, problem=" ".join(last)[-600:])
        return CliResult(output=cast("dict[str, Any]", output))


def _interval(row: ListedRule) -> timedelta:
    """How often a rule is evaluated according to its definition; an hour where it does not say."""
    try:
        return parse_duration(str(row.spec.get("every", "")))
    except ValueError:
        return timedelta(hours=1)
