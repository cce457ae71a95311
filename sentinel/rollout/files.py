"""Files of deployments: `prefect.yaml` and the packs, read into entries. Pure but for reading.

They are what `prefect deploy --all` takes, so that either command may roll them out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from sentinel.errors import ConfigurationError, NotFound

__all__ = ["Entry", "pack_file", "packs", "packs_folder", "read_files"]

# libyaml's, where it is there: a thousand rules take a second instead of ten.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment as a file has it.

    Attributes:
        file: as it is shown to people
        origin: who owns it among files: the project's name and the file's
        place: in the file, from 1
        name: of the deployment, empty where it has none
        spec: the entry itself
        whole: the file's mapping, for what holds for all of its entries
    """

    file: str
    origin: str
    place: int
    name: str
    spec: Mapping[str, Any]
    whole: Mapping[str, Any]

    @property
    def shown(self) -> str:
        """Its name, or its place where it has none."""
        return self.name or f"entry {self.place}"

    @property
    def entrypoint(self) -> str:
        """Where its flow is."""
        return str(self.spec.get("entrypoint") or "")

    @property
    def digest(self) -> str:
        """Changes with anything that is written for it."""
        written = {name: self.whole.get(name) for name in ("pull", "build", "push")}
        text = msgspec.json.encode([self.spec, written], order="deterministic", enc_hook=str)
        return hashlib.sha256(text).hexdigest()[:16]


def packs_folder() -> Path:
    """The folder of the packs that ship with Sentinel."""
    return Path(__file__).parent.parent.parent / "deployments" / "rules"


def packs() -> dict[str, Path]:
    """Every pack by its name."""
    return {path.stem: path for path in sorted(packs_folder().glob("*.yaml"))}


def pack_file(name: str) -> Path:
    """The file of one pack.

    Raises:
        NotFound: there is none of that name
    """
    known = packs()
    if name not in known:
        raise NotFound(
            f"there is no pack {name!r}", hint=f"There are: {', '.join(known) or 'none'}."
        )
    return known[name]


def read_files(paths: Sequence[Path]) -> list[Entry]:
    """All entries of the files, in their order; a file named twice is read once.

    Raises:
        ConfigurationError: a file cannot be read, or is no list of deployments
    """
    entries: list[Entry] = []
    for path in dict.fromkeys(path.resolve() for path in paths):
        whole = _content(path)
        project = str(whole.get("name") or path.parent.name)
        for place, spec in enumerate(_list(whole, path), start=1):
            entries.append(
                Entry(
                    file=_shown(path),
                    origin=f"{project}/{path.name}",
                    place=place,
                    name=str(spec.get("name") or ""),
                    spec=spec,
                    whole=whole,
                )
            )
    return entries


def _content(path: Path) -> dict[str, Any]:
    try:
        content: Any = yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no file {path}", hint="Name a file of deployments, as prefect.yaml is one."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {' '.join(str(error).split())}",
            hint="Mend it; nothing was rolled out.",
        ) from error
    try:
        return msgspec.convert(content, dict[str, Any])
    except msgspec.ValidationError:
        raise _unusable(path) from None


def _list(whole: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    try:
        return msgspec.convert(whole.get("deployments"), list[dict[str, Any]])
    except msgspec.ValidationError:
        raise _unusable(path) from None


def _unusable(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} has no list `deployments`",
        hint="Write it as Prefect's documentation of prefect.yaml shows.",
    )


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
