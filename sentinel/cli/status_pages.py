"""`sentinel status-page`: status pages as YAML, their tokens, and the files that are served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import refuse_remote, remote_url
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Status pages: what customers or colleagues see of services."
)
Name = Annotated[str, typer.Argument(help="Name of the page.", show_default=False)]


@commands.command("list")
def list_(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only those of this tenant.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> None:
    """Print the status pages, and when the flow wrote each last.

    Example:
        sentinel status-page list
    """
    if remote_url():
        from sentinel.client import status_pages

        found: list[dict[str, Any]] = _asked(status_pages.listed(tenant=tenant))["items"]
    else:
        from sentinel.store.services.status_pages import StatusPages
        from sentinel.store.services.status_subscribers import StatusSubscribers

        with open_store() as store:
            public = store.options.public_url
            people = StatusSubscribers(store).counts(tenant)
            found = [
                _shown(one, public, people.get(one.definition.name, 0))
                for one in StatusPages(store).list(tenant)
            ]
    if json:
        json_out(found)
        return
    print_table(
        ["PAGE", "TENANT", "READ BY", "COMPONENTS", "SUBSCRIBERS", "WRITTEN", "ADDRESS"],
        [
            (
                one["definition"]["name"], one["definition"]["tenant"], _readers(one),
                str(len(one["definition"]["components"])), str(one["subscribers"]),
                str(one["written_at"] or "not yet")[:19],
                one["url"] or "-",
            )
            for one in found
        ],
        empty="There are no status pages. Make one: sentinel status-page apply page.yaml",
    )  # fmt: skip


@commands.command()
def show(name: Name, json: AsJson = False) -> None:
    """Print the definition of a status page as YAML, as `sentinel status-page apply` takes it.

    Example:
        sentinel status-page show shop > page.yaml
    """
    from sentinel.services.status_page import page_to_yaml, status_page_of

    if remote_url():
        from sentinel.client import status_pages

        found = _asked(status_pages.read(name))
    else:
        from sentinel.store.services.status_pages import StatusPages

        with open_store() as store:
            found = _shown(StatusPages(store).get(name), store.options.public_url)
    if json:
        json_out(found)
        return
    for line in page_to_yaml(status_page_of(found["definition"])).rstrip("\n").split("\n"):
        say(line)


@commands.command("apply")
def apply_(
    file: Annotated[Path, typer.Argument(help="YAML of one status page.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Create a status page, or change the one of that name. The flow writes it within a minute.

    Example:
        sentinel status-page apply page.yaml

    Raises:
        ConfigurationError: the file cannot be read, or is no status page
    """
    from sentinel.services.status_page import page_from_yaml

    try:
        definition = page_from_yaml(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read ({type(error).__name__})") from None
    if remote_url():
        from sentinel.client import status_pages

        call = status_pages.save(definition.name, definition.model_dump(mode="json"))
        saved = _asked(call)
    else:
        from sentinel.store.services.status_pages import StatusPages

        with open_store() as store:
            one = StatusPages(store).save(definition, actor=actor())
            saved = _shown(one, store.options.public_url)
    if json:
        json_out(saved)
        return
    say(f"Saved the status page {definition.name}, version {saved['version']}.")
    say(saved["url"] or "It is served once SENTINEL_PUBLIC_URL is set.")
    if not definition.public and not saved["has_token"]:
        say("Nobody can read it before it has a token:")
        say(f"  sentinel status-page token {definition.name}")


@commands.command()
def remove(name: Name, json: AsJson = False) -> None:
    """Remove a status page, with the history of its components.

    Example:
        sentinel status-page remove shop
    """
    if remote_url():
        from sentinel.client import status_pages

        gone = _asked(status_pages.remove(name))
    else:
        from sentinel.store.services.status_pages import StatusPages

        with open_store() as store:
            removed = StatusPages(store).remove(name, actor=actor())
            gone = _shown(removed, store.options.public_url)
    if json:
        json_out(gone)
        return
    say(f"Removed the status page {name}.")


@commands.command()
def token(name: Name, json: AsJson = False) -> None:
    """Make the token of a private page, in place of the one that there was, and print it once.

    Example:
        sentinel status-page token shop
    """
    if remote_url():
        from sentinel.client import status_pages

        made: str = _asked(status_pages.new_token(name))["token"]
    else:
        from sentinel.store.services.status_pages import StatusPages

        with open_store() as store:
            made = StatusPages(store).new_token(name, actor=actor())
    if json:
        json_out({"token": made})
        return
    say(made)
    say("It is shown only once. Whoever has it reads the page.")


@commands.command()
def write(
    name: Name,
    to: Annotated[Path, typer.Option("--to", help="Folder of the files.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Write a page as index.html and NAME/feed.atom into a folder, for a web server of your own.

    Example:
        sentinel status-page write shop --to public
    """
    refuse_remote()
    from sentinel.services.status_html import STALE, atom_of, html_of
    from sentinel.store.services.status_pages import StatusPages
    from sentinel.store.services.status_subscribers import StatusSubscribers
    from sentinel.store.services.status_writing import page_now

    with open_store() as store:
        now = page_now(store, StatusPages(store).get(name).definition, store.now())
        kinds = StatusSubscribers(store).kinds(now.page)
    feed = to / name / "feed.atom"
    feed.parent.mkdir(parents=True, exist_ok=True)
    feed.write_text(atom_of(now), "utf-8")
    page = to / "index.html"
    html = html_of(now, kinds, f"{now.address}/subscribe")
    page.write_text(html.replace(STALE, "", 1), "utf-8")
    if json:
        json_out({"page": str(page), "feed": str(feed)})
        return
    say(f"Wrote {page} and {feed}.")


@commands.command()
def subscribers(name: Name, json: AsJson = False) -> None:
    """List who is sent the public updates of a page; addresses are masked.

    Example:
        sentinel status-page subscribers shop
    """
    if remote_url():
        from sentinel.client import status_pages

        found: list[dict[str, Any]] = _asked(status_pages.subscribers(name))["items"]
    else:
        import msgspec

        from sentinel.store.services.status_subscribers import StatusSubscribers

        with open_store() as store:
            found = [msgspec.structs.asdict(one) for one in StatusSubscribers(store).list(name)]
    if json:
        json_out(found)
        return
    print_table(
        ["ID", "KIND", "WHO", "SERVICES", "CONFIRMED", "REFUSED"],
        [
            (
                one["id"], one["kind"], one["who"], ", ".join(one["services"]) or "all",
                str(one["confirmed_at"] or "not yet")[:19], str(one["refused"]),
            )
            for one in found
        ],
        empty=f"Nobody subscribed to {name}. Readers can where its definition has `subscribe`.",
    )  # fmt: skip


@commands.command()
def unsubscribe(
    name: Name,
    subscriber: Annotated[
        str, typer.Argument(help="As `subscribers` lists it.", show_default=False)
    ],
    json: AsJson = False,
) -> None:
    """Remove a subscriber of a page; an address of email by `sentinel person erase ADDRESS` too.

    Example:
        sentinel status-page unsubscribe shop 0192f0c1d2e37c4d8a9b0c1d2e3f4a5b
    """
    if remote_url():
        from sentinel.client import status_pages

        gone = _asked(status_pages.remove_subscriber(name, subscriber))
    else:
        import msgspec

        from sentinel.store.services.status_subscribers import StatusSubscribers

        with open_store() as store:
            removed = StatusSubscribers(store).remove(name, subscriber, actor=actor())
        gone = msgspec.structs.asdict(removed)
    if json:
        json_out(gone)
        return
    say(f"Removed the subscriber {gone['who']} of {name}.")


def _readers(one: dict[str, Any]) -> str:
    if one["definition"]["public"]:
        return "everybody"
    return "token" if one["has_token"] else "nobody yet"


def _shown(one: Any, public: str, subscribers: int = 0) -> dict[str, Any]:
    from sentinel.links import status_address

    return {
        "definition": one.definition.model_dump(mode="json"), "version": one.version,
        "saved_at": one.saved_at, "saved_by": one.saved_by,
        "url": status_address(public, one.definition.name), "written_at": one.written_at,
        "has_token": one.has_token, "subscribers": subscribers,
    }  # fmt: skip


def _asked(call: Any) -> dict[str, Any]:
    from sentinel.cli.remote import client_here

    with client_here() as client:
        return client.do(call).model_dump(mode="json")
