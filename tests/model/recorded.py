"""Runs of the models as they are recorded beside them, so that the store follows them without spin.

After a change of a model: `python -m tests.model.recorded`.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

__all__ = ["SEEDS", "Step", "recorded", "text_of_runs"]

HERE = Path(__file__).parent
SEEDS = range(1, 25)
_LINE = re.compile(r"STEP (\w+) (\d+) \| ([\d ]+)")


class Step(NamedTuple):
    """What a model printed about one step: its name, who made it, and the state after it."""

    name: str
    who: int
    state: tuple[int, ...]


def text_of_runs(model: Path) -> str:
    """Return the steps of one run for each seed, as spin chooses them.

    Args:
        model: in Promela

    Returns:
        A heading for each run, and a line for each step.
    """
    runs: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            command = ["spin", f"-n{seed}", "-T", "-u5000", str(model)]
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=60, check=True
            )
            steps = [line.strip() for line in done.stdout.splitlines() if _LINE.match(line.strip())]
            runs.append("\n".join([f"RUN {seed}", *steps]))
    return "\n".join(runs) + "\n"


def recorded(model: str, seed: int) -> list[Step]:
    """Return the recorded steps of the run of one seed.

    Args:
        model: name of its file, without the ending
        seed: one of `SEEDS`

    Returns:
        The steps in their order.
    """
    runs = (HERE / f"{model}_runs.txt").read_text("utf-8").split("RUN ")
    (run,) = (one for one in runs if one.startswith(f"{seed}\n"))
    return [
        Step(name, int(who), tuple(map(int, state.split())))
        for name, who, state in _LINE.findall(run)
    ]


if __name__ == "__main__":
    for each in sorted(HERE.glob("*.pml")):
        (HERE / f"{each.stem}_runs.txt").write_text(text_of_runs(each), "utf-8")
