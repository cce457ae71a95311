"""`sentinel rule promtool-tests`: files of `promtool test rules` as backtests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.prometheus_imports import Version, version_of
from sentinel.errors import ConfigurationError
from sentinel.printable import counted

if TYPE_CHECKING:
    from sentinel.backtest.promtool.running import Failure, TestResult
    from sentinel.ingest.reported import Reported

__all__ = ["promtool_tests"]


def promtool_tests(
    files: Annotated[
        list[Path],
        typer.Argument(help="Files for promtool test rules.", show_default=False),
    ],
    version: Version = 2,
    json: AsJson = False,
) -> None:
    """Run files of promtool test rules as backtests of the rules that an import makes.

    The series of a file go through the check promql and the lifecycle of alerts, on a simulated
    clock, into a temporary database; nothing is stored and no server is asked. Which alerts fire
    with which labels and annotations is compared with what the file expects, and so are results
    of expressions.

    Exits with 1 if a test fails.

    Examples:
        sentinel rule promtool-tests tests.yml

        sentinel rule promtool-tests alerts_test.yml --prometheus 3 --json

    Raises:
        ConfigurationError: a file, a rule or a series cannot be used
        Exit: with 1 if a test fails
    """
    of = version_of(version)
    results: dict[str, list[TestResult]] = {}
    for file in files:
        found, left_out = _run(file, of)
        results[str(file)] = found
        if not json:
            _say(file, found, left_out)
    if json:
        import msgspec

        json_out({name: msgspec.to_builtins(found) for name, found in results.items()})
    if any(one.failures for found in results.values() for one in found):
        raise typer.Exit(Exit.FAILED)


def _run(file: Path, version: int) -> tuple[list[TestResult], list[Reported]]:
    from sentinel.backtest.promtool.files import read_test_file
    from sentinel.backtest.promtool.running import outcomes
    from sentinel.ingest.prometheus_rules.files import read_groups

    given = read_test_file(_text(file), str(file))
    left_out: list[Reported] = []
    groups = read_groups(_rules(file, given.rule_files), left_out)
    return list(outcomes(given, groups, version_of(version))), left_out


def _rules(file: Path, patterns: Sequence[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for pattern in patterns:
        whole = Path(pattern) if Path(pattern).is_absolute() else file.parent / pattern
        root = Path(whole.anchor) if whole.is_absolute() else Path()
        matched = sorted(root.glob(str(whole.relative_to(root)))) if whole.parts else []
        for one in matched:
            texts[str(one)] = _text(one)
    return texts


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from None


def _say(file: Path, found: Sequence[TestResult], left_out: Sequence[Reported]) -> None:
    for one in left_out:
        say(f"{one.file}:{one.line}: {one.title or 'a rule'} is left out: {one.reason}")
    for test in found:
        for failure in test.failures:
            say(f"{file}: test {test.name}: {_words(failure)}")
    failed = sum(1 for one in found if one.failures)
    checked = sum(one.checked for one in found)
    say(
        f"{file}: {len(found) - failed} of {len(found)} tests hold, "
        f"{counted(checked, 'point')} checked."
    )


def _words(failure: Failure) -> str:
    from sentinel.duration import format_duration

    where = f"{failure.about} at {format_duration(failure.at)}"
    if failure.error:
        return f"{where}: {failure.error}"
    lines = [f"  expected {one}" for one in failure.expected] or ["  expected nothing"]
    lines += [f"  got {one}" for one in failure.got] or ["  got nothing"]
    return "\n".join([f"{where}:", *lines])
