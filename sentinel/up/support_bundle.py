"""One archive for whoever helps: versions, settings, doctor, sizes, errors and logs; no secrets."""

from __future__ import annotations

import os
import platform
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from sentinel.engine.component_health import components
from sentinel.errors import ConfigurationError, Conflict, SentinelError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.info import facts_of
from sentinel.store.reports.self_figures import self_figures
from sentinel.up.check import Check
from sentinel.up.home import Home
from sentinel.up.redacting import GONE, Redactor, is_secret_name

__all__ = ["known_secrets", "write_bundle"]

_MOST_LOG_BYTES = 500_000
_MOST_SECRET_BYTES = 10_000
_ERRORS = 300
_NO_SECRETS = ("lock", ".gitignore", "instance.json")
_DOCUMENTS = (".json", ".db", ".yaml")
"""Files of words, which would be replaced everywhere: `rollout.yaml` has the names of rules."""
_README = """\
Made by `sentinel support-bundle`.

versions.json    Python, Sentinel and the packages beside it
settings.json    settings that differ from their defaults, without secrets
environment.json names of variables of Sentinel and Prefect, without secrets
doctor.json      what `sentinel doctor` says
health.json      the state of each component
figures.json     lengths of queues, lateness, sizes
tables.json      schema, size and number of rows of each table
errors.json      the last warnings and errors of the system log
logs/            the end of each log

Secrets and addresses of people were replaced. Read it before you send it.
"""


def known_secrets(settings: Settings, home: Home, environ: Mapping[str, str]) -> set[str]:
    """Return the secrets of this instance: of settings, variables and the files of home.

    Args:
        settings: completed by those of the running instance
        home: its folder
        environ: of this process

    Returns:
        The values, and the parts of those that are addresses.
    """
    found = {
        value.get_secret_value()
        for name in Settings.model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    found |= {value for name, value in environ.items() if is_secret_name(name)}
    addresses = {settings.database_url, *(one for one in environ.values() if "://" in one)}
    own = home.root.iterdir() if home.root.is_dir() else ()
    for file in own:
        small = file.is_file() and file.stat().st_size <= _MOST_SECRET_BYTES
        if small and file.name not in _NO_SECRETS and file.suffix not in _DOCUMENTS:
            found |= set(file.read_text("utf-8", errors="replace").split())
    of_addresses = {part for one in addresses if one for part in _logins(one)}
    return of_addresses | {part for one in found if one for part in _parts(one)}


def write_bundle(
    settings: Settings, home: Home, path: Path, *, doctor: Callable[[Settings, Home], list[Check]],
    environ: Mapping[str, str] | None = None,
) -> list[str]:  # fmt: skip
    """Write the archive, which only this user may read; what cannot be asked says why in its place.

    Args:
        settings: completed by those of the running instance
        home: its folder
        path: of the zip file to write
        doctor: makes the checks
        environ: of this process

    Returns:
        The names of the files in it.

    Raises:
        Conflict: the file exists
        ConfigurationError: it cannot be written
    """
    variables = os.environ if environ is None else environ
    redactor = Redactor(known_secrets(settings, home, variables))
    parts: dict[str, Callable[[], Any]] = {
        "versions.json": _versions,
        "settings.json": lambda: _settings(settings),
        "environment.json": lambda: _environment(variables),
        "doctor.json": lambda: doctor(settings, home),
        **{
            f"{name}.json": lambda ask=ask: _of_store(settings, ask)
            for name, ask in _STORE_PARTS.items()
        },
    }
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(f"the file {path} exists", hint="Use another name.") from None
    except OSError as error:
        raise ConfigurationError(f"the file {path} cannot be written: {error.strerror}") from None
    with (
        os.fdopen(descriptor, "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr("README.txt", _README)
        for name, ask in parts.items():
            # Its own values, then the text as a whole.
            value = redactor.value(msgspec.to_builtins(_asked(ask)))
            archive.writestr(name, msgspec.json.format(msgspec.json.encode(value), indent=2))
        for log in sorted(home.logs.glob("*.log*")) if home.logs.is_dir() else ():
            archive.writestr(f"logs/{log.name}", redactor.text(_tail(log)))
        return archive.namelist()


def _asked(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (SentinelError, SQLAlchemyError, OSError) as error:
        return {"not known": f"{type(error).__name__}: {error}"}


def _of_store(settings: Settings, ask: Callable[[Store, Settings], Any]) -> Any:
    store = Store.of(settings)
    try:
        return ask(store, settings)
    finally:
        store.close()


_STORE_PARTS: dict[str, Callable[[Store, Settings], Any]] = {
    "health": components,
    "figures": lambda store, _: self_figures(store),
    "tables": lambda store, _: facts_of(store),
    "errors": lambda store, _: [
        one.model_dump(mode="json")
        for one in store.log.page(_ERRORS, levels=("warning", "error", "critical"))
    ],
}


def _versions() -> dict[str, Any]:
    packages = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    return {
        "python": sys.version, "platform": platform.platform(),
        "sentinel": metadata.version("sentinel-alerts"),
        "packages": dict(sorted(packages.items(), key=lambda one: str(one[0]).lower())),
    }  # fmt: skip


def _settings(settings: Settings) -> dict[str, Any]:
    """Return what differs from the defaults; of a secret only that there is one."""
    found: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value == field.get_default(call_default_factory=True):
            continue
        found[name] = GONE if isinstance(value, SecretStr) else str(value)
    return found


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in sorted(environ.items())
        if name.startswith(("SENTINEL_", "PREFECT_"))
    }  # fmt: skip


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        start = max(0, file.tell() - _MOST_LOG_BYTES)
        file.seek(start)
        data = file.read()
    if start:  # a secret that was cut in two would not be known
        data = data[data.find(b"\n") + 1 :]
    return data.decode("utf-8", errors="replace")


def _parts(secret: str) -> Sequence[str]:
    """Return a secret, and of an address what only its owner knows: login, path and query."""
    if "://" not in secret:
        return [secret, *(secret.split(":", 1)[1:])]
    long = [one for one in secret.split("?")[0].split("/")[3:] if len(one) >= 16]
    return [secret, *_logins(secret), *long]


def _logins(address: str) -> Sequence[str]:
    """Return the password of an address, and the values of its query."""
    try:
        found = urlsplit(address)
        password = found.password or ""
    except ValueError:  # no address: nothing of it may be shown
        return [address]
    return [*filter(None, [password, *(value for _, value in parse_qsl(found.query))])]
