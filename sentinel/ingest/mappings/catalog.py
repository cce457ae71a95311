"""The mappings that there are: those that ship with Sentinel, and those of a folder."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from sentinel.errors import ConfigurationError, NotFound
from sentinel.ingest.mappings.document import Mapping, mapping_of

__all__ = ["Catalog", "Found"]

log = logging.getLogger(__name__)
SHIPPED = Path(__file__).parent
_LARGEST = 262_144
_Seen = tuple[tuple[str, int, int], ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a mapping.

    Attributes:
        path: of the file
        shipped: whether it ships with Sentinel
        mapping: that it holds; None for a file that cannot be used
        error: why not; empty where it can
    """

    path: Path
    shipped: bool
    mapping: Mapping | None
    error: str = ""

    @property
    def name(self) -> str:
        """Name of the mapping, or of the file that holds none."""
        return self.path.stem if self.mapping is None else self.mapping.document.name


class Catalog:
    """The mappings, read anew when a file of the folder changes.

    Args:
        folder: of mappings beside those that ship; empty for none. One of the same name goes before
            the one that ships
    """

    def __init__(self, folder: str | Path = "") -> None:
        self._folder = Path(folder) if folder else None
        self._shipped = [_read(path, shipped=True) for path in sorted(SHIPPED.glob("*.yaml"))]
        self._seen: _Seen | None = None
        self._own: list[Found] = []

    def all(self) -> list[Found]:
        """Return every file, also those that cannot be used, by name; one's own before shipped."""
        seen = self._look()
        if seen != self._seen:
            self._own = [_read(Path(path), shipped=False) for path, _, _ in seen]
            self._seen = seen
            for one in self._own:
                if one.error:
                    log.warning("the mapping in %s is not used: %s", one.path, one.error)
        own = {one.name for one in self._own}
        return sorted(
            [*self._own, *(one for one in self._shipped if one.name not in own)],
            key=lambda one: one.name,
        )

    def get(self, name: str) -> Mapping:
        """Return a mapping.

        Args:
            name: of it

        Returns:
            The mapping.

        Raises:
            NotFound: there is none of that name
            ConfigurationError: its file cannot be used
        """
        found = {one.name: one for one in self.all()}
        if name not in found:
            raise NotFound(
                f"there is no mapping {name!r}", hint=f"There are {', '.join(sorted(found))}."
            )
        one = found[name]
        if one.mapping is None:
            raise ConfigurationError(one.error)
        return one.mapping

    def _look(self) -> _Seen:
        if self._folder is None or not self._folder.is_dir():
            return ()
        looked: list[tuple[str, int, int]] = []
        for path in sorted([*self._folder.glob("*.yaml"), *self._folder.glob("*.yml")]):
            try:
                stat = path.stat()
            except OSError:
                continue  # deleted just now
            looked.append((str(path), stat.st_mtime_ns, stat.st_size))
        return tuple(looked)


def _read(path: Path, *, shipped: bool) -> Found:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigurationError(f"{path.name}: more than {_LARGEST:,} bytes")
        mapping = mapping_of(data.decode(), path.name)
    except (OSError, UnicodeDecodeError, ConfigurationError) as error:
        said = str(error) if isinstance(error, ConfigurationError) else f"cannot be read: {error}"
        return Found(path=path, shipped=shipped, mapping=None, error=said)
    return Found(path=path, shipped=shipped, mapping=mapping)
