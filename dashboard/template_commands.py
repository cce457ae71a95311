"""The command of the templates of messages, and what a message about an alert would say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec

from dashboard.database_errors import database
from sentinel.notifications.message_template import MessageTemplate, checked, templated
from sentinel.store.access.within import Within
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.notifications.message_templates import (
    declared_templates,
    message_on,
    message_templates,
    set_message_template,
    template_for,
)

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["Said", "SetTemplate", "declared_of", "said_by_channel", "some_alerts", "templates_of"]

MOST_ALERTS = 20

Name = Annotated[str, msgspec.Meta(max_length=1000)]
Text = Annotated[str, msgspec.Meta(max_length=200_000)]


class SetTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """Set the template of a receiver's messages; without title and text, the built-in ones hold.

    Attributes:
        receiver: its name
        channel: one of its channels; empty for all without a template of their own
        title: with names in braces; empty for the built-in one
        text: in place of the list of alerts; empty for the built-in one
    """

    receiver: Name
    channel: Name
    title: Text = ""
    text: Text = ""

    def carry_out(self, services: Services, actor: str) -> None:
        """Store the template.

        Args:
            services: what commands work on
            actor: who sent it

        Raises:
            NotFound: there is no such receiver
            ConfigurationError: the template cannot be used, or the receiver has no such channel
        """
        given = self.title.strip() or self.text.strip()
        wanted = MessageTemplate(title=self.title, text=self.text) if given else None
        store = services.within.instance
        set_message_template(store, self.receiver, self.channel, wanted, actor=actor)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says on a channel.

    Attributes:
        channel: inbox, or a Prefect block
        title: of the message
        text: in place of the list of alerts; empty for that list
        problem: why a text of the template is not used; empty where all are
    """

    channel: str
    title: str
    text: str
    problem: str


def templates_of(within: Within, receiver: str) -> Mapping[str, MessageTemplate]:
    """Return the templates of a receiver by channel; raises DatabaseError or OutOfScope."""
    with database():
        return message_templates(within.instance, receiver)


def declared_of(within: Within, receiver: str) -> frozenset[str]:
    """Return the channels whose template the document in Git set; raises as `templates_of`."""
    with database():
        return declared_templates(within.instance, receiver)


def some_alerts(within: Within) -> dict[str, str]:
    """Return the titles of some alerts to try a template on, by id.

    Args:
        within: the store, within the scope of whoever looks

    Returns:
        The most urgent live alerts, else the newest ones.

    Raises:
        DatabaseError: the database cannot be used
    """
    with database():
        alerts = within.scoped_alerts
        found = alerts.page(AlertFilter(), limit=MOST_ALERTS, order="live").items
        found = found or alerts.page(AlertFilter(), limit=MOST_ALERTS).items
    return {one.id: one.title for one in found}


def said_by_channel(
    within: Within, receiver: str, channels: Sequence[str], alert: str,
    draft: tuple[str, MessageTemplate],
) -> list[Said]:  # fmt: skip
    """Return what a message about an alert would say on each channel.

    Args:
        within: the store, within the scope of whoever looks
        receiver: its name
        channels: of the receiver
        alert: id of the alert
        draft: a channel, empty for all, and its template in place of the stored one

    Returns:
        One for each channel.

    Raises:
        ConfigurationError: the draft cannot be used
        NotFound: there is no such alert
        DatabaseError: the database cannot be used
    """
    of, template = draft
    empty = not (template.title.strip() or template.text.strip())
    if not empty:
        checked(template)
    store = within.instance
    with database():
        message = message_on(store, receiver, alert)
        known = dict(message_templates(store, receiver))
    known.pop(of, None)
    if not empty:
        known[of] = template
    found: list[Said] = []
    for channel in channels:
        used = template_for(known, channel)
        made, problem = templated(message, used) if used else (message, "")
        found.append(Said(channel=channel, title=made.title, text=made.text, problem=problem))
    return found
