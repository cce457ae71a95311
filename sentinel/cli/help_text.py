"""The help of commands: their docstrings, as a terminal of 80 columns shows them."""

from __future__ import annotations

import inspect
import re

import typer

__all__ = ["WIDTH", "set_help"]

WIDTH = 76
"""Characters of a line of an example: 80 columns without the margins around it."""
_EXAMPLES = re.compile(r"Examples?:")
_INDENT = "    "
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


def set_help(group: typer.Typer) -> None:
    """Set the help of every command of `group`, and of the groups in it."""
    for command in group.registered_commands:
        # One that is made for each of several types has no docstring, but a help of its own.
        command.help = _help(inspect.getdoc(command.callback) or command.help or "")
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            set_help(inner.typer_instance)


def _help(doc: str) -> str:
    """Return a docstring without its section `Raises`, which is for readers of the code."""
    return "\n".join(_lines(doc.partition("\nRaises:\n")[0].rstrip()))


def _lines(doc: str) -> list[str]:
    """Return the lines, with the examples in a fence: Markdown would join them to one paragraph."""
    lines: list[str] = []
    fenced = False
    for line in doc.splitlines():
        if _EXAMPLES.fullmatch(line):
            lines += [line, "", "```sh"]
            fenced = True
        elif not fenced:
            lines.append(line)
        elif line.startswith(_INDENT):
            lines += _broken(line.strip())
        elif line:
            lines += ["```", "", line]
            fenced = False
    return [*lines, "```"] if fenced else lines


def _broken(command: str) -> list[str]:
    """Return a command as lines of at most `WIDTH` characters, which a shell reads as one."""
    lines: list[str] = []
    indent = ""
    while len(indent) + len(command) > WIDTH:
        room = WIDTH - len(" \\") - len(indent)
        # An option and its value stay together.
        cuts = [at for at in _spaces(command) if at <= room and command[at + 1] == "-"]
        cuts = cuts or [at for at in _spaces(command) if at <= room]
        if not cuts:
            break
        if _ASSIGNMENT.match(command):  # the command that it is for stays whole
            cuts = cuts[:1]
        lines.append(f"{indent}{command[: cuts[-1]]} \\")
        command, indent = command[cuts[-1] + 1 :], _INDENT
    return [*lines, f"{indent}{command}"]


def _spaces(text: str) -> list[int]:
    """Return the positions of spaces that no quotes enclose."""
    quote = ""
    found: list[int] = []
    for at, letter in enumerate(text):
        if letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
        elif letter == " " and not quote:
            found.append(at)
    return found
