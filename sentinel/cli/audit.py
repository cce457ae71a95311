"""`sentinel audit …`: what people and keys changed, and the proof that nothing was altered."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from sentinel.audit.actions import words_of
from sentinel.audit.chain import Head
from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import AsJson, complain, fields, json_out, print_table, say
from sentinel.cli.remote_lists import list_audit, show_audit_row, verified_there
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store
from sentinel.duration import parse_duration
from sentinel.errors import Conflict
from sentinel.printable import counted, printable_json

if TYPE_CHECKING:
    from sentinel.audit.chain import Verdict
    from sentinel.client.access import AuditVerdict
    from sentinel.store import Store
    from sentinel.store.audit.queries import AuditFilter, AuditItem

__all__ = ["commands"]

_VERDICT = ("rows", "waiting", "first", "erased", "problems", "warnings")
"""What a verification found, beside the end of the chain."""

commands = typer.Typer(
    no_args_is_help=True,
    help="The audit trail: every change by a person or key, with before and after.",
)

Words = Annotated[
    list[str] | None,
    typer.Argument(help="Words in the action, object, reason or name.", show_default=False),
]
Actor = Annotated[str, typer.Option(help="Only changes of this person, key or program.")]
Actions = Annotated[
    list[str] | None,
    typer.Option("--action", help="Only this code; `rule.` is all that begin so. Repeatable.",
                 show_default=False),
]  # fmt: skip
Thing = Annotated[str, typer.Option("--object", help="Only this object, by id or name.")]
Since = Annotated[
    timedelta | None,
    typer.Option("--since", parser=parse_duration, metavar="LENGTH",
                 help="Only the last 24h, say.", show_default=False),
]  # fmt: skip


def _filter(
    store: Store, words: list[str] | None, actor: str, actions: list[str] | None, thing: str,
    since: timedelta | None,
) -> AuditFilter:  # fmt: skip
    from sentinel.store.audit.queries import AuditFilter

    return AuditFilter(
        words=" ".join(words or ()), actor=actor, actions=tuple(actions or ()), object=thing,
        since=None if since is None else store.now() - since,
    )  # fmt: skip


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


@commands.command("list")
def list_(
    words: Words = None,
    actor: Actor = "",
    action: Actions = None,
    thing: Thing = "",
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    json: AsJson = False,
) -> None:
    """List changes, newest first; times are UTC.

    Examples:
        sentinel audit list --since 24h

        sentinel audit list --action rule. --actor ada
    """
    from sentinel.store.audit.queries import page

    if remote_url():
        list_audit(words or (), actor, action or (), thing, since, limit, json=json)
        return
    with open_store() as store:
        found = page(store, _filter(store, words, actor, action, thing, since), limit=limit)
    if json:
        json_out({"items": found.items, "next": found.next})
        return
    print_table(
        ("Row", "Time", "Actor", "Door", "Action", "Object", "Reason"),
        [
            (one.seq or "-", _when(one.at), one.actor, one.door, one.action, one.object_name,
             one.note)
            for one in found.items
        ],
        empty="No changes.",
    )  # fmt: skip


@commands.command()
def show(
    row: Annotated[str, typer.Argument(help="Number or id of the row.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Show one change: who made it, and what differs before and after.

    Example:
        sentinel audit show 17
    """
    from sentinel.store.audit.queries import one

    if remote_url():
        show_audit_row(row, json=json)
        return
    with open_store() as store:
        found = one(store, row)
    if json:
        json_out(found)
        return
    say(f"{found.actor} {words_of(found.action)} {found.object_name}")
    fields(
        {
            "row": found.seq or "waits to be chained", "id": found.id, "time": found.at,
            "actor": f"{found.actor} ({found.kind})", "door": found.door, "tenant": found.tenant,
            "action": found.action, "object": f"{found.object_kind} {found.object_id}",
            "reason": found.note, "previous": found.previous, "hash": found.hash,
        }
    )  # fmt: skip
    for mark, side in (("-", found.before), ("+", found.after)):
        for name, value in sorted((side or {}).items()):
            say(f"{mark} {name}: {msgspec.json.encode(value).decode()}")


@commands.command()
def verify(
    head: Annotated[
        list[str] | None,
        typer.Option(help="An end that was printed earlier, which must still be there; repeatable.",
                     show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Verify that no row was altered, removed, moved or inserted, and print the end of the chain.

    Keep the printed end somewhere else: with --head, a later run shows that nothing before it was
    replaced or cut off. Exit code 1 means that something is wrong.

    Examples:
        sentinel audit verify

        sentinel audit verify --head 17:5c0f…

    Raises:
        Exit: with 1 if something is wrong
    """
    from sentinel.store.audit.chaining import verify_chain

    known = [Head.read(text) for text in head or ()]
    found: Verdict | AuditVerdict
    if remote_url():
        found = verified_there(known)
    else:
        with open_store() as store:
            found = verify_chain(store, key=store.options.audit_key, known=known)
    if json:
        json_out(
            {name: getattr(found, name) for name in _VERDICT}
            | {"head": str(found.head), "ok": not found.problems}
        )
    else:
        for problem in found.problems:
            complain(f"wrong: {problem}")
        for warning in found.warnings:
            complain(f"warning: {warning}")
        before = f", from row {found.first} on" if found.first > 1 else ""
        say(f"{counted(found.rows, 'row')} verified{before}; {found.waiting:,} wait to be chained.")
        say(f"head {found.head}")
    if found.problems:
        raise typer.Exit(Exit.FAILED)


@commands.command()
def export(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this new file instead of the terminal."),
    ] = None,
    words: Words = None,
    actor: Actor = "",
    action: Actions = None,
    thing: Thing = "",
    since: Since = None,
) -> None:
    """Export changes as JSON, one per line, newest first.

    Example:
        sentinel audit export --since 30d -o changes.jsonl

    Raises:
        Conflict: the file exists
    """
    from sentinel.store.audit.queries import every, one

    with open_store() as store:
        wanted = _filter(store, words, actor, action, thing, since)
        if output is None:
            for some in every(store, wanted):
                for one in some:
                    say(_line(one))
            return
        try:
            with output.open("x", encoding="utf-8") as file:
                count = _write(file, store, wanted)
        except FileExistsError:
            raise Conflict(f"the file {output} exists", hint="Use another name.") from None
    say(f"Exported {count:,} changes to {output}.")


def _write(file: IO[Any], store: Store, wanted: AuditFilter) -> int:
    from sentinel.store.audit.queries import every

    count = 0
    for some in every(store, wanted):
        file.writelines(_line(one) + "\n" for one in some)
        count += len(some)
    return count


def _line(change: AuditItem) -> str:
    return printable_json(msgspec.json.encode(change).decode())
