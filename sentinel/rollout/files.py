"""Read deployment files, `prefect.yaml` and the packs, into entries.

The files have the format of `prefect deploy --all`, so either command can deploy them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import yaml

from sentinel.errors import ConfigurationError, NotFound
from sentinel.expression.yaml_document import loaded
from sentinel.expression.yaml_loader import read_yaml

__all__ = [
    "Entry",
    "names_elsewhere",
    "pack_file",
    "packs",
    "packs_folder",
    "read_documents",
    "read_files",
]

SENT = "sent"
"""What the origin of a file that somebody sent begins with, and its project where it has none."""

# The loader of libyaml, if installed: a thousand rules take a second instead of ten.


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment as written in a file.

    Attributes:
        file: path of the file, as shown to people
        origin: identity of the file: name of the project and of the file
        place: position in the file, from 1
        name: name of the deployment, or empty
        spec: the entry
        whole: the content of the file, for settings that hold for all of its entries
    """

    file: str
    origin: str
    place: int
    name: str
    spec: Mapping[str, Any]
    whole: Mapping[str, Any]

    @property
    def shown(self) -> str:
        """Its name, or its position in the file if it has none."""
        return self.name or f"entry {self.place}"

    @property
    def entrypoint(self) -> str:
        """The entrypoint of its flow."""
        return str(self.spec.get("entrypoint") or "")

    @property
    def digest(self) -> str:
        """A hash of everything that the file says about the deployment."""
        written = {name: self.whole.get(name) for name in ("pull", "build", "push")}
        try:
            text = msgspec.json.encode([self.spec, written], order="deterministic", enc_hook=str)
        except (TypeError, ValueError, OverflowError):  # keys that are no texts: it is refused
            text = repr([self.spec, written]).encode()
        return hashlib.sha256(text).hexdigest()[:16]


def packs_folder() -> Path:
    """Return the folder of the packs that are shipped with Sentinel."""
    return Path(__file__).parent.parent.parent / "deployments" / "rules"


def packs() -> dict[str, Path]:
    """Return the file of every pack by its name."""
    return {path.stem: path for path in sorted(packs_folder().glob("*.yaml"))}


def pack_file(name: str) -> Path:
    """Return the file of a pack.

    Args:
        name: name of the pack

    Returns:
        Its path.

    Raises:
        NotFound: there is no pack of that name
    """
    known = packs()
    if name not in known:
        raise NotFound(f"there is no pack {name!r}", hint=f"Packs: {', '.join(known) or 'none'}.")
    return known[name]


def read_files(paths: Sequence[Path]) -> list[Entry]:
    """Read all entries of the files.

    Args:
        paths: the files; a file named twice is read once

    Returns:
        The entries in order.

    Raises:
        ConfigurationError: a file cannot be read, or has no list of deployments
    """
    entries: list[Entry] = []
    for path in dict.fromkeys(path.resolve() for path in paths):
        whole = _content(path)
        project = str(whole.get("name") or path.parent.name)
        entries += _entries(whole, _shown(path), f"{project}/{path.name}")
    return entries


def names_elsewhere(entries: Sequence[Entry]) -> frozenset[str]:
    """Return the names that other shipped files have whose origin is one of these.

    The pack `prefect` and Sentinel's own `prefect.yaml` are both `sentinel/prefect.yaml`.

    Args:
        entries: of the files that are deployed together

    Returns:
        Names of deployments that came from another file, though their labels do not say so.
    """
    origins = {entry.origin for entry in entries}
    own = packs_folder().parent.parent / "prefect.yaml"
    shipped = [*([own] if own.is_file() else []), *packs().values()]
    given = {entry.name for entry in entries}
    found = {one.name for one in read_files(shipped) if one.origin in origins}
    return frozenset(found - given)


def read_documents(documents: Mapping[str, str]) -> list[Entry]:
    """Read all entries of files that somebody sent, bounded as documents of people are.

    Args:
        documents: text of each file, by its name

    Returns:
        The entries in order; a file's origin is `sent/`, its project, and its name without
        folders, so that it is never that of a file on this machine.

    Raises:
        ConfigurationError: one is no YAML, too large, or has no list of deployments
    """
    entries: list[Entry] = []
    for name, text in documents.items():
        whole = loaded(text, name, "A rule file has a list `deployments`.")
        project = str(whole.get("name") or SENT)
        entries += _entries(whole, name, f"{SENT}/{project}/{PurePosixPath(name).name}")
    return entries


def _entries(whole: Mapping[str, Any], shown: str, origin: str) -> list[Entry]:
    return [
        Entry(
            file=shown, origin=origin, place=place, name=str(spec.get("name") or ""), spec=spec,
            whole=whole,
        )
        for place, spec in enumerate(_list(whole, shown), start=1)
    ]  # fmt: skip


def _content(path: Path) -> dict[str, Any]:
    try:
        content: Any = read_yaml(path.read_text("utf-8"), fast=True)
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no file {path}", hint="Name a deployment file such as prefect.yaml."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {' '.join(str(error).split())}",
            hint="Fix the file; nothing was deployed.",
        ) from error
    try:
        return msgspec.convert(content, dict[str, Any])
    except msgspec.ValidationError:
        raise _unusable(str(path)) from None


def _list(whole: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    try:
        return msgspec.convert(whole.get("deployments"), list[dict[str, Any]])
    except msgspec.ValidationError:
        raise _unusable(path) from None


def _unusable(path: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} has no list `deployments`",
        hint="See Prefect's documentation of prefect.yaml for its format.",
    )


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
