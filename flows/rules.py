"""A flow for every trigger, by its name: `flows.rules.cpu_usage` is the flow of `cpu_usage`.

Its parameters are those of the trigger, with types, bounds, defaults and help, and `rule`. So the
form of the deployment in the Prefect UI shows them, and `prefect deploy` rejects invalid values.
Only the module of the requested trigger is imported.
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
from flows.rule_pack import evaluate_pack
from sentinel.checks.catalog import find
from sentinel.checks.form import summary_of
from sentinel.checks.trigger import Trigger
from sentinel.errors import TriggerError
from sentinel.rules.pack import RULE_PACK
from sentinel.rules.rule import Rule

__all__ = ["flow_of"]

_made: dict[str, Flow[..., Any]] = {}

_RULE_HELP = "rule: the condition, the severity and the receivers of the alerts"


def __getattr__(name: str) -> Flow[..., Any]:
    if name.startswith("_"):
        raise AttributeError(name)
    if name not in _made:
        try:
            found = find(name)
        except TriggerError as error:
            # Prefect then reports that there is no such flow, with this error as the cause.
            raise AttributeError(str(error)) from error
        _made[name] = flow_of(found)
    return _made[name]


def flow_of(trigger: Trigger[..., Any]) -> Flow[..., Any]:
    """Return the flow that evaluates rules with `trigger`."""

    def body(**parameters: Any) -> Any:
        rule: Rule = parameters.pop("rule")
        if trigger.name == RULE_PACK:
            return evaluate_pack(rule, parameters)
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
        # The results are in the shared database; Prefect stores none.
        persist_result=False,
        cache_result_in_memory=False,
        # What a check prints is in the run's log.
        log_prints=True,
    )


def _help(doc: str) -> str:
    """Return the trigger's docstring with `rule` among its arguments."""
    lines = inspect.cleandoc(doc).splitlines()
    if "Args:" in lines:
        place = lines.index("Args:") + 1
        return "\n".join([*lines[:place], f"    {_RULE_HELP}", *lines[place:]])
    return "\n".join([*lines, "", "Args:", f"    {_RULE_HELP}"])


def _version(trigger: Trigger[..., Any]) -> str:
    """Return a hash of the trigger's file and of the modules it imports from its own package.

    Prefect's own hash would be of this file, the same for every trigger.

    Args:
        trigger: the trigger

    Returns:
        A BLAKE2b digest of 16 bytes, in hex.
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
