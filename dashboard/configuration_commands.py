"""The commands of the pages' forms: rules, receivers, channels, the inbox and saved views.

`dashboard.commands` validates a command and checks who sent it before it reaches this module.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sentinel.alerts.actions import Acknowledge
from sentinel.audit.change import channel_change
from sentinel.store.alerts.asked import MOST_ACTED_ON
from sentinel.store.alerts.filter import AlertFilter

if TYPE_CHECKING:
    from dashboard.commands import Services
    from dashboard.configuration import CliResult
    from sentinel.store.access.within import Within

__all__ = [
    "AcknowledgeGroup",
    "EndSilence",
    "MarkRead",
    "RemoveChannel",
    "RemoveReceiver",
    "RemoveView",
    "RunRule",
    "SaveChannel",
    "SaveView",
    "SendTestMessage",
    "SetReceiver",
    "SilenceRule",
    "SwitchRule",
]

Name = Annotated[str, msgspec.Meta(max_length=1000)]
Reason = Annotated[str, msgspec.Meta(max_length=2000)]


class SwitchRule(msgspec.Struct, frozen=True, kw_only=True):
    """Switch a rule on, or off until somebody switches it on again.

    Attributes:
        name: of the rule
        tenant: of the rule
        on: whether it is to run
        reason: why it is switched off, for others to read
    """

    name: Name
    tenant: Name
    on: bool
    reason: Reason = ""

    def carry_out(self, services: Services, actor: str) -> int:
        """Switch the rule.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            how many alerts that closed

        Raises:
            NotFound: there is no rule of that name any more
        """
        rules = services.within.scoped_rules
        if self.on:
            rules.enable(self.name, actor=actor, tenant=self.tenant)
            return 0
        return rules.disable(self.name, actor=actor, reason=self.reason.strip(), tenant=self.tenant)


class SetReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """Create a receiver, or change its channels.

    Attributes:
        name: of the receiver
        channels: `inbox`, or a Prefect block as `type/name`
    """

    name: Name
    channels: list[Name]

    def carry_out(self, services: Services, actor: str) -> int:
        """Store the receiver.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            how many alerts are open that new channels are not notified of

        Raises:
            ConfigurationError: the name or a channel cannot be used
        """
        return services.within.instance.receivers.set(self.name, self.channels, actor=actor)


class RemoveReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a receiver; rules that name it notify `default` from then on."""

    name: Name

    def carry_out(self, services: Services, actor: str) -> None:
        """Remove the receiver.

        Args:
            services: what commands work on
            actor: who sent it

        Raises:
            NotFound: there is no receiver of that name
        """
        services.within.instance.receivers.remove(self.name, actor=actor)


class SendTestMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Send a test message through a channel."""

    channel: Name

    def carry_out(self, services: Services, actor: str) -> CliResult:
        """Send the message with `sentinel channel test`, since blocks need Prefect's client.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            whether the channel accepted the message, else the error
        """
        cli = services.configuration.cli
        return cli(services.within.scope, "channel", "test", self.channel, actor=actor)


class SaveChannel(msgspec.Struct, frozen=True, kw_only=True):
    """Save a channel's block, new or changed.

    Attributes:
        kind: slug of the block type
        name: of the block
        values: by field of its form; an empty secret stays as it is
        replace: whether the block exists
        receiver: a receiver to add it to; empty for none
    """

    kind: Name
    name: Name
    values: dict[str, Any]
    replace: bool = False
    receiver: Name = ""

    def carry_out(self, services: Services, actor: str) -> str:
        """Save the block, and record who did it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the reference of the channel
        """
        store = services.within.instance
        change = channel_change("channel.saved", f"{self.kind}/{self.name}", made=not self.replace)
        with store.audit.outside([change], actor=actor):
            ref = services.configuration.save_channel(
                self.kind, self.name, self.values, replace=self.replace
            )
        known = store.receivers.all().get(self.receiver, [])
        if self.receiver and ref not in known:
            store.receivers.set(self.receiver, [*known, ref], actor=actor)
        return ref


class RemoveChannel(msgspec.Struct, frozen=True, kw_only=True):
    """Delete a channel's block, and take it out of the receivers that use it."""

    channel: Name

    def carry_out(self, services: Services, actor: str) -> CliResult:
        """Remove it with `sentinel channel remove`.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            what was removed, else the error
        """
        cli = services.configuration.cli
        scope = services.within.scope
        return cli(scope, "channel", "remove", self.channel, "--force", actor=actor)


class RunRule(msgspec.Struct, frozen=True, kw_only=True):
    """Start a flow run of a rule's deployment.

    Attributes:
        name: of the rule
        tenant: of the rule
    """

    name: Name
    tenant: Name

    def carry_out(self, services: Services, actor: str) -> CliResult:
        """Start it with `sentinel rule run`, since that needs Prefect's API.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the flow run, else why there is none

        Raises:
            NotFound: there is no rule of that name any more
        """
        return services.configuration.run_rule(services.within, self.name, self.tenant, actor=actor)


class SilenceRule(msgspec.Struct, frozen=True, kw_only=True):
    """Silence the alerts of a rule for a time, also those that open later.

    Attributes:
        rule: name of the rule
        tenant: of the rule
        minutes: how long
        reason: shown beside the alerts
    """

    rule: Name
    tenant: Name
    minutes: Annotated[int, msgspec.Meta(ge=1, le=366 * 24 * 60)]
    reason: Reason = ""

    def carry_out(self, services: Services, actor: str) -> int:
        """Silence the rule.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            how many live alerts that silenced

        Raises:
            NotFound: there is no rule of that name any more
            Conflict: somebody silenced it already
        """
        until = services.within.now() + timedelta(minutes=self.minutes)
        return services.within.scoped_rules.silence(
            self.rule, until, actor=actor, reason=self.reason.strip(), tenant=self.tenant
        )


class EndSilence(msgspec.Struct, frozen=True, kw_only=True):
    """End the silence of a rule before its time.

    Attributes:
        rule: name of the rule
        tenant: of the rule
    """

    rule: Name
    tenant: Name

    def carry_out(self, services: Services, actor: str) -> int:
        """End the silence.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            how many live alerts that no longer silences

        Raises:
            NotFound: the rule is not silenced any more
        """
        return services.within.scoped_rules.end_silence(self.rule, actor=actor, tenant=self.tenant)


class AcknowledgeGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Acknowledge the open alerts of a group that receivers were notified of."""

    group: Name

    def carry_out(self, services: Services, actor: str) -> int:
        """Acknowledge the alerts.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            how many alerts that changed
        """
        within = services.within
        ids = live_ids(within, AlertFilter(group=self.group, status=("open", "escalated")))
        return sum(result.ok for result in within.act(ids, Acknowledge(actor=actor))) if ids else 0


def live_ids(within: Within, wanted: AlertFilter) -> list[str]:
    """Return the ids of the live alerts that match, the most urgent first.

    Args:
        within: the store, where somebody may act
        wanted: which alerts

    Returns:
        At most as many as one command may act on, `MOST_ACTED_ON`; repeat it for the rest.
    """
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = within.scoped_alerts.page(wanted, limit=500, after=cursor, order="live")
        ids += [alert.id for alert in page.items]
        cursor = page.next
        if cursor is None or len(ids) >= MOST_ACTED_ON:
            return ids[:MOST_ACTED_ON]


class MarkRead(msgspec.Struct, frozen=True, kw_only=True):
    """Mark messages of the inbox as read; None for all of them."""

    ids: list[Name] | None

    def carry_out(self, services: Services, actor: str) -> None:
        """Mark the messages.

        Args:
            services: what commands work on
            actor: who sent it
        """
        services.within.mark_read(self.ids, actor=actor)


class SaveView(msgspec.Struct, frozen=True, kw_only=True):
    """Save a view under a name; a view of that name is replaced.

    Attributes:
        page: live, history, logs or traces
        name: as it was typed
        query: the view as the query string of the page's address
    """

    page: Name
    name: Name
    query: Annotated[str, msgspec.Meta(max_length=20_000)]

    def carry_out(self, services: Services, actor: str) -> bool:
        """Save the view for whoever sent the command.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            whether the name is new

        Raises:
            ConfigurationError: the name cannot be used
        """
        return services.within.views.save(
            services.who.owner, self.page, self.name, self.query, actor=actor
        )


class RemoveView(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a saved view of whoever sends the command."""

    page: Name
    name: Name

    def carry_out(self, services: Services, actor: str) -> str:
        """Remove the view.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the query string that it had

        Raises:
            NotFound: there is no view of that name
        """
        return services.within.views.remove(services.who.owner, self.page, self.name, actor=actor)
