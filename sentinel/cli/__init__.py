"""The command line: `sentinel`.

Every command exits with one of `sentinel.cli.exit_codes`. Modules are imported when their command
runs, so that `sentinel --help` and `sentinel alert list` answer at once; none imports Prefect.
"""

from sentinel.cli.app import main

__all__ = ["main"]
