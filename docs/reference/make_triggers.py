"""The page about writing triggers. `make.py` calls it; its examples are judged as it is made."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import yaml

import sentinel.rules.condition
from sentinel.checks.context import Context
from sentinel.checks.observation import Observation
from sentinel.checks.reading import MAX_TEXT, Reading
from sentinel.checks.trigger import trigger
from sentinel.labels.text import MAX_LABELS, MAX_NAME
from sentinel.rules.condition import When, judge

TOP = """\
# Triggers

The names that a check needs, all imported from `sentinel`.
[Write a check](../how-to/write-a-trigger.md) is the introduction.

A trigger is a function with `@trigger` above it, in a file of `triggers/` that has its name. It
yields a reading for everything it checks, healthy or not. It may return a list or a pandas
DataFrame instead, and may be `async`.

```python
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sentinel import Reading, above, trigger


@trigger(category="general", unit="files", when=above(100, clear=80))
def files_waiting(
    folder: str = "/tmp",
    at_most: Annotated[int, Field(ge=1)] = 10_000,
) -> Iterator[Reading]:
    \"\"\"How many files wait in a folder.

    Args:
        folder: where to look
        at_most: stop counting here
    \"\"\"
    count = sum(1 for _ in Path(folder).iterdir())
    yield Reading(labels={"folder": folder}, value=min(count, at_most))
```

The parameters become the form in the Prefect UI: types, bounds, defaults, and `Args:` as help. A
parameter cannot be called `rule`, and `*args` and `**kwargs` are refused: no form can show them.
A package provides its own triggers with an entry point in the group `sentinel.triggers`.
"""

READING = f"""\
A reading has `value` or `firing`, or both. These are refused, with an error that names the field:
neither of them; a value that is no finite number; `at` without a timezone; more than
{MAX_LABELS} labels; a name or text of a label longer than {MAX_NAME} characters; a summary
longer than {MAX_TEXT:,}. Numbers in labels become text.

```python
from datetime import UTC, datetime

from sentinel import Reading, trigger


@trigger(category="general")
def backups() -> list[Reading]:
    \"\"\"Two readings that leave the verdict to the check.\"\"\"
    now = datetime.now(UTC)
    return [
        Reading(labels={{"job": "nightly"}}, firing=False, at=now),
        Reading(
            labels={{"job": "weekly"}},
            firing=True,
            severity="high",
            summary="The weekly backup is nine days old",
            details={{"last": "2026-01-01"}},
        ),
    ]
```
"""

CONTEXT = """\
A trigger that needs it has it as first parameter: `ctx: Context`. It is not part of the form.

```python
from collections.abc import Iterator
from pathlib import Path

from sentinel import Context, Reading, above, trigger


@trigger(category="system", unit="lines", when=above(0))
def errors_in_log(ctx: Context, file: str = "app.log") -> Iterator[Reading]:
    \"\"\"New lines with ERROR in a log file.

    Args:
        file: the log
    \"\"\"
    path = Path(file)
    if not path.is_file():
        ctx.unknown({"file": file})  # no recovery: what was firing keeps firing
        return
    lines = path.read_text().splitlines()
    new = lines[ctx.state.get("read", 0) :]
    ctx.state["read"] = len(lines)
    yield Reading(labels={"file": file}, value=sum("ERROR" in line for line in new))
```
"""

CONDITIONS = """\
A condition says which values fire. It is the trigger's `when=`, in Python; a rule's `when:` in
YAML has the same form and takes precedence. A value on the threshold is OK, except for `equals`.

`clear` adds hysteresis: a series that fires stays firing until its value has passed `clear`, which
lies on the **OK** side of the threshold. It matters only for a series that fires already.
"""

CHECK = """\
`files_waiting.check(folder="/var")` runs the check once, without server or database: for a
test, or to try it. It does not judge, and if the check raises, so does `check`. It returns:
"""

GOOD_SIDE = {
    "above": "`clear` lies below the threshold.",
    "below": "`clear` lies above the threshold.",
    "outside": (
        "`clear` is a distance, not a value: how far inside the bounds the value must come back, "
        "at most half of the distance between them."
    ),
    "equals": "There is no `clear`: a value equals or it does not.",
    "expression": (
        "It may use `value`, `unit`, `labels` and `details`, as in `labels.mount != '/tmp'`. "
        "There is no `clear`. In Python it comes from `sentinel.rules.condition`."
    ),
    "levels": (
        "`clear` lies on the OK side of the mildest level: below it, or above it with "
        '`"below"`. Between the two, a series that fires keeps the mildest severity.'
    ),
}

EXAMPLES: dict[str, list[tuple[str, list[float]]]] = {
    "above": [("above(90, clear=80)", [80, 85, 90, 91])],
    "below": [("below(10, clear=15)", [9, 10, 12, 15])],
    "outside": [("outside(10, 20, clear=2)", [9, 10, 11, 12, 18, 19, 20, 21])],
    "equals": [("equals(0)", [0, 1])],
    "levels": [
        ("levels(high=80, critical=95, clear=70)", [70, 75, 80, 81, 96]),
        ('levels("below", warning=20, critical=5, clear=25)', [4, 19, 20, 22, 25]),
    ],
    "expression": [("expression('value > 90 and value != 95')", [90, 91, 95])],
}

REFUSED = [
    "above(90, clear=95)",
    "below(10, clear=5)",
    "outside(10, 20, clear=6)",
    "levels(high=80, clear=85)",
    "levels(high=95, critical=80)",
    "levels()",
    "outside(20, 10)",
]


def page() -> str:
    """The page's text."""
    said = _section(inspect.getdoc(trigger), "Args")
    del said["function"]
    lines = [TOP, "## `@trigger(…)`", ""]
    defaults = {p.name: p.default for p in inspect.signature(trigger).parameters.values()}
    rows = [(f"`{name}`", f"`{defaults[name]!r}`", text) for name, text in said.items()]
    lines += _table(("argument", "default", ""), rows)
    lines += [
        "If `when` is `None`, the rule must have one, or each reading must have `firing`. Without"
    ]
    lines += ["arguments it is written `@trigger`.", ""]
    lines += ["## `Reading(…)`", "", *_table(("field", "default", ""), _of_reading()), READING]
    lines += ["## `ctx: Context`", "", *_table(("", ""), _of_context()), CONTEXT]
    lines += ["## Conditions", "", CONDITIONS]
    if set(EXAMPLES) != set(When.model_fields) - {"clear", "direction"}:
        raise SystemExit("give every condition of `When` an example here, and no other")
    for kind, examples in EXAMPLES.items():
        lines += _condition(kind, examples)
    lines += ["### What is refused", "", "When the file is loaded, or by `prefect deploy`:", ""]
    lines += _table(("", "because"), [(f"`{code}`", _refusal(code)) for code in REFUSED])
    lines += ["## `check(…)`", "", CHECK]
    seen = _section(inspect.getdoc(Observation), "Attributes")
    lines += _table(("", ""), [(f"`{name}`", text) for name, text in seen.items()])
    return "\n".join(lines).rstrip() + "\n"


def _of_reading() -> list[tuple[str, ...]]:
    said = _section(inspect.getdoc(Reading), "Args")
    rows: list[tuple[str, ...]] = []
    for field in msgspec.structs.fields(Reading):
        default: Any = field.default
        if default is msgspec.NODEFAULT:
            default = field.default_factory() if callable(field.default_factory) else "required"
        rows.append((f"`{field.name}`", f"`{default!r}`", said[field.name]))
    return rows


def _of_context() -> list[tuple[str, ...]]:
    rows = [
        (f"`ctx.{name}`", text)
        for name, text in _section(inspect.getdoc(Context), "Attributes").items()
    ]
    for name, method in inspect.getmembers(Context, inspect.isfunction):
        if not name.startswith("_"):
            taken = ", ".join(list(inspect.signature(method).parameters)[1:])
            rows.append((f"`ctx.{name}({taken})`", _first(method)))
    return rows


def _condition(kind: str, examples: list[tuple[str, list[float]]]) -> list[str]:
    lines = [
        f"### `{kind}`",
        "",
        f"{_first(getattr(sentinel.rules.condition, kind))} {GOOD_SIDE[kind]}",
        "",
    ]
    for code, values in examples:
        when = _made(code)
        written = _plain(when.model_dump(mode="json", exclude_defaults=True))
        text = yaml.safe_dump(written, default_flow_style=True, sort_keys=False, width=200).strip()
        lines += [f"`when={code}` in a trigger is `when: {text}` in a rule.", ""]
        rows = [
            (f"{value:g}", _verdict(when, value, firing=False), _verdict(when, value, firing=True))
            for value in values
        ]
        lines += _table(("value", "not firing yet", "firing already"), rows)
    return lines


def _plain(value: Any) -> Any:
    """The same with whole numbers as people write them."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _made(code: str) -> When:
    return eval(code, dict(vars(sentinel.rules.condition)))  # noqa: S307 - the examples above, ours


def _refusal(code: str) -> str:
    try:
        _made(code)
    except ValueError as error:
        errors: Any = getattr(error, "errors", list)()
        return str(errors[0]["msg"] if errors else error).removeprefix("Value error, ")
    raise SystemExit(f"{code} is not refused")


def _verdict(when: When, value: float, *, firing: bool) -> str:
    verdict = judge(when, value, firing=firing)
    return f"**firing**{', ' + verdict.word if verdict.word else ''}" if verdict.bad else "OK"


def _first(thing: object) -> str:
    """The first sentence or paragraph of its docstring, as one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _section(doc: str | None, title: str) -> dict[str, str]:
    """The entries of a Google-style section, by name."""
    entries: dict[str, str] = {}
    name = ""
    inside = False
    for line in (doc or "").splitlines():
        if line.strip() and not line.startswith(" "):
            inside = line.strip() == f"{title}:"
        elif inside and line.startswith("    ") and not line.startswith("     "):
            names, _, text = line.strip().partition(": ")
            name = names
            entries[name] = text
        elif inside and line.strip():
            entries[name] += f" {line.strip()}"
    return entries


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines
    ] + [""]
