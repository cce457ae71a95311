"""The template of a new trigger: a file that works, and a test that passes."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import msgspec

from sentinel.checks.catalog import find
from sentinel.errors import ConfigurationError, Conflict, TriggerError

__all__ = ["Written", "write"]

_TRIGGER = '''"""Count the files that wait in a folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, above, trigger


@trigger(category="general", unit="files", when=above(100))
def {name}(
    ctx: Context,
    folder: str = ".",
    oldest_days: Annotated[float, Field(ge=0, le=3650)] = 0.0,
) -> Iterator[Reading]:
    """Count the files that wait in a folder.

    Args:
        ctx: the clock
        folder: the folder to count
        oldest_days: count only files of at least this age, in days

    Yields:
        The number of files; the label `folder` names the folder.
    """
    # The labels name the series: rule and labels together are the alert's identity.
    labels = {{"host": socket.gethostname(), "folder": folder}}
    before = ctx.now().timestamp() - oldest_days * 86_400
    try:
        ages = [file.stat().st_mtime for file in Path(folder).iterdir() if file.is_file()]
    except OSError:
        # The folder could not be read, which is neither healthy nor firing.
        ctx.unknown(labels)
        return
    # Yield healthy readings too: the rule judges the value, and only a good one resolves an alert.
    yield Reading(labels=labels, value=sum(age <= before for age in ages))
'''

_TEST = '''"""{name} reads a real folder."""

from __future__ import annotations

from pathlib import Path

from sentinel.checks.catalog import find

{name} = find("{name}")


def test_it_counts_the_waiting_files(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    (tmp_path / "two").touch()
    (reading,) = {name}.check(folder=str(tmp_path)).readings
    assert reading.labels["folder"] == str(tmp_path)
    assert reading.value == 2


def test_an_empty_folder_has_the_value_zero(tmp_path: Path) -> None:
    (reading,) = {name}.check(folder=str(tmp_path)).readings
    assert reading.value == 0


def test_a_missing_folder_is_unknown(tmp_path: Path) -> None:
    seen = {name}.check(folder=str(tmp_path / "gone"))
    assert seen.readings == []
    assert [labels["folder"] for labels in seen.not_seen] == [str(tmp_path / "gone")]
'''


class Written(msgspec.Struct, frozen=True):
    """The paths of the two files."""

    file: Path
    test: Path


def write(name: str, folder: Path, tests: Path) -> Written:
    """Write the trigger `name` and its test.

    Args:
        name: name of the function; both files are named after it
        folder: folder of the triggers
        tests: folder of their tests

    Returns:
        The paths of the two files.

    Raises:
        ConfigurationError: the name is invalid, or a folder cannot be written
        Conflict: a trigger or a file of this name exists
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,60}", name) or keyword.iskeyword(name):
        raise ConfigurationError(
            f"{name!r} is not a valid name",
            hint="Use lower-case letters, digits and _: queue_length.",
        )
    made = Written(folder / f"{name}.py", tests / f"test_{name}.py")
    there = [str(path) for path in (made.file, made.test) if path.exists()]
    if there or _exists(name):
        raise Conflict(
            f"there is a trigger {name!r} already" if not there else f"{there[0]} exists",
            hint="Choose another name.",
        )
    try:
        for path, text in ((made.file, _TRIGGER), (made.test, _TEST)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(name=name), "utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename} cannot be written: {error.strerror}",
            hint="Name other folders with --into and --tests.",
        ) from None
    return made


def _exists(name: str) -> bool:
    try:
        find(name)
    except TriggerError:
        return False
    return True
