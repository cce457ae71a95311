"""Run benchmarks: `python -m benchmarks [NAME …]`, or all of them."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.table import Row, Skipped, show, write

HERE = Path(__file__).parent
NOT_BENCHMARKS = {
    *("__init__", "__main__", "table", "api_process", "policy_events", "policy_peers"),
    *("scale_storm", "worker_server", "worker_sustained"),
    *("screen_earlier", "screen_pages", "screen_seed", "screen_sessions", "screen_sizes"),
    *("notify_alertmanager", "notify_pipeline", "noise_month", "noise_trial"),
    *("api_access", "api_bare", "api_clients", "api_history", "api_load", "api_seed"),
}


def main() -> None:
    """Measure, print one table, write benchmarks/results/NAME.json for each."""
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    names = parser.parse_args().names or known
    strange = [name for name in names if name not in known]
    if strange:
        parser.error(f"there is no benchmark {', '.join(strange)}: choose of {', '.join(known)}")
    rows: list[Row] = []
    console = Console(width=None if sys.stdout.isatty() else 140)
    for name in names:
        with console.status(f"measuring {name} …"):
            try:
                found: list[Row] = importlib.import_module(f"benchmarks.{name}").run()
            except Skipped as reason:
                console.print(f"Not measured: {reason}")
                continue
        write(name, found, HERE / "results")
        rows += found
    if rows:
        show(rows, console)


if __name__ == "__main__":
    main()
