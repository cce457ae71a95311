"""Message templates: `{field}` and `{labels.mount}` in plain text, and nothing that can act.

Names that do not exist stay as they are written, so that a typing error is seen, not hidden.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

__all__ = ["MAX_TEXT", "number", "placeholders", "render"]

MAX_TEXT = 4000
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.\-/]{0,99})\}")


def render(template: str, fields: Mapping[str, Any]) -> str:
    """`template` with every `{name}` or `{name.part}` that `fields` has filled in.

    At most `MAX_TEXT` characters come back; what was cut ends with an ellipsis.
    """
    if "{" in template:
        template = _FIELD.sub(lambda match: _filled(match, fields), template)
    return template if len(template) <= MAX_TEXT else template[: MAX_TEXT - 1] + "…"


def placeholders(template: str) -> list[str]:
    """The names that `template` asks for, in their order, each once."""
    return list(dict.fromkeys(_FIELD.findall(template)))


def _filled(match: re.Match[str], fields: Mapping[str, Any]) -> str:
    name = match.group(1)
    value: Any = fields
    rest = name
    while rest:
        if not isinstance(value, Mapping):
            return match.group(0)
        mapping = cast("Mapping[str, Any]", value)
        if rest in mapping:  # a key may itself have dots in it
            value, rest = mapping[rest], ""
            continue
        head, dot, tail = rest.partition(".")
        if not dot or head not in mapping:
            return match.group(0)
        value, rest = mapping[head], tail
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return number(value)


def number(value: float) -> str:
    """`value` for people: at most six significant digits, no exponent where avoidable."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value)}"
    return f"{value:.6g}"
