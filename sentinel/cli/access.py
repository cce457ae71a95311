"""`sentinel access …`: separation of duties, and reviews of who may do what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from sentinel.access.review import AccessEntry
from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import AsJson, ago, complain, json_out, print_table, say
from sentinel.cli.person_rows import moment
from sentinel.cli.remote_access import (
    certify_there,
    entries_of,
    present_there,
    review_there,
    reviews_there,
    separation_there,
)
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store, settings_here

if TYPE_CHECKING:
    from sentinel.client.access_reviews import ReviewItem
    from sentinel.store.access.reviews import ReviewView

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Separation of duties, and reviews of who may do what."
)


@commands.command()
def separation(
    switch: Annotated[
        Literal["on", "off"] | None,
        typer.Argument(help="Leave it out to see where it is on.", show_default=False),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(help="Tenant that it holds for; by default, all.", show_default=False),
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", help="The reason; audited.")] = "",
    json: AsJson = False,
) -> None:
    """Switch separation of duties on or off, or list where it is on.

    Where it is on, a change to a critical rule waits until a second person approves it. All
    tenants and each tenant have a switch of their own: it is on where either is.

    Examples:
        sentinel access separation on --tenant acme

        sentinel access separation off --tenant acme -m "emergency 4711"
    """
    from sentinel.store.approvals.separation import Separated, Separation

    if remote_url():
        on = None if switch is None else switch == "on"
        changed, separated = separation_there(on, tenant, message)
        there = [Separated(**one.model_dump()) for one in separated]
    else:
        with open_store() as store:
            found = Separation(store)
            changed = switch is not None and found.switch(
                tenant, on=switch == "on", actor=actor(), reason=message
            )
            there = found.list()
    if json:
        json_out({"changed": changed, "items": there})
        return
    if switch is not None:
        where = f"the tenant {tenant}" if tenant else "all tenants"
        already = "" if changed else " already"
        say(f"Separation of duties is {switch}{already} in {where}.")
        return
    print_table(
        ["TENANT", "ON SINCE", "SWITCHED BY"],
        [(one.tenant or "all", moment(one.switched_at), one.switched_by) for one in there],
        empty="Separation of duties is on nowhere: sentinel access separation on",
    )


@commands.command()
def review(json: AsJson = False) -> None:
    """List who has which role where, since when, and when it was last used: people and keys.

    Example:
        sentinel access review
    """
    from sentinel.store.access.reviews import Reviews

    if remote_url():
        now, (found, due) = datetime.now(UTC), present_there()
    else:
        with open_store() as store:
            reviews, now = Reviews(store), store.now()
            found, due = reviews.present(), reviews.due(settings_here().access_review_every)
    if json:
        json_out({"items": found, "due_at": due})
        return
    _print(found, now)
    if due is not None:
        say(f"\nThe next review is due on {moment(due)}.")


@commands.command()
def certify(
    message: Annotated[
        str, typer.Option("--message", "-m", help="What was looked at, and what follows.",
                          show_default=False)
    ],
    json: AsJson = False,
) -> None:  # fmt: skip
    """Certify that you have reviewed who has which role; what there is now is kept.

    Nobody can change what is kept: its hash is in the audit trail.

    Example:
        sentinel access certify -m "removed two leavers; the rest is needed"
    """
    from sentinel.store.access.reviews import Reviews

    if remote_url():
        found = certify_there(message)
    else:
        with open_store() as store:
            found = Reviews(store).certify(actor=actor(), comment=message)
    if json:
        json_out(_plain(found))
    else:
        say(f"Kept review {found.id} of {found.count:,} roles, certified by {found.certified_by}.")


@commands.command()
def reviews(json: AsJson = False) -> None:
    """List the reviews that were certified, newest first.

    Example:
        sentinel access reviews
    """
    from sentinel.store.access.reviews import Reviews

    found: Sequence[ReviewView | ReviewItem]
    if remote_url():
        found = reviews_there()
    else:
        with open_store() as store:
            found = Reviews(store).list()
    if json:
        json_out({"items": [*map(_plain, found)]})
        return
    print_table(
        ["REVIEW", "TIME", "CERTIFIED BY", "ROLES", "COMMENT"],
        [(one.id, moment(one.at), one.certified_by, one.count, one.comment) for one in found],
        empty="No review was certified yet: sentinel access certify",
    )


@commands.command()
def show(
    review: Annotated[
        str,
        typer.Argument(metavar="REVIEW", help="Its id, or a unique prefix.", show_default=False),
    ],
    json: AsJson = False,
) -> None:
    """Show a certified review: who had which role then. Exits with 1 if it was altered.

    Example:
        sentinel access show 019ad2f1

    Raises:
        Exit: with 1 if it is not what was certified
    """
    from sentinel.store.access.reviews import Reviews

    if remote_url():
        there = review_there(review)
        found, entries = there, entries_of(there.entries)
    else:
        with open_store() as store:
            found = Reviews(store).get(review)
        entries = found.entries
    if json:
        json_out(_plain(found))
    else:
        say(f"{found.certified_by} certified this on {moment(found.at)}: {found.comment}")
        _print(entries, found.at)
    if found.problem:
        complain(f"wrong: {found.problem}")
        raise typer.Exit(Exit.FAILED)


def _plain(found: ReviewView | ReviewItem) -> object:
    """Return a review as `json_out` takes it, from here or from a server."""
    return found if isinstance(found, msgspec.Struct) else found.model_dump()


def _print(entries: Sequence[AccessEntry], now: datetime) -> None:
    print_table(
        ["KIND", "NAME", "ROLE", "TENANT", "TEAM", "SINCE", "GRANTED BY", "LAST USED", "STATUS"],
        [
            (
                one.kind, one.name, one.role or "no role", one.tenant or "all", one.team or "all",
                moment(one.since), one.granted_by,
                f"{ago(one.used_at, now)} ago" if one.used_at else "never", one.state,
            )
            for one in entries
        ],
        empty="Nobody has a role: there are no accounts and no keys.",
    )  # fmt: skip
