"""Requests of Schemathesis that cost tests little: the same ones, in a third of the time."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from hypothesis import core
from schemathesis.specs.openapi import converter

__all__ = ["makes_requests_cheaply"]

_SHORT = 300
"""Largest length that is written into a pattern: up to there it compiles in a millisecond."""


def makes_requests_cheaply(module: str) -> None:
    """From now on this process makes requests from the OpenAPI document without doing work twice.

    Schemathesis writes `maxLength` into the pattern beside it. Of `^[^\\x00]*$` with 20,000
    characters at most it makes `^[^\\x00]{0,20000}$`, which takes 0.13 s each time that it is
    compiled, and that is several times for each schema with such a field. Apart, the two say the
    same. Hypothesis reads, for its seed, the source of what it calls, which is the same function
    for all routes.

    Args:
        module: of the function that is called with requests, and of no parametrized test of its own
    """
    converter.update_pattern_in_schema = _short_alone(converter.update_pattern_in_schema)
    core.function_digest = _once(core.function_digest, module)  # pyright: ignore[reportPrivateImportUsage] - where it is looked up


def _short_alone(merge: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    def merged(schema: dict[str, Any]) -> None:
        if max(schema.get("minLength") or 0, schema.get("maxLength") or 0) <= _SHORT:
            merge(schema)

    return merged


def _once(digest: Callable[[Any], bytes], module: str) -> Callable[[Any], bytes]:
    known: dict[CodeType, bytes] = {}

    def digested(function: Any) -> bytes:
        # Elsewhere functions of one source may differ in more, as those of parametrized tests do.
        if getattr(function, "__module__", "") != module:
            return digest(function)
        code = function.__code__
        if code not in known:
            known[code] = digest(function)
        return known[code]

    return digested
