"""`sentinel receiver template` and `sentinel receiver preview`: what messages say."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.target import actor, open_store

__all__ = ["add_commands"]

Name = Annotated[
    str,
    typer.Argument(
        help="Name of the receiver.", show_default=False, autocompletion=completion.receivers
    ),
]
Channel = Annotated[
    str,
    typer.Option(
        help="One of its channels; by default all that have no template of their own.",
        show_default=False,
        autocompletion=completion.channels,
    ),
]
Title = Annotated[str, typer.Option(help="Title, with names in braces.", show_default=False)]
Text = Annotated[
    str,
    typer.Option(
        help="Text in place of the list of alerts; - reads standard input.", show_default=False
    ),
]


def add_commands(receivers: typer.Typer) -> None:
    """Add the commands `template` and `preview` to those of receivers."""
    receivers.command("template")(template)
    receivers.command("preview")(preview)


def template(
    name: Name,
    channel: Channel = "",
    title: Title = "",
    text: Text = "",
    remove: Annotated[bool, typer.Option("--remove", help="Use the built-in texts again.")] = False,
    json: AsJson = False,
) -> None:
    """Set the template of a receiver's messages, or show its templates.

    Examples:
        sentinel receiver template ops --title "{group_severity}: {title}"

        sentinel receiver template ops --channel sentinel-email/ops --text - < mail.txt
    """
    from sentinel.notifications.message_template import MessageTemplate
    from sentinel.store.notifications.message_templates import (
        declared_templates,
        message_templates,
        set_message_template,
    )

    with open_store() as store:
        if title or text or remove:
            wanted = None if remove else MessageTemplate(title=title, text=_read(text))
            set_message_template(store, name, channel, wanted, actor=actor())
        found, declared = message_templates(store, name), declared_templates(store, name)
    if json:
        json_out(
            {"receiver": name, "templates": [
                {"channel": ref or None, "title": one.title, "text": one.text,
                 "source": "file" if ref in declared else "ui"}
                for ref, one in sorted(found.items())
            ]}
        )  # fmt: skip
        return
    for ref, one in sorted(found.items()):
        say(f"{ref or 'All other channels' if len(found) > 1 else ref or 'All channels'}:")
        if ref in declared:
            say("  set by the document in Git")
        say(f"  title: {one.title or '(built-in)'}")
        say("  text: " + ("\n    ".join(one.text.splitlines()) or "(built-in)"))
    if not found:
        say(f"Messages of the receiver {name} have the built-in texts.")


def preview(
    name: Name,
    alert: Annotated[
        str,
        typer.Option(
            help="Id of the alert that the message is about.", show_default=False,
            autocompletion=completion.alerts,
        ),
    ],
    channel: Channel = "",
    title: Title = "",
    text: Text = "",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Show what a message about an alert says, by the receiver's template or one that you try.

    Nothing is sent and nothing is saved.

    Example:
        sentinel receiver preview ops --alert 01jq --title "{rule} on {labels.host}"
    """
    from sentinel.notifications.message_template import MessageTemplate, checked, templated
    from sentinel.store.notifications.message_templates import (
        message_on,
        message_templates,
        template_for,
    )

    with open_store() as store:
        message = message_on(store, name, alert)
        used = template_for(message_templates(store, name), channel)
    if title or text:
        used = checked(MessageTemplate(title=title, text=_read(text)))
    made, problem = templated(message, used) if used else (message, "")
    if json:
        json_out({"title": made.title, "text": made.text or None, "problem": problem})
        return
    say(made.title)
    say(f"\n{made.text or '(the built-in list of alerts)'}")
    if problem:
        say(f"\nThe built-in text is used: {problem}.")


def _read(text: str) -> str:
    return sys.stdin.read() if text == "-" else text
