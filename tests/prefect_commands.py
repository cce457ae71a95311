"""Commands of Prefect in one process: importing Prefect takes longer than most of them do.

    python -m tests.prefect_commands <<< '[["deploy", "--all"], ["version"]]'

prints a list of each one's exit code and what it printed.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout


def _typed(arguments: list[str]) -> tuple[int, str]:
    from prefect.cli import app

    printed = io.StringIO()
    sys.argv = ["prefect", *arguments]
    code = 0
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            app()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return code, printed.getvalue()


if __name__ == "__main__":
    answers = [_typed(arguments) for arguments in json.load(sys.stdin)]
    print(json.dumps(answers))
