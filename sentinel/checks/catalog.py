"""Find and load triggers: modules in `triggers/`, and packages that bring some.

A file dropped into `triggers/`, or a package with an entry point in the group
`sentinel.triggers`, is found without registration anywhere else; so are classes of the older
contract (`sentinel.checks.legacy`). A file that cannot be loaded breaks only itself. Asking for one
trigger imports only what is needed to find it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, cast
from weakref import WeakKeyDictionary, WeakValueDictionary

import msgspec

from sentinel.checks.legacy import adapt, is_legacy, older_name
from sentinel.checks.legacy_imports import install
from sentinel.checks.trigger import Trigger
from sentinel.errors import SentinelError, TriggerError

__all__ = ["Broken", "Catalog", "find", "load"]

PACKAGE = "triggers"
GROUP = "sentinel.triggers"


_of_classes: WeakKeyDictionary[type[Any], Trigger[..., Any]] = WeakKeyDictionary()
_older_names: WeakValueDictionary[str, Trigger[..., Any]] = WeakValueDictionary()
"""By what their `get_name` says, under which deployments of earlier versions know them."""
install()


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A source of triggers that could not be loaded.

    Attributes:
        source: the module or entry point
        file: where it stopped, as far as it is known
        line: in that file, 0 where unknown
        error: what was wrong, one line
        cure: what to do about it, a sentence
    """

    source: str
    file: str
    line: int
    error: str
    cure: str = ""

    def __str__(self) -> str:
        where = f" ({self.file}, line {self.line})" if self.file else ""
        return f"{self.source}: {self.error}{where}"


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Every trigger by name, and what could not be loaded.

    A name that two sources use is in neither: both are in `broken`, each naming the other.
    """

    triggers: dict[str, Trigger[..., Any]]
    broken: list[Broken]

    def get(self, name: str) -> Trigger[..., Any]:
        """Return the trigger of that name.

        Args:
            name: the function's name

        Returns:
            The one trigger that has it.

        Raises:
            TriggerError: there is none; the hint lists what there is and what could not be loaded
        """
        if name in self.triggers:
            return self.triggers[name]
        raise TriggerError(
            f"there is no trigger {name!r}", hint=_known(sorted(self.triggers), self.broken)
        )


def load(package: str = PACKAGE) -> Catalog:
    """Load every trigger of a package and of the entry points.

    Args:
        package: the importable package whose modules are read

    Returns:
        The triggers by name, and what could not be loaded.
    """
    found: dict[str, list[tuple[str, Trigger[..., Any]]]] = {}
    broken: list[Broken] = []
    for module_name in _modules(package):
        try:
            module = importlib.import_module(module_name)
            made = list(_defined_in(module))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge to files that are not ours; listed
            broken.append(_broken(module_name, error))
            continue
        for trigger in made:
            found.setdefault(trigger.name, []).append((module_name, trigger))
    for point in entry_points(group=GROUP):
        source = f"entry point {point.name} = {point.value}"
        try:
            loaded = _of_point(point)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge to packages that are not ours; listed
            broken.append(_broken(source, error))
            continue
        for trigger in loaded:
            found.setdefault(trigger.name, []).append((source, trigger))
    triggers: dict[str, Trigger[..., Any]] = {}
    for name, made in found.items():
        if len({id(trigger) for _, trigger in made}) == 1:
            triggers[name] = made[0][1]
            continue
        broken += [_twice(name, source, trigger, made) for source, trigger in made]
    return Catalog(triggers=triggers, broken=broken)


def find(name: str, package: str = PACKAGE) -> Trigger[..., Any]:
    """Load one trigger; where a module or entry point has its name, only that one is imported.

    Args:
        name: the function's name
        package: the importable package whose modules are read

    Returns:
        The one trigger that has it.

    Raises:
        TriggerError: there is none of that name, it is defined twice, or its file is broken
    """
    module_name = f"{package}.{name}"
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    made: list[tuple[str, Trigger[..., Any]]] = []
    try:
        if importlib.util.find_spec(package) and importlib.util.find_spec(module_name):
            module = importlib.import_module(module_name)
            made += [(module_name, t) for t in _defined_in(module) if t.name == name]
        for point in points:
            source = f"entry point {point.name} = {point.value}"
            made += [(source, t) for t in _of_point(point) if t.name == name]
    except (Exception, SystemExit) as error:
        raise TriggerError(
            f"trigger {name!r} cannot be loaded: {_broken(module_name, error)}",
            hint="Correct that file; the other triggers are not affected.",
        ) from error
    if len({id(trigger) for _, trigger in made}) > 1:
        raise TriggerError(str(_twice(name, *made[0], made)), hint="Rename one of them.")
    if made:
        return made[0][1]
    found = load(package)
    if name not in found.triggers and name in _older_names:
        return _older_names[name]
    return found.get(name)


def _modules(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return []
    # iter_modules caches folder listings; a file dropped in a moment ago must be seen.
    importlib.invalidate_caches()
    return sorted(
        f"{package}.{found.name}"
        for found in pkgutil.iter_modules(spec.submodule_search_locations)
        if not found.name.startswith("_")
    )


def _defined_in(module: ModuleType) -> Iterator[Trigger[..., Any]]:
    """Yield the triggers that `module` itself defines, not those that it imports."""
    for value in list(vars(module).values()):
        if isinstance(value, Trigger):
            trigger = cast("Trigger[..., Any]", value)
            if trigger.module == module.__name__:
                yield trigger
        elif is_legacy(value) and value.__module__ == module.__name__:
            yield _adapted(value)


def _adapted(kind: type[Any]) -> Trigger[..., Any]:
    """Return the one trigger of a class: a second one would count as a second of its name."""
    if kind not in _of_classes:
        try:
            older = older_name(kind)
            made = adapt(kind, _file_name(kind))
        except Exception as error:
            raise _UnusableClass(kind, error) from error
        _of_classes[kind] = made
        if made.name != older:
            _older_names[older] = made
    return _of_classes[kind]


def _file_name(kind: type[Any]) -> str:
    """Return the name of the file of a class that is alone in it; empty where it is not."""
    module = sys.modules.get(kind.__module__)
    values = list(vars(module).values()) if module is not None else []
    beside = sum(
        isinstance(value, Trigger) or (is_legacy(value) and value.__module__ == kind.__module__)
        for value in values
    )
    name = kind.__module__.rpartition(".")[2]
    return name if beside == 1 and name.isidentifier() else ""


class _UnusableClass(Exception):
    """A class of the older contract raised `error` when its name or defaults were asked for."""

    def __init__(self, kind: type[Any], error: Exception) -> None:
        super().__init__(str(error))
        self.kind = kind
        self.error = error


def _of_point(point: EntryPoint) -> list[Trigger[..., Any]]:
    loaded: object = point.load()
    if isinstance(loaded, Trigger):
        return [loaded]
    if isinstance(loaded, ModuleType):
        return list(_defined_in(loaded))
    if is_legacy(loaded):
        return [_adapted(loaded)]
    raise TriggerError(
        f"{point.value} is a {type(loaded).__name__}, not a trigger",
        hint="Point it at a function decorated with @trigger, or at a module of them.",
    )


def _broken(source: str, error: BaseException) -> Broken:
    if isinstance(error, SyntaxError):
        file, line = error.filename or "", error.lineno or 0
        return Broken(
            source=source,
            file=file,
            line=line,
            error=f"SyntaxError: {error.msg}",
            cure="Correct that line.",
        )
    if isinstance(error, _UnusableClass):
        return msgspec.structs.replace(
            _broken(source, error.error),
            file=sys.modules[error.kind.__module__].__file__ or "",
            line=_first_line(error.kind),
        )
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    # The line in the trigger's own file helps its writer more than one deep in a library.
    path = getattr(sys.modules.get(source), "__file__", None) or _path(source)
    own = [frame for frame in frames if frame.filename == path] or frames
    file, line = (own[-1].filename, own[-1].lineno or 0) if own else ("", 0)
    text = str(error).splitlines()[0] if str(error) else ""
    return Broken(
        source=source,
        file=file,
        line=line,
        error=f"{type(error).__name__}: {text}",
        cure=_cure(error),
    )


def _first_line(kind: type[Any]) -> int:
    try:
        return inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        return 0


def _cure(error: BaseException) -> str:
    if isinstance(error, SentinelError) and error.hint:
        return error.hint
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        return f"Install what provides {top!r} where the workers run, or correct the import."
    if isinstance(error, SystemExit):
        return "A file of triggers must not exit when it is imported."
    return "Correct that line; it runs when the file is imported."


def _path(module_name: str) -> str:
    try:
        spec = importlib.util.find_spec(module_name)
    except (ImportError, ValueError):
        return ""
    return (spec.origin or "") if spec else ""


def _twice(
    name: str,
    source: str,
    trigger: Trigger[..., Any],
    made: list[tuple[str, Trigger[..., Any]]],
) -> Broken:
    code = getattr(trigger.function, "__code__", None)
    others = ", ".join(sorted(other for other, value in made if value is not trigger))
    return Broken(
        source=source,
        file=code.co_filename if code else "",
        line=code.co_firstlineno if code else 0,
        error=f"trigger {name!r} is also defined in {others}",
        cure="Rename one of them.",
    )


def _known(names: list[str], broken: list[Broken]) -> str:
    """Say which triggers there are, and which sources could not be loaded."""
    said = f"There are: {', '.join(names) or 'none'}."
    return f"{said} Not loaded: {'; '.join(map(str, broken))}." if broken else said
