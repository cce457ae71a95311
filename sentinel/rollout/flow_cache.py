"""Facts about flows, kept from one rollout to the next, so that Prefect is imported seldom.

What is kept is a copy and may be deleted at any time. It counts only for the very code and
the very versions that it was made of.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from sentinel.errors import RuleError
from sentinel.rollout.desired import FlowFacts
from sentinel.rollout.files import Entry

__all__ = ["Facts", "FlowCache"]

T = TypeVar("T")
_CODE = ("sentinel", "flows", "triggers", "blocks")
_ROOT = Path(__file__).parent.parent.parent
_OURS = "flows."


class Facts(Protocol):
    """What Prefect is asked; `flows.flow_facts` is it."""

    def facts_of(self, entrypoint: str) -> FlowFacts:
        """What a flow says of its deployments."""
        ...

    def automations_of(
        self, deployment: str, triggers: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """What a deployment's `triggers` mean."""
        ...

    def filled(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """An entry with nothing left to fill in."""
        ...


class _Kept(msgspec.Struct, kw_only=True):
    code: str = ""
    flows: dict[str, FlowFacts] = {}
    automations: dict[str, list[dict[str, Any]]] = {}


class FlowCache:
    """Facts that were asked for before, and those that have to be asked for.

    Args:
        ask: gives what asks Prefect; called when something is not known
        path: where they are kept; None keeps nothing
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
        """What the flow there says.

        Raises:
            RuleError: there is none, or its file is broken
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
        """Ask for what is not known of these flows; `flow` says later which are broken."""
        for entrypoint in dict.fromkeys(entrypoints):
            with suppress(RuleError):
                self.flow(entrypoint)

    def automations(self, entry: Entry) -> list[dict[str, Any]]:
        """What the `triggers` of an entry mean.

        Raises:
            RuleError: one is none
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
        """The entry with nothing left to fill in; asked anew each time.

        Raises:
            RuleError: something that it names is not there
        """
        spec = self._ask().filled(entry.spec)
        return msgspec.structs.replace(entry, spec=spec, name=str(spec.get("name") or ""))

    def keep(self) -> None:
        """Keep what was asked for now; where that cannot be written it is asked for again."""
        if self._path is None or not self._changed:
            return
        try:
            self._path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
            own = self._path.with_suffix(".new")
            own.write_bytes(msgspec.json.encode(self._kept))
            own.replace(self._path)
        except OSError:
            return


def _is_ours(entrypoint: str) -> bool:
    """Whether its code is among what `code_digest` reads: not that of an installed package."""
    if not entrypoint.startswith(_OURS):
        return False
    trigger = entrypoint.rpartition(".")[2]
    if not entrypoint.startswith("flows.rules."):
        return True
    return (_ROOT / "triggers" / f"{trigger}.py").is_file()


def code_digest() -> str:
    """Changes with the code that deployments are made of, and with what it stands on."""
    sum_ = hashlib.sha256()
    names = ("prefect", "pydantic", "msgspec")
    for one in (sys.version, *(f"{name} {version(name)}" for name in names)):
        sum_.update(one.encode())
    for file in _files():
        sum_.update(str(file.relative_to(_ROOT)).encode())
        sum_.update(file.read_bytes())
    return sum_.hexdigest()


def _files() -> Iterable[Path]:
    for package in _CODE:
        yield from sorted((_ROOT / package).rglob("*.py"))
