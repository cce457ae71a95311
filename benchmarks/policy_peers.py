"""The policies of `benchmarks.policy_events` in the languages of other libraries.

Only what those policies use is translated. Case is left out only of `contains`.
"""

from __future__ import annotations

import importlib
import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = ["PEERS", "Peer"]

Ask = Callable[[dict[str, Any]], list[int]]
_SIGNS = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True)
class Peer:
    """A library, what makes the question of many policies, and of one simple condition."""

    slug: str
    name: str
    prepare: Callable[[Sequence[dict[str, Any]]], Ask]
    simple: Callable[[Mapping[str, Any]], Callable[[], object] | None]


def _library(name: str) -> Any:
    """A peer; most of them have no types."""
    return importlib.import_module(name)


@lru_cache(maxsize=10_000)
def _network(text: str) -> Any:
    return ipaddress.ip_network(text)


def _in_network(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in _network(network)


def _written(
    clause: Mapping[str, Any], leaf: Callable[[Mapping[str, Any]], str], words: tuple[str, str, str]
) -> str:
    """A clause in a language with infix logic; `words` are its and, or and not."""
    conjunction, disjunction, negation = words
    if "any" in clause:
        parts = [_written(one, leaf, words) for one in clause["any"]]
        return f"({f' {disjunction} '.join(parts)})"
    if "not" in clause:
        return f"({negation} {_written(clause['not'], leaf, words)})"
    if "rules" in clause:
        return f" {conjunction} ".join(_written(one, leaf, words) for one in clause["rules"])
    return f"({leaf(clause)})"


def _cel_leaf(rule: Mapping[str, Any]) -> str:
    path, operator, value = rule["field"], rule["operator"], rule["value"]
    written = json.dumps(float(value) if isinstance(value, int) and value is not True else value)
    match operator:
        case "in":
            return f"{path} in {written}"
        case "not_in":
            return f"!({path} in {written})"
        case "exists":
            return f"has(event.{path})"
        case "contains" if not rule["case_sensitive"]:
            return f"{path}.matches({json.dumps('(?i)' + re.escape(str(value)))})"
        case "contains":
            return f"{path}.contains({written})"
        case "startswith":
            return f"{path}.startsWith({written})"
        case "endswith":
            return f"{path}.endsWith({written})"
        case "regex":
            return f"{path}.matches({written})"
        case "cidr":
            return f"in_network({path}, {written})"
        case _:
            return f"{path} {_SIGNS[operator]} {written}"


def _cel_text(policy: Mapping[str, Any]) -> str:
    return _written(policy, _cel_leaf, ("&&", "||", "!"))


_SIMPLE_CEL = 'value > 90.0 && labels.mount != "/tmp"'


def _cel_python(given: Sequence[dict[str, Any]]) -> Ask:
    celpy, celtypes = _library("celpy"), _library("celpy.celtypes")

    def in_network(address: Any, network: Any) -> Any:
        return celtypes.BoolType(_in_network(str(address), str(network)))

    environment = celpy.Environment()
    programs = [
        environment.program(
            environment.compile(_cel_text(one)), functions={"in_network": in_network}
        )
        for one in given
    ]

    def ask(event: dict[str, Any]) -> list[int]:
        values: Any = celpy.json_to_cel(event)
        values["event"] = celpy.json_to_cel(event)
        return [n for n, program in enumerate(programs) if program.evaluate(values)]

    return ask


def _cel_python_simple(values: Mapping[str, Any]) -> Callable[[], object]:
    celpy = _library("celpy")

    environment = celpy.Environment()
    program = environment.program(environment.compile(_SIMPLE_CEL))
    known: Any = celpy.json_to_cel(dict(values))
    return lambda: bool(program.evaluate(known))


def _cel_rust(given: Sequence[dict[str, Any]]) -> Ask:
    cel = _library("cel")

    programs = [cel.compile(_cel_text(one)) for one in given]

    def ask(event: dict[str, Any]) -> list[int]:
        context = cel.Context({**event, "event": event}, functions={"in_network": _in_network})
        return [n for n, program in enumerate(programs) if program.execute(context)]

    return ask


def _cel_rust_simple(values: Mapping[str, Any]) -> Callable[[], object]:
    cel = _library("cel")

    program, context = cel.compile(_SIMPLE_CEL), cel.Context(dict(values))
    return lambda: program.execute(context)


def _cel_google_simple(values: Mapping[str, Any]) -> Callable[[], object]:
    cel = _library("cel_expr_python.cel")

    environment = cel.NewEnv(variables={"value": cel.Type.DOUBLE, "labels": cel.Type.DYN})
    expression = environment.compile(_SIMPLE_CEL)
    return lambda: expression.eval(data=dict(values)).value()


def _cel_google(given: Sequence[dict[str, Any]]) -> Ask:
    cel = _library("cel_expr_python.cel")

    from benchmarks.policy_events import FIELDS

    names = {path.partition(".")[0] for path in FIELDS} | {"event"}
    text = cel.Type.STRING
    overload = cel.Overload(
        "in_network_text", return_type=cel.Type.BOOL, parameters=[text, text], impl=_in_network
    )
    in_network = cel.FunctionDecl("in_network", [overload])
    environment = cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN), functions=[in_network])
    expressions = [environment.compile(_cel_text(one)) for one in given]

    def ask(event: dict[str, Any]) -> list[int]:
        activation = environment.Activation({**event, "event": event})
        return [n for n, one in enumerate(expressions) if one.eval(activation).value()]

    return ask


def _rule_engine_leaf(rule: Mapping[str, Any]) -> str:
    head, _, tail = rule["field"].partition(".")
    path = f'{head}["{tail}"]' if tail else head
    operator, value = rule["operator"], rule["value"]
    written = json.dumps(value)
    match operator:
        case "in":
            return f"{path} in {written}"
        case "not_in":
            return f"not ({path} in {written})"
        case "exists":
            return f"{path} != null"
        case "contains" if not rule["case_sensitive"]:
            return f"{json.dumps(value.lower())} in {path}.as_lower"
        case "contains":
            return f"{written} in {path}"
        case "startswith":
            return f"{path} =~ {json.dumps(re.escape(value) + '.*')}"
        case "endswith":
            return f"{path} =~~ {json.dumps(re.escape(value) + '$')}"
        case "regex":
            return f"{path} =~~ {written}"
        case "cidr":
            return f"$in_network({path}, {written})"
        case _:
            return f"{path} {_SIGNS[operator]} {written}"


def _rule_engine(given: Sequence[dict[str, Any]]) -> Ask:
    rule_engine = _library("rule_engine")

    builtins = rule_engine.builtins.Builtins.from_defaults({"in_network": _in_network})
    context = rule_engine.Context(default_value=None)
    context.builtins = builtins
    rules = [
        rule_engine.Rule(_written(one, _rule_engine_leaf, ("and", "or", "not")), context=context)
        for one in given
    ]

    def ask(event: dict[str, Any]) -> list[int]:
        return [n for n, rule in enumerate(rules) if rule.matches(event)]

    return ask


def _rule_engine_simple(values: Mapping[str, Any]) -> Callable[[], object]:
    rule_engine = _library("rule_engine")

    rule = rule_engine.Rule('value > 90 and labels["mount"] != "/tmp"')
    return lambda: rule.matches(values)


def _logic(clause: Mapping[str, Any]) -> dict[str, Any]:
    if "rules" in clause:
        return {"and": [_logic(one) for one in clause["rules"]]}
    if "any" in clause:
        return {"or": [_logic(one) for one in clause["any"]]}
    if "not" in clause:
        return {"!": [_logic(clause["not"])]}
    there, operator, value = {"var": clause["field"]}, clause["operator"], clause["value"]
    match operator:
        case "in" | "startswith" | "endswith" | "regex" | "cidr":
            return {operator: [there, value]}
        case "not_in":
            return {"!": [{"in": [there, value]}]}
        case "exists":
            return {"!=": [there, None]}
        case "contains" if not clause["case_sensitive"]:
            return {"icontains": [there, value]}
        case "contains":
            return {"in": [value, there]}
        case "eq" | "ne":
            return {"===" if operator == "eq" else "!==": [there, value]}
        case _:
            return {_SIGNS[operator]: [there, value]}


def _json_logic(given: Sequence[dict[str, Any]]) -> Ask:
    json_logic = _library("json_logic")

    own: dict[str, Callable[[str, str], bool]] = {
        "startswith": str.startswith,
        "endswith": str.endswith,
        "regex": lambda text, source: re.search(source, text) is not None,
        "icontains": lambda text, part: part.lower() in text.lower(),
        "cidr": _in_network,
    }
    for name, work in own.items():
        json_logic.add_operation(name, work)
    rules = [_logic(one) for one in given]

    def ask(event: dict[str, Any]) -> list[int]:
        return [n for n, rule in enumerate(rules) if json_logic.jsonLogic(rule, event)]

    return ask


def _json_logic_simple(values: Mapping[str, Any]) -> Callable[[], object]:
    json_logic = _library("json_logic")

    rule = {"and": [{">": [{"var": "value"}, 90]}, {"!=": [{"var": "labels.mount"}, "/tmp"]}]}
    return lambda: json_logic.jsonLogic(rule, values)


PEERS = (
    Peer("rule_engine", "rule-engine", _rule_engine, _rule_engine_simple),
    Peer("cel_python", "cel-python", _cel_python, _cel_python_simple),
    Peer("cel_rust", "common-expression-language (cel, Rust)", _cel_rust, _cel_rust_simple),
    Peer("cel_google", "cel-expr-python (cel, C++)", _cel_google, _cel_google_simple),
    Peer("json_logic", "json-logic-qubit", _json_logic, _json_logic_simple),
)
