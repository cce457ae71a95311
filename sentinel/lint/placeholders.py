"""Which names a rule's texts may hold, as far as that can be known before it runs. Pure.

`{value}` is always there. Labels and details are whatever the trigger yields: where its code
writes them down as plain dictionaries, their names are read from there, and any other name is a
typing error. Where it does not, only a name that nearly is another counts as one.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from sentinel.checks.trigger import Trigger
from sentinel.rules.rule import Rule
from sentinel.template import misspelt, placeholders, taken_by_prefect

__all__ = ["ALWAYS", "Yielded", "double_braces", "unknown_names", "yielded_by"]

ALWAYS = ("value", "unit", "rule", "severity", "team", "timestamp")
"""What every text may hold, as `sentinel.evaluation.judge.wording` fills it in."""
_MAPPINGS = ("labels", "details")
_NEAR = 0.75


class Yielded(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the labels and details of a trigger's readings.

    Attributes:
        names: as its code writes them down
        all_known: whether there can be no others
    """

    names: frozenset[str]
    all_known: bool


def double_braces(parameters: object) -> Iterator[str]:
    """Find the templates of Prometheus or Jinja in a `prefect.yaml`, which Prefect would remove.

    Args:
        parameters: of a deployment, as its file has them; anything but a mapping has none

    Yields:
        A sentence for each.
    """
    given = _mapping(parameters)
    rule = _mapping(given.get("rule"))
    texts: dict[str, Any] = {
        f"rule.annotations.{name}": text for name, text in _mapping(rule.get("annotations")).items()
    }
    texts["rule.description"] = rule.get("description")
    several: Any = given.get("policies")
    policies = {"policy": given.get("policy")}
    if isinstance(several, list):
        policies |= {f"policies.{n}": one for n, one in enumerate(cast("list[Any]", several))}
    for place, policy in policies.items():
        for name in ("summary_template", "message_template", "description"):
            texts[f"{place}.{name}"] = _mapping(policy).get(name)
    for place, text in texts.items():
        for written, meant in taken_by_prefect(text) if isinstance(text, str) else ():
            yield (
                f"{place}: Prefect takes {written} for a template of its own and removes it; "
                + (f"write {meant}" if meant else "write names in single braces, as in {value}")
            )


def _mapping(given: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}


def unknown_names(rule: Rule, yielded: Yielded) -> Iterator[str]:
    """Find the placeholders in a rule's texts that nothing fills in, or not as they are written.

    `{labels.x}` and `{details.x}` always pass: only the data knows them.

    Args:
        rule: its annotations and description
        yielded: what its trigger's readings have

    Yields:
        A sentence for each.
    """
    texts = {f"annotations.{name}": text for name, text in rule.annotations.items()}
    if "description" not in rule.annotations:
        texts["description"] = rule.description  # what an alert's description is made of then
    known = [*ALWAYS, *sorted({*rule.labels, *yielded.names}.difference(ALWAYS))]
    for place, text in texts.items():
        for written in misspelt(text):
            yield (
                f"{place}: {written} stays as it is written; a number can be written as in "
                "{value:.1f}, {value:,.0f}, {value:.1%}, {value:.3g} or {value:d}"
            )
        for name in placeholders(text):
            head, dot, rest = name.partition(".")
            if re.search(r"\s", name):  # prose in braces, or a key that only the data knows
                continue
            if name in known or head in _MAPPINGS or (dot and head in yielded.names):
                continue
            meant = _nearest(name, known)
            if not meant and dot:
                whole = _nearest(head, _MAPPINGS)
                meant = f"{whole}.{rest}" if whole else ""
            if not meant and not yielded.all_known:
                continue
            there = ", ".join(f"{{{one}}}" for one in known)
            yield (
                f"{place}: nothing fills in {{{name}}}"
                + (f"; did you mean {{{meant}}}?" if meant else ".")
                + f" There are {there}; a label that only the data knows is {{labels.{name}}}"
            )


def _nearest(name: str, known: Sequence[str]) -> str:
    """Return the one of `known` that `name` is probably a misspelling of, or nothing."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)), "")


def yielded_by(trigger: Trigger[..., Any]) -> Yielded:
    """Return the labels and details that the trigger's own file gives its readings."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[trigger.module]))
    except (OSError, TypeError, KeyError, SyntaxError):
        return Yielded(names=frozenset(trigger.by), all_known=False)
    source = _Source(tree)
    names = set(trigger.by)
    every: set[str | None] = set()
    for call in source.readings:
        for keyword in call.keywords:
            if keyword.arg is None:  # **fields, with whatever labels are among them
                every.add(None)
            elif keyword.arg in _MAPPINGS:
                every |= source.keys_of(keyword.value, 0)
    names |= {name for name in every if name is not None}
    plain = None not in every and source.yields_only_readings(trigger.name)
    return Yielded(names=frozenset(names), all_known=plain or bool(trigger.by))


class _Source:
    """A module's syntax tree, asked for the keys of the dictionaries in it."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions: dict[str, ast.AST] = {}
        self._values: dict[str, list[ast.expr]] = {}
        self._added: dict[str, set[str | None]] = {}
        self.readings: list[ast.Call] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._functions[node.name] = node
            elif isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    self._assigned(target, node.value)
            elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value is not None:
                self._assigned(node.target, node.value)

    def _call(self, call: ast.Call) -> None:
        if _called(call) == "Reading":
            self.readings.append(call)
        match call.func:
            case ast.Attribute(value=ast.Name(id=name), attr="update" | "setdefault"):
                self._added.setdefault(name, set()).add(None)
            case _:
                pass

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._values.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            self._added.setdefault(target.value.id, set()).add(_text(target.slice))

    def keys_of(self, value: ast.expr, depth: int) -> set[str | None]:
        """Return the keys of a dictionary; a None stands for keys that are not constants."""
        unreadable: set[str | None] = {None}
        keys: set[str | None] = set()
        if depth > 5:
            return unreadable
        match value:
            case ast.Dict():
                for key, inner in zip(value.keys, value.values, strict=True):
                    keys |= self.keys_of(inner, depth + 1) if key is None else {_text(key)}
            case ast.IfExp():
                keys = self.keys_of(value.body, depth + 1) | self.keys_of(value.orelse, depth + 1)
            case ast.BinOp(op=ast.BitOr()):
                keys = self.keys_of(value.left, depth + 1) | self.keys_of(value.right, depth + 1)
            case ast.Call(func=ast.Name(id="dict"), args=[]):
                for one in value.keywords:
                    keys |= {one.arg} if one.arg else self.keys_of(one.value, depth + 1)
            case ast.Constant(value=None):
                pass
            case ast.Name(id=name) if name in self._values:
                keys = set(self._added.get(name, ()))
                for given in self._values[name]:
                    keys |= self.keys_of(given, depth + 1)
            case _:
                return unreadable
        return keys

    def yields_only_readings(self, function: str) -> bool:
        """Return whether all that the function answers are readings made in this file."""
        node = self._functions.get(function)
        if node is None:
            return False
        answers = [
            one.value
            for one in ast.walk(node)
            if isinstance(one, ast.Yield | ast.YieldFrom | ast.Return) and one.value is not None
        ]
        return bool(answers) and all(self._is_ours(answer) for answer in answers)

    def _is_ours(self, answer: ast.expr) -> bool:
        calls = {_called(one) for one in ast.walk(answer) if isinstance(one, ast.Call)}
        return "Reading" in calls


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _text(value: ast.expr) -> str | None:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
