"""Write docs/reference/settings.md and rules.md from the code: `python docs/reference/make.py`.

A test keeps the pages true: it makes them again and compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentinel.condition import When
from sentinel.rule import ErrorHandling, Rule
from sentinel.settings import Settings

HERE = Path(__file__).parent


def pages() -> dict[str, str]:
    """The text of each page, by its file's name."""
    return {"settings.md": _settings(), "rules.md": _rules()}


def _settings() -> str:
    lines = [
        "# Settings",
        "",
        "Environment variables, or lines of a `.env` file in the folder where Sentinel starts.",
        "Credentials of outside systems are never settings: they live in Prefect blocks.",
        "",
    ]
    for name, field in sorted(Settings.model_fields.items()):
        default = field.get_default(call_default_factory=True)
        shown = _shown(Settings.model_construct(**{name: default}), name)
        lines += [f"## `SENTINEL_{name.upper()}`", "", field.description or "", ""]
        lines += [f"Default: {shown}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _rules() -> str:
    lines = [
        "# Rules",
        "",
        "The fields of a deployment's `rule:` parameter. Lengths of time are written `30s`, `5m`,",
        "`1h30m`, `7d`, or as seconds. Severities are `critical`, `high`, `medium`, `low`, `info`;",
        "`emergency` means critical, `warning` means medium, and the word given is given back.",
        "",
    ]
    lines += _fields(Rule)
    lines += ["# `when`", "", "Exactly one of above, below, outside, equals or levels.", ""]
    lines += _fields(When)
    lines += ["# `errors`", "", "What a check that fails means.", ""]
    lines += _fields(ErrorHandling)
    return "\n".join(lines).rstrip() + "\n"


def _fields(model: type[Any]) -> list[str]:
    lines: list[str] = []
    for name, field in model.model_fields.items():
        lines += [f"## `{field.alias or name}`", "", field.description or "", ""]
        if field.is_required():
            lines += ["Required.", ""]
            continue
        default = field.get_default(call_default_factory=True)
        lines += [f"Default: {_shown(model.model_construct(**{name: default}), name)}.", ""]
    return lines


def _shown(model: Any, name: str) -> str:
    value = model.model_dump(mode="json", warnings=False, include={name}).get(name)
    if value is None or value == "" or value == [] or value == {}:
        return "none" if value is None else "empty"
    return f"`{value}`"


if __name__ == "__main__":
    for file, text in pages().items():
        (HERE / file).write_text(text)
