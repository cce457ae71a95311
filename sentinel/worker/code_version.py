"""The version of a flow's code: a hash of its source files. Nothing is imported for it.

A flow's code is its module, the module of its trigger if it is the flow of a rule, and everything
that these import from outside of site-packages, as far as the source shows the imports.
"""

from __future__ import annotations

import ast
import pkgutil
import sys
from collections.abc import Iterable
from hashlib import blake2b
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import entry_points
from pathlib import Path

__all__ = ["Code", "Files"]

_RULES = "flows.rules."
_LOADS_ALL = "broken_triggers"
"""The trigger that loads all others, so that their code belongs to its own."""


class Files:
    """Content hashes of files; a file is read again only if its date or size has changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], bytes]] = {}

    def digest(self, files: Iterable[Path]) -> str:
        """Return one hash of the contents of `files`; a missing file counts as empty."""
        whole = blake2b(digest_size=16)
        for file in sorted(files):
            whole.update(str(file).encode() + b"\0" + self._one(file))
        return whole.hexdigest()

    def _one(self, file: Path) -> bytes:
        try:
            stat = file.stat()
            mark = (stat.st_mtime_ns, stat.st_size)
            known = self._known.get(file)
            if known is None or known[0] != mark:
                known = (mark, blake2b(file.read_bytes(), digest_size=16).digest())
                self._known[file] = known
            return known[1]
        except OSError:
            self._known.pop(file, None)
            return b""


class Code:
    """The code versions of flows by entrypoint.

    Args:
        files: hashes of their files
    """

    def __init__(self, files: Files | None = None) -> None:
        self._files = files or Files()
        self._sources: dict[str, tuple[str, frozenset[Path]]] = {}
        self._imports: dict[Path, tuple[str, tuple[str, ...]]] = {}

    def version(self, entrypoint: str) -> str:
        """Return a hash that changes with the flow's code."""
        known = self._sources.get(entrypoint)
        if known is not None:
            digest = self._files.digest(known[1])
            if digest == known[0]:
                return digest
        # The imports may have changed along with the text.
        sources = frozenset(self._of(entrypoint))
        digest = self._files.digest(sources)
        self._sources[entrypoint] = (digest, sources)
        return digest

    def _of(self, entrypoint: str) -> set[Path]:
        found: set[Path] = set()
        if ":" in entrypoint:
            file = Path(entrypoint.rpartition(":")[0]).resolve()
            self._follow(file, "", found)
            return found
        module, _, name = entrypoint.rpartition(".")
        modules = [module]
        if entrypoint.startswith(_RULES):
            # flows.rules creates its flows on demand, so none of its imports names the trigger.
            modules += _of_trigger(name)
        for one in modules:
            spec = _spec(one)
            if spec is not None and spec.origin and spec.origin.endswith(".py"):
                self._follow(Path(spec.origin), one, found)
        return found

    def _follow(self, file: Path, module: str, found: set[Path]) -> None:
        if file in found or _installed(file):
            return
        found.add(file)
        for name in self._imported(file, module):
            spec = _spec(name)
            if spec is not None and spec.origin and spec.origin.endswith(".py"):
                self._follow(Path(spec.origin), name, found)

    def _imported(self, file: Path, module: str) -> tuple[str, ...]:
        digest = self._files.digest([file])
        known = self._imports.get(file)
        if known is None or known[0] != digest:
            known = (digest, tuple(_names(file, module)))
            self._imports[file] = known
        return known[1]


def _names(file: Path, module: str) -> list[str]:
    """Return the modules that a source imports, and names in them that may be modules."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []  # the flow run will report the error
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".") if package else []
                kept = parents[: len(parents) - node.level + 1]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [name for name in dict.fromkeys(names) if name.strip(".")]


def _spec(module: str) -> ModuleSpec | None:
    """Find a module without importing its packages, as `importlib.util.find_spec` would."""
    path: list[str] | None = None
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        if count == 1 and (name in sys.builtin_module_names or name in sys.stdlib_module_names):
            return None
        try:
            spec = PathFinder.find_spec(name, path)
        except (ImportError, ValueError, OSError):
            return None
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ()) or None
        if count < len(parts) and path is None:
            return None
    return spec


def _of_trigger(name: str) -> list[str]:
    """Return the modules that may contain a trigger.

    Args:
        name: name of the trigger

    Returns:
        The modules of its name; if there are none, all trigger modules, because a class can have
        another name than its file.
    """
    modules = [one for one in (f"triggers.{name}", *_points(name)) if _spec(one) is not None]
    if modules and name != _LOADS_ALL:
        return modules
    package = _spec("triggers")
    folders = package.submodule_search_locations if package is not None else None
    return [f"triggers.{one.name}" for one in pkgutil.iter_modules(folders or [])]


def _points(name: str) -> list[str]:
    return [point.module for point in entry_points(group="sentinel.triggers", name=name)]


def _installed(file: Path) -> bool:
    return "site-packages" in file.parts or file.is_relative_to(sys.base_prefix)
