"""The page about the command line. `make.py` calls it."""

from __future__ import annotations

import re
from typing import Any

from typer.main import get_command

from sentinel.cli.app import app
from sentinel.lint import deployment_file
from sentinel.timing import schedule


def page() -> str:
    """The page's text."""
    root: Any = get_command(app)
    lines = ["# The command line", ""]
    lines += [*_prose(root.help), "", "`--help` explains every command;"]
    lines += ["[Settings](settings.md) lists the variables of the environment.", ""]
    for path, command in _commands(root, "sentinel"):
        lines += [f"## `{path}`", ""]
        if not getattr(command, "commands", None):
            lines += ["```sh", " ".join([path, *_usage(command)]), "```", ""]
        lines += [*_prose(command.help), "", *_parameters(command)]
    lines += [
        "## `python -m sentinel.lint`",
        "",
        "```",
        deployment_file.HELP,
        "",
        deployment_file.EXAMPLES,
        "```",
        "",
    ]
    lines += ["## `python -m sentinel.timing.schedule NAME INTERVAL`", "", schedule.HELP, ""]
    lines += ["```sh", schedule.EXAMPLE, "```"]
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: Any, path: str) -> list[tuple[str, Any]]:
    """Every command below `group` by its whole name, groups before what is in them."""
    found: list[tuple[str, Any]] = []
    for name, command in group.commands.items():
        if command.hidden:
            continue
        found.append((f"{path} {name}", command))
        if getattr(command, "commands", None):
            found += _commands(command, f"{path} {name}")
    return found


def _usage(command: Any) -> list[str]:
    words: list[str] = []
    for one in command.params:
        if one.hidden or one.param_type_name != "argument":
            continue
        word = one.name.upper() + ("…" if one.nargs == -1 else "")
        words.append(word if one.required else f"[{word}]")
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    words += [f"{one.opts[0]} {one.name.upper()}" for one in options if one.required]
    return [*words, *(["[OPTIONS]"] if any(not one.required for one in options) else [])]


def _parameters(command: Any) -> list[str]:
    rows: list[str] = []
    for one in command.params:
        if one.hidden:
            continue
        if one.param_type_name == "argument":
            names = f"`{one.name.upper()}`"
        else:
            names = ", ".join(f"`{name}`" for name in [*one.opts, *one.secondary_opts])
        rows.append(
            f"| {names} | {_default(one)} | {(one.help or '').replace('|', chr(92) + '|')} |"
        )
    return ["| | default | |", "|---|---|---|", *rows, ""] if rows else []


def _default(one: Any) -> str:
    if one.required:
        return "required"
    if getattr(one, "is_flag", False):
        if not one.secondary_opts:
            return "off"
        return f"`{(one.opts if one.default else one.secondary_opts)[0]}`"
    if one.default in (None, "", [], ()):
        return "left out"
    return f"`{one.default}`"


def _prose(text: str | None) -> list[str]:
    """Help as Markdown: lines that are indented, or in a fence, are commands."""
    lines: list[str] = []
    fenced = inside = False
    for line in (text or "").strip().splitlines():
        if inside or line.startswith("```"):
            inside = inside != line.startswith("```")
            lines.append(line.rstrip())
            continue
        command = line.startswith("    ")
        if command and not fenced:
            if lines and lines[-1]:
                lines.append("")
            lines.append("```sh")
            fenced = True
        elif fenced and line.strip() and not command:
            while not lines[-1]:
                lines.pop()
            lines += ["```", ""]
            fenced = False
        lines.append(re.sub(r"^    ", "", line).rstrip())
    return [*lines, "```"] if fenced else lines
