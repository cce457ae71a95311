"""The instance that commands act on: the one that the settings name, else the one running here."""

from __future__ import annotations

import getpass
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sentinel.audit.origin import AUDIT_DOOR, Origin
from sentinel.errors import DatabaseError, DatabaseUnreachable
from sentinel.settings import KEPT, Settings, set_by

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.up.home import Home

__all__ = ["actor", "home_of", "join_instance", "open_store", "settings_here", "share_networks"]


def home_of(settings: Settings) -> Home:
    """Return the folder of this machine's instance."""
    from sentinel.up.home import Home

    return Home(settings.resolved_home())


def settings_here() -> Settings:
    """Return the settings, completed with those of the instance that runs here.

    A setting that a person made wins. So a second terminal only needs the same folder.

    Returns:
        The settings.

    Raises:
        ConfigurationError: a setting is invalid
    """
    from pydantic import ValidationError

    from sentinel.errors import ConfigurationError

    try:
        own = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "SENTINEL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(
            f"{name} is invalid: {first['msg']}, got {first['input']!r}",
            hint="Correct it in the environment or in .env.",
        ) from None
    from sentinel.up.instance import running

    record = running(home_of(own))
    if record is None:
        return own
    # What is saved on the dashboard's page counts from the next start; this one goes on.
    given = {name for name in own.model_fields_set if name not in KEPT or set_by(name)}
    api = own.prefect_api_url if "prefect_api_url" in given else ""
    elsewhere = api not in ("", record.environment.get("SENTINEL_PREFECT_API_URL"))
    of_instance = {
        name: value
        for variable, value in record.environment.items()
        if (name := variable.removeprefix("SENTINEL_").lower()) in Settings.model_fields
        and variable.startswith("SENTINEL_")
        # A port of 0 means any free port; only the record has the one that was chosen.
        and (name not in given or getattr(own, name) == 0)
        and not (elsewhere and name == "prefect_auth_string")  # no other server may see it
    }
    return Settings.model_validate({**own.model_dump(exclude_unset=True), **of_instance})


def join_instance() -> None:
    """Set the variables of the running instance in this process, except those already set.

    The login of its Prefect server is left out where this process talks to another one.
    """
    from sentinel.settings import settings
    from sentinel.up.instance import running

    record = running(home_of(settings_here()))
    found = record.environment if record else {}
    names = ("PREFECT_API_URL", "SENTINEL_PREFECT_API_URL")
    elsewhere = any(os.environ.get(name, found.get(name)) != found.get(name) for name in names)
    for name, value in found.items():
        if not (elsewhere and name.endswith("_AUTH_STRING")):
            os.environ.setdefault(name, value)
    settings.cache_clear()


def share_networks() -> None:
    """Let channels of this process reach what those of the running instance may."""
    from sentinel.settings import settings

    if allowed := settings_here().allowed_networks:
        os.environ["SENTINEL_ALLOWED_NETWORKS"] = allowed
        settings.cache_clear()


@contextmanager
def open_store() -> Generator[Store]:
    """Open the shared database, and close it at the end.

    Yields:
        The store.

    Raises:
        DatabaseUnreachable: no database runs, or it does not answer
        DatabaseError: the database refused a statement
    """
    from sqlalchemy.exc import SQLAlchemyError

    from sentinel.cli.remote_url import refuse_remote
    from sentinel.store import Store
    from sentinel.up.postgres import Postgres

    refuse_remote()

    settings = settings_here()
    home = home_of(settings)
    if not settings.database_url and (not home.sqlite.exists() or Postgres.has_data(home)):
        raise DatabaseUnreachable(
            f"Sentinel is not running here ({home.root}), and SENTINEL_DATABASE_URL is not set",
            hint="Start it with `sentinel up`, or set SENTINEL_DATABASE_URL.",
        )
    store = Store.of(settings, origin=door())
    try:
        yield store
    except SQLAlchemyError as error:
        first = str(error).splitlines()[0]
        raise DatabaseError(
            f"the database reported an error: {first}", hint="Check it with: sentinel doctor"
        ) from error
    finally:
        store.close()


def door() -> Origin:
    """Return by which door this command's changes come: the dashboard runs some for its users."""
    name, _, kind = os.environ.get(AUDIT_DOOR, "").partition(":")
    if name != "dashboard":
        return Origin("cli", "local")
    # It has checked who its user is.
    return Origin("dashboard", "person" if kind == "person" else "local")


def actor() -> str:
    """Return the name of the person who acts: SENTINEL_USER, else the login name."""
    try:
        return Settings().user or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as containers have
        return "cli"
