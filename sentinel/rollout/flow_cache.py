"""A cache of facts about flows, so that a rollout seldom needs to import Prefect.

The cache file can be deleted at any time. It is valid only for the same code and the same versions
of the libraries.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from sentinel.errors import RuleError
from sentinel.rollout.desired import FlowFacts
from sentinel.rollout.files import Entry
from sentinel.settings.private_file import write_private

__all__ = ["Facts", "FlowCache"]

T = TypeVar("T")
_CODE = ("sentinel", "flows", "triggers", "blocks")
_ROOT = Path(__file__).parent.parent.parent
_OURS = "flows."


class Facts(Protocol):
    """The questions that need Prefect; the module `flows.flow_facts` answers them."""

    def facts_of(self, entrypoint: str) -> FlowFacts:
        """Return the properties of a flow that its deployments have."""
        ...

    def automations_of(
        self, deployment: str, triggers: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the Automations of a deployment's `triggers`."""
        ...

    def filled(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return an entry with its templates filled in."""
        ...


class _Kept(msgspec.Struct, kw_only=True):
    code: str = ""
    flows: dict[str, FlowFacts] = {}
    automations: dict[str, list[dict[str, Any]]] = {}


class FlowCache:
    """Facts about flows, from the cache file if possible, else from Prefect.

    Args:
        ask: returns what asks Prefect; called on the first cache miss
        path: path of the cache file; None for no file
    """

    def __init__(self, ask: Callable[[], Facts], path: Path | None) -> None:
        self._ask = ask
        self._path = path
        self._kept = _Kept()
        self._fresh: dict[str, FlowFacts] = {}
        self._wrong: dict[str, RuleError] = {}
        self._code = code_digest() if path is not None else ""
        self._changed = False
        if path is not None:
            try:
                kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
            except (OSError, msgspec.DecodeError):
                kept = _Kept()
            self._kept = kept if kept.code == self._code else _Kept(code=self._code)

    def flow(self, entrypoint: str) -> FlowFacts:
        """Return the facts about a flow.

        Args:
            entrypoint: entrypoint of the flow

        Returns:
            The facts.

        Raises:
            RuleError: there is no such flow, or its file cannot be loaded
        """
        if entrypoint in self._wrong:
            raise self._wrong[entrypoint]
        found = self._fresh.get(entrypoint) or self._kept.flows.get(entrypoint)
        if found is None:
            try:
                found = self._fresh[entrypoint] = self._ask().facts_of(entrypoint)
            except RuleError as error:
                self._wrong[entrypoint] = error
                raise
            if _is_ours(entrypoint):
                self._kept.flows[entrypoint] = found
                self._changed = True
        return found

    def learn(self, entrypoints: Iterable[str]) -> None:
        """Ask for the flows that are not cached; `flow` raises the errors of broken ones later."""
        for entrypoint in dict.fromkeys(entrypoints):
            with suppress(RuleError):
                self.flow(entrypoint)

    def automations(self, entry: Entry) -> list[dict[str, Any]]:
        """Return the Automations of an entry's `triggers`.

        Args:
            entry: the entry

        Returns:
            The Automations, without the id of their deployment.

        Raises:
            RuleError: one of the triggers is invalid
        """
        given: list[dict[str, Any]] = entry.spec.get("triggers") or []
        if not given:
            return []
        text = msgspec.json.encode([entry.name, given], order="deterministic", enc_hook=str)
        key = hashlib.sha256(text).hexdigest()
        if key not in self._kept.automations:
            self._kept.automations[key] = self._ask().automations_of(entry.name, given)
            self._changed = True
        return self._kept.automations[key]

    def filled(self, entry: Entry) -> Entry:
        """Return the entry with its templates filled in; this is never cached.

        Args:
            entry: an entry with templates

        Returns:
            The entry without templates.

        Raises:
            RuleError: a template names something that does not exist
        """
        spec = self._ask().filled(entry.spec)
        return msgspec.structs.replace(entry, spec=spec, name=str(spec.get("name") or ""))

    def keep(self) -> None:
        """Write the cache file; if that fails, the next rollout asks again."""
        if self._path is None or not self._changed:
            return
        try:
            self._path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
            write_private(self._path, msgspec.json.encode(self._kept).decode())
        except OSError:
            return


def _is_ours(entrypoint: str) -> bool:
    """Return whether `code_digest` covers the flow's code, which is not so for other packages."""
    if not entrypoint.startswith(_OURS):
        return False
    trigger = entrypoint.rpartition(".")[2]
    if not entrypoint.startswith("flows.rules."):
        return True
    return (_ROOT / "triggers" / f"{trigger}.py").is_file()


def code_digest() -> str:
    """Return a hash of the code of all flows, and of the versions of the libraries they use."""
    return _digest_of(tuple(_files()))


class _File(NamedTuple):
    path: str
    changed: int
    size: int


# An API asks with each request about rules; reading everything would be most of their time.
@lru_cache(maxsize=1)
def _digest_of(files: tuple[_File, ...]) -> str:
    sum_ = hashlib.sha256()
    names = ("prefect", "pydantic", "msgspec")
    for one in (sys.version, *(f"{name} {version(name)}" for name in names)):
        sum_.update(one.encode())
    for file in files:
        sum_.update(os.path.relpath(file.path, _ROOT).encode())
        sum_.update(Path(file.path).read_bytes())
    return sum_.hexdigest()


def _files() -> Iterable[_File]:
    for package in _CODE:
        for folder, folders, names in os.walk(_ROOT / package):
            folders.sort()
            for name in sorted(names):
                if name.endswith(".py"):
                    path = f"{folder}/{name}"
                    found = os.stat(path)  # noqa: PTH116 - twice as quick, for a thousand files
                    yield _File(path, found.st_mtime_ns, found.st_size)
