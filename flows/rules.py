"""A flow for every trigger, made by its name: `flows.rules.cpu_usage` is the flow of `cpu_usage`.

Its parameters are the trigger's, with their types, bounds, defaults and help, and `rule`. So
the deployment's form in the Prefect UI shows all of it, and `prefect deploy` refuses what does
not fit. Only the module of the trigger that is asked for is imported.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
from hashlib import blake2b
from pathlib import Path
from typing import Any

from prefect import Flow

from flows.evaluation import evaluate
from sentinel.checks.catalog import find
from sentinel.checks.form import summary_of
from sentinel.checks.trigger import Trigger
from sentinel.errors import TriggerError
from sentinel.rules.rule import Rule

__all__ = ["flow_of"]

_made: dict[str, Flow[..., Any]] = {}

_RULE_HELP = "rule: what to alert on, how bad it is, and who hears of it"


def __getattr__(name: str) -> Flow[..., Any]:
    if name.startswith("_"):
        raise AttributeError(name)
    if name not in _made:
        try:
            found = find(name)
        except TriggerError as error:
            # Prefect then says that there is no such flow, and shows this as the cause.
            raise AttributeError(str(error)) from error
        _made[name] = flow_of(found)
    return _made[name]


def flow_of(trigger: Trigger[..., Any]) -> Flow[..., Any]:
    """The flow that evaluates rules with `trigger`."""

    def body(**parameters: Any) -> Any:
        rule: Rule = parameters.pop("rule")
        return evaluate(trigger, rule, parameters)

    body.__name__ = body.__qualname__ = trigger.name
    body.__doc__ = _help(trigger.__doc__ or f"Evaluate rules with {trigger.name}.")
    rule = inspect.Parameter("rule", inspect.Parameter.KEYWORD_ONLY, annotation=Rule)
    body.__signature__ = inspect.Signature([*trigger.parameters, rule])  # pyright: ignore[reportFunctionMemberAccess] - how inspect is told of a signature
    return Flow(
        body,
        name=trigger.name,
        version=_version(trigger),
        description=summary_of(trigger),
        # A rule's result is in the shared database; Prefect keeps none.
        persist_result=False,
        cache_result_in_memory=False,
    )


def _help(doc: str) -> str:
    """The trigger's docstring, with `rule` among its arguments."""
    lines = inspect.cleandoc(doc).splitlines()
    if "Args:" in lines:
        place = lines.index("Args:") + 1
        return "\n".join([*lines[:place], f"    {_RULE_HELP}", *lines[place:]])
    return "\n".join([*lines, "", "Args:", f"    {_RULE_HELP}"])


def _version(trigger: Trigger[..., Any]) -> str:
    """A hash of the trigger's file and of what it imports from its own package.

    Prefect's own hash would be of this file: the same for every trigger, whatever was edited.
    """
    digest = blake2b(digest_size=16)
    package = trigger.module.partition(".")[0]
    for module in sorted(_local_modules(trigger.module, package, set())):
        source = _source(module)
        if source is not None:
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _local_modules(module: str, package: str, known: set[str]) -> set[str]:
    if module in known:
        return known
    known.add(module)
    source = _source(module)
    if source is None:
        return known
    for node in ast.walk(ast.parse(source.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith(f"{package}.") and _source(name) is not None:
                _local_modules(name, package, known)
    return known


def _base(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parents = module.split(".")[: -node.level]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _source(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)
