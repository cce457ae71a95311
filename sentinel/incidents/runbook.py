"""Runbooks: Markdown whose lists are steps, of which some run a Prefect deployment. Pure.

A step is an item of a numbered list, or of a list of tasks (`- [ ] …`), at the outermost level. One
whose first line has a link to `prefect:FLOW/DEPLOYMENT` runs it; the link's query holds parameters:

```markdown
1. Look at the [board](https://grafana.example.org/checkout).
2. [Restart the workers](prefect:restart/prod?service={service}&count=2)
```
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import msgspec

from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["MOST_STEPS", "Step", "steps_of"]

MOST_STEPS = 100
_MOST_PARAMETERS = 100
_SCHEME = "prefect:"
_TASK = re.compile(r"\[[ xX]\]\s+")
_NAME = re.compile(r"[^/?#]{1,200}/[^/?#]{1,200}")
_LONGEST_TITLE = 300


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a runbook.

    Attributes:
        number: its place, from 1
        title: its first line as plain text
        text: what else it says, in Markdown; empty for nothing
        deployment: what it runs, as flow/deployment; empty for a step that a person does
        parameters: of that run; texts may hold `{incident_id}`, `{title}`, `{severity}`,
            `{service}`, `{team}`, `{tenant}` and each label of the incident
    """

    number: int
    title: str
    text: str = ""
    deployment: str = ""
    parameters: dict[str, Any] = {}


def steps_of(markdown: str) -> list[Step]:
    """Return the steps of a runbook, in their order.

    Args:
        markdown: of the runbook

    Returns:
        The steps; none where it has no list of steps.

    Raises:
        ConfigurationError: a link of a step names no deployment, a step names two, there are too
            many steps or parameters, or a character that no database keeps
    """
    if "\0" in markdown:  # YAML may write it as an escape; no database keeps it
        raise ConfigurationError("the runbook has a NUL character", hint="Remove it.")
    if not markdown.strip():
        return []
    lines = markdown.splitlines()
    found: list[Step] = []
    for first, rest in _items(_parser().parse(markdown)):
        number = len(found) + 1
        if number > MOST_STEPS:
            raise ConfigurationError(f"a runbook has at most {MOST_STEPS} steps")
        deployment, parameters = _run_of(first.children or [], number)
        title = _TASK.sub("", _plain(first.children or []), count=1)[:_LONGEST_TITLE]
        found.append(
            Step(
                number=number, title=title or f"Step {number}", deployment=deployment,
                parameters=parameters, text=_dedented(lines[rest[0] : rest[1]]),
            )
        )  # fmt: skip
    return found


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # most processes read no runbook

    return MarkdownIt("commonmark")


def _items(tokens: Sequence[Token]) -> Iterator[tuple[Token, tuple[int, int]]]:
    """Yield the first line of each step, and from which line to which the rest of it is."""
    numbered = False
    end = 0
    waits = False
    for token in tokens:
        if token.level == 0 and token.type in ("ordered_list_open", "bullet_list_open"):
            numbered = token.type == "ordered_list_open"
        elif token.level == 1 and token.type == "list_item_open" and token.map is not None:
            end, waits = token.map[1], True
        elif token.level == 1 and token.type == "list_item_close":
            waits = False  # an item without a line is no step
        elif waits and token.type == "inline" and token.map is not None:
            waits = False
            if numbered or _TASK.match(token.content):
                yield token, (token.map[1], end)


def _plain(children: Sequence[Token]) -> str:
    words = (" " if one.type in ("softbreak", "hardbreak") else one.content for one in children)
    return "".join(words).strip()


def _dedented(lines: Sequence[str]) -> str:
    kept = [line for line in lines if line.strip()]
    least = min((len(line) - len(line.lstrip()) for line in kept), default=0)
    return "\n".join(line[least:] for line in lines).strip()


def _run_of(children: Sequence[Token], number: int) -> tuple[str, dict[str, Any]]:
    """Return the deployment that a step runs, and its parameters; an empty name for none."""
    links = [str(one.attrGet("href") or "") for one in children if one.type == "link_open"]
    mine = [one for one in links if one.lower().startswith(_SCHEME)]
    if not mine:
        return "", {}
    if len(mine) > 1:
        raise ConfigurationError(
            f"step {number} of the runbook names two deployments",
            hint="Make two steps of it, so that the outcome of each is seen.",
        )
    name, _, query = mine[0][len(_SCHEME) :].partition("?")
    deployment = unquote(name)
    if not _NAME.fullmatch(deployment):
        raise ConfigurationError(
            f"step {number} of the runbook names no deployment: {deployment[:100]!r}",
            hint="Write [Restart](prefect:FLOW/DEPLOYMENT), with %20 for a blank.",
        )
    try:
        given = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise ConfigurationError(
            f"step {number} of the runbook has over {_MOST_PARAMETERS} parameters"
        ) from None
    parameters = {key: _value(text) for key, text in given}
    # No database keeps this character, and the alert that opens the incident would be refused.
    if "%00" in mine[0] or "\\u0000" in json.dumps(parameters):
        raise ConfigurationError(f"step {number} of the runbook has a NUL character in its link")
    return deployment, parameters


def _value(text: str) -> Any:
    """Return a parameter: JSON that every database and Prefect take, else the text."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # half a surrogate pair too
    except (ValueError, RecursionError):
        return text
    return value
