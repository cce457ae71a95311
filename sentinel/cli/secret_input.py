"""Secrets that a person gives to a command: never on its command line."""

from __future__ import annotations

import sys

import typer

__all__ = ["secret_of"]


def secret_of(what: str, given: str, option: str, variable: str) -> str:
    """Return a secret that a person gave.

    Args:
        what: the secret, as the prompt names it
        given: the value of the option; `-` reads a line of standard input
        option: the option that carries it
        variable: the environment variable that carries it

    Returns:
        `given`, else a line of standard input if that is no terminal, else the answer to a prompt

    Raises:
        ConfigurationError: nothing was given, and there is no terminal to prompt on
    """
    from sentinel.errors import ConfigurationError

    if given and given != "-":
        return given
    if given == "-" or not sys.stdin.isatty():
        if line := sys.stdin.readline().strip():
            return line
        where = "standard input has no line for it" if given else "there is no terminal to ask on"
        raise ConfigurationError(
            f"{option} is missing ({what.lower() if what[1].islower() else what}), and {where}",
            hint=f"Set {variable}, or write {option} - and send it to standard input.",
        )
    return str(typer.prompt(what, hide_input=True))
