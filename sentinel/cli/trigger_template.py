"""Writing a new trigger: a file that works, and a test of it that passes."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import msgspec

from sentinel.checks.catalog import find
from sentinel.errors import ConfigurationError, Conflict, TriggerError

__all__ = ["Written", "write"]

_TRIGGER = '''"""How many files wait in a folder: a check to begin with."""

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
    """How many files wait in a folder.

    Args:
        folder: the folder to count
        oldest_days: count only files that are at least so old
    """
    # Labels say which one this is: rule and labels together are the alert's identity.
    labels = {{"host": socket.gethostname(), "folder": folder}}
    before = ctx.now().timestamp() - oldest_days * 86_400
    try:
        ages = [file.stat().st_mtime for file in Path(folder).iterdir() if file.is_file()]
    except OSError:
        # It could not be seen, which is neither good nor bad.
        ctx.unknown(labels)
        return
    # Healthy or not: the rule judges the value, and only a good reading ends an alert.
    yield Reading(labels=labels, value=sum(age <= before for age in ages))
'''

_TEST = '''"""{name} looks at a real folder."""

from __future__ import annotations

from pathlib import Path

from sentinel.checks.catalog import find

{name} = find("{name}")


def test_it_counts_what_waits(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    (tmp_path / "two").touch()
    (reading,) = {name}.check(folder=str(tmp_path)).readings
    assert reading.labels["folder"] == str(tmp_path)
    assert reading.value == 2


def test_an_empty_folder_is_seen_to_be_good(tmp_path: Path) -> None:
    (reading,) = {name}.check(folder=str(tmp_path)).readings
    assert reading.value == 0


def test_a_folder_that_is_gone_is_unknown_and_not_good(tmp_path: Path) -> None:
    seen = {name}.check(folder=str(tmp_path / "gone"))
    assert seen.readings == []
    assert [labels["folder"] for labels in seen.not_seen] == [str(tmp_path / "gone")]
'''


class Written(msgspec.Struct, frozen=True):
    """Where the two files are."""

    file: Path
    test: Path


def write(name: str, folder: Path, tests: Path) -> Written:
    """Write the trigger `name` and its test.

    Args:
        name: of the function and of both files
        folder: where triggers are
        tests: where their tests are

    Raises:
        ConfigurationError: the name is no usable one, or a folder cannot be written
        Conflict: there is one already
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,60}", name) or keyword.iskeyword(name):
        raise ConfigurationError(
            f"{name!r} is no usable name", hint="Use small letters, digits and _: queue_length."
        )
    made = Written(folder / f"{name}.py", tests / f"test_{name}.py")
    there = [str(path) for path in (made.file, made.test) if path.exists()]
    if there or _exists(name):
        raise Conflict(
            f"there is a trigger {name!r} already" if not there else f"{there[0]} exists",
            hint="Take another name.",
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
