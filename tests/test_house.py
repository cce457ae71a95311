"""The rooms stay rooms: few files at the root, and none that is too long to read at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST = 400
MOST_AT_THE_ROOT = 12


def sources() -> list[Path]:
    """The files of code that the repository holds, without what others have written."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "*.py", "*.js", "*.css"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = [ROOT / name for name in found.stdout.splitlines()]
    return [path for path in paths if not {"vendor", "static"} & set(path.parts) and path.exists()]


def test_the_root_of_sentinel_holds_only_what_everyone_shares():
    files = [path.name for path in sources() if path.parent == ROOT / "sentinel"]
    assert 0 < len(files) <= MOST_AT_THE_ROOT, files


def test_no_file_is_too_long():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST
    }
    assert not long
