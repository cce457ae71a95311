"""Help that teaches: every command has an example, every exit code is exit_code_list once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from sentinel.cli.app import app
from sentinel.cli.exit_codes import MEANING, Exit, exit_code_list, exit_code_of
from sentinel.errors import (
    ConfigurationError,
    Conflict,
    DatabaseUnreachable,
    DeliveryError,
    NotFound,
    PrefectUnreachable,
    SentinelError,
)
from tests.cli.shell import Run
from tests.databases import both_databases
from tests.prefect_server import ROOT
from tests.world import World

# They take nothing that an example could show.
_PLAIN = {"down", "status", "doctor", "api", "public-pages", "relay", "dashboard"}
# They run until they are stopped, or print what a shell or a file takes.
_OTHER_OUTPUT = {
    "up", "prepare", "worker", "api", "public-pages", "relay", "dashboard", "env", "agent run",
    "rule export", "rule diff", "audit export", "requests export",
    "requests export-usage",
}  # fmt: skip


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


ALL = dict(commands(typer.main.get_command(app)))


def test_every_command_has_an_example_of_itself() -> None:
    for name in sorted(set(ALL) - _PLAIN):
        help_ = ALL[name].help or ""
        assert "Example" in help_, name
        assert f"sentinel {name}" in help_


def test_every_command_with_an_answer_prints_json_too() -> None:
    for name in sorted(set(ALL) - _OTHER_OUTPUT):
        assert any("--json" in parameter.opts for parameter in ALL[name].params), name


def test_every_option_has_a_help_text() -> None:
    for name in sorted(ALL):
        for parameter in ALL[name].params:
            helps = getattr(parameter, "help", "") or parameter.name == "help"
            assert helps, f"{name}: {parameter.name}"


def test_the_help_explains_every_exit_code(run: Run) -> None:
    _, out, _ = run("--help")
    assert set(MEANING) == set(Exit)
    for code in Exit:
        assert f"{code.value} " in out


def test_the_reference_has_the_same_exit_codes() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert exit_code_list() in page


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound, 3), (Conflict, 4), (DatabaseUnreachable, 5), (PrefectUnreachable, 5),
        (ConfigurationError, 2), (DeliveryError, 1), (SentinelError, 1),
    ],
)  # fmt: skip
def test_each_kind_of_error_has_its_code(error: type[SentinelError], code: int) -> None:
    assert exit_code_of(error("x")) == code


def completed(words: str) -> set[str]:
    """What bash is offered after these words."""
    done = subprocess.run(
        [Path(sys.executable).with_name("sentinel")],
        env={
            **os.environ,
            "_SENTINEL_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - (not words.endswith(" "))),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.slow
def test_the_shell_completes_commands(run: Run) -> None:
    assert completed("sentinel alert una") == {"unack"}
    assert {"suppress", "resolve", "show"} <= completed("sentinel alert ")


@both_databases
@pytest.mark.slow
def test_the_shell_completes_names_from_the_database(run: Run, world: World) -> None:
    assert completed("sentinel rule show di") == {"disk"}
    assert completed("sentinel receiver remove d") == {"default"}


def test_where_nothing_runs_the_shell_is_offered_nothing_and_no_error(run: Run) -> None:
    assert completed("sentinel rule show ") == set()


def test_the_help_is_for_people_and_not_for_readers_of_the_code() -> None:
    for name in sorted(ALL):
        assert ALL[name].help, name
        assert "Raises:" not in ALL[name].help, name
