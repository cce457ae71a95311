"""Policies and events for `benchmarks.rules`: made from a published seed, the same every time.

Events are like those of an audit log: 50 fields, half of them nested, of every kind: words with
few values (an action, a country), many values (a user, an address), values that never come back
(a request's id, a message), numbers, booleans and a list. The policies use all fourteen
operators. Every hundredth event is made to match one policy; the others match none.
"""

from __future__ import annotations

import random
from typing import Any

__all__ = ["SEED", "events", "policies"]

SEED = 20_261_121
USERS, HOSTS = 20_000, 2000
ACTIONS = [f"{kind}.{verb}" for kind in ("user", "file", "role", "key", "job", "vm", "db", "net")
           for verb in ("create", "read", "update", "delete", "login", "export")]  # fmt: skip
COUNTRIES = ["DE", "FR", "US", "IN", "BR", "JP", "GB", "PL", "ES", "IT"]
WORDS = ["disk", "quota", "token", "session", "policy", "bucket", "volume", "shard", "queue",
         "lease", "replica", "backup", "index", "cache", "proxy", "route"]  # fmt: skip
FIELDS = (
    ["action", "country", "user", "host", "message", "request_id", "status", "duration_ms"]
    + [f"flag_{n}" for n in range(5)] + [f"word_{n}" for n in range(5)]
    + [f"count_{n}" for n in range(7)]
    + ["actor.name", "actor.ip", "actor.role", "actor.mfa", "resource.path", "resource.kind",
       "resource.size", "resource.tags", "geo.city", "geo.asn"]
    + [f"context.text_{n}" for n in range(5)] + [f"context.number_{n}" for n in range(5)]
    + ["client.agent", "client.version", "net.port", "net.protocol", "net.bytes"]
)  # fmt: skip
_TEXTS = [path for path in FIELDS if path.rpartition(".")[2].startswith(("text", "word"))]
_NUMBERS = [path for path in FIELDS if path.rpartition(".")[2].startswith(("count_", "number"))]


def _put(event: dict[str, Any], path: str, value: Any) -> None:
    head, _, tail = path.partition(".")
    if tail:
        event.setdefault(head, {})[tail] = value
    else:
        event[head] = value


def _event(dice: random.Random) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for path in FIELDS:
        name = path.rpartition(".")[2]
        match name:
            case "action":
                value: Any = dice.choice(ACTIONS)
            case "country":
                value = dice.choice(COUNTRIES)
            case "user" | "name":
                value = f"user-{dice.randrange(USERS)}"
            case "host":
                value = f"host-{dice.randrange(HOSTS)}.example.org"
            case "message":
                value = " ".join(dice.choices(WORDS, k=9)) + f" {dice.randrange(10**6)}"
            case "request_id":
                value = f"{dice.getrandbits(128):032x}"
            case "ip":
                value = f"172.16.{dice.randrange(256)}.{dice.randrange(256)}"
            case "path":
                value = f"/srv/{dice.choice(WORDS)}/{dice.randrange(500)}/{dice.choice(WORDS)}.log"
            case "tags":
                value = dice.sample(WORDS, 2)
            case "mfa":
                value = dice.random() < 0.9
            case _ if name.startswith("flag"):
                value = dice.random() < 0.5
            case _ if name.startswith(("word", "kind", "role", "city", "protocol", "agent")):
                value = dice.choice(WORDS)
            case _ if name.startswith("text"):
                value = f"{dice.choice(WORDS)}-{dice.randrange(1000)}"
            case "version":
                value = f"1.{dice.randrange(20)}.{dice.randrange(9)}"
            case _:
                value = round(dice.random() * 90, 3)
        _put(event, path, value)
    return event


def _condition(field: str, operator: str, value: Any, case: bool = True) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value, "case_sensitive": case}


def _rare(dice: random.Random, number: int) -> tuple[dict[str, Any], tuple[str, Any]]:
    """A condition that no ordinary event satisfies, and what to put where so that one does."""
    rare = f"{number:x}-{dice.getrandbits(24):06x}"
    text = dice.choice(_TEXTS)
    count = dice.choice(_NUMBERS)
    match number % 12:
        case 0:
            return _condition("user", "eq", f"root-{rare}"), ("user", f"root-{rare}")
        case 1:
            return _condition("host", "in", [f"a-{rare}", f"b-{rare}"]), ("host", f"b-{rare}")
        case 2:
            return _condition(text, "contains", f"evil{rare}"), (text, f"an evil{rare} one")
        case 3:
            return _condition("message", "contains", f"Panic {rare}", False), (
                "message", f"kernel pAnIc {rare} at boot")  # fmt: skip
        case 4:
            return _condition("resource.path", "startswith", f"/etc/{rare}/"), (
                "resource.path", f"/etc/{rare}/shadow")  # fmt: skip
        case 5:
            return _condition("resource.path", "endswith", f".{rare}"), (
                "resource.path", f"/srv/x.{rare}")  # fmt: skip
        case 6:
            return _condition("message", "regex", f"denied: (root|admin) {rare}\\b"), (
                "message", f"denied: admin {rare} today")  # fmt: skip
        case 7:
            a, b = 20 + number // 256 % 200, number % 256
            return _condition("actor.ip", "cidr", f"{a}.{b}.{number % 199}.0/24"), (
                "actor.ip", f"{a}.{b}.{number % 199}.7")  # fmt: skip
        case 8:
            return _condition(count, "gt", 100 + number), (count, 100.5 + number)
        case 9:
            return _condition(count, "lte", -number - 1.5), (count, -number - 1.75)
        case 10:
            return _condition("geo.asn", "gte", 1000 + number), ("geo.asn", 1000.5 + number)
        case _:
            return _condition(count, "lt", -1 - number), (count, -1.5 - number)


_EXTRA = (
    ("flag_0", "eq", True), ("country", "ne", "XX"), ("actor.role", "not_in", ["nobody"]),
    ("action", "exists", True), ("duration_ms", "lt", 89), ("country", "in", COUNTRIES[:6]),
    ("word_1", "contains", "a"), ("status", "gte", 1), ("resource.tags", "exists", True),
)  # fmt: skip


def policies(count: int) -> tuple[list[dict[str, Any]], list[list[tuple[str, Any]]]]:
    """The policies as JSON, and for each what must be put into an event so that it matches."""
    dice = random.Random(SEED)
    found: list[dict[str, Any]] = []
    keys: list[list[tuple[str, Any]]] = []
    for number in range(count):
        rare, key = _rare(dice, number)
        extra = [_condition(*one) for one in dice.sample(_EXTRA, dice.randint(0, 2))]
        rules: list[dict[str, Any]] = [*extra, rare]
        if number % 10 == 3:
            other, _ = _rare(dice, number)
            rules = [*extra, {"any": [rare, other]}]
        elif number % 10 == 7:
            rules.append({"not": _condition("country", "eq", "XX")})
        found.append({"name": f"policy-{number}", "rules": rules, "severity": "high"})
        keys.append([key, ("flag_0", True), ("duration_ms", 50.5), ("country", "DE"),
                     ("word_1", "cache"), ("status", 7.0)])  # fmt: skip
    return found, keys


def events(count: int, keys: list[list[tuple[str, Any]]]) -> list[dict[str, Any]]:
    """`count` events, every hundredth of which matches."""
    dice = random.Random(SEED + 1)
    found: list[dict[str, Any]] = []
    for number in range(count):
        event = _event(dice)
        if number % 100 == 0:
            for path, value in dice.choice(keys):
                _put(event, path, value)
        found.append(event)
    return found
