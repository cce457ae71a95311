"""The models of the protocols, checked by spin."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.model.recorded import text_of_runs

__all__ = ["Model"]

HERE = Path(__file__).parent


class Model:
    """A model in Promela, and a folder for what spin writes."""

    def __init__(self, file: Path, folder: Path) -> None:
        self._file, self._folder = file, folder

    def errors(self, *words: str) -> str:
        """Return what spin finds wrong in any run; empty where nothing is.

        Args:
            words: defined for the preprocessor, such as a mutant's name

        Returns:
            The first violation of an assertion, an invalid end, or a run that never ends.
        """
        self._run("spin", *(f"-D{word}" for word in words), "-a", str(self._file))
        for made, asked in (("-DSAFETY", ()), ("-DNP", ("-l",))):
            self._run("gcc", "-O1", "-w", made, "-o", "pan", "pan.c")
            said = self._run("./pan", "-m100000", *asked)
            assert "errors: " in said, said
            assert "max search depth too small" not in said
            if "errors: 0" not in said:
                return said.strip().splitlines()[0]
        return ""

    def runs(self) -> str:
        """Return what `tests.model.recorded` records."""
        return text_of_runs(self._file)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Model:
    """Return the model that the module names; skips where spin or a C compiler is missing."""
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install spin gcc libc6-dev")
    name = request.module.MODEL  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any module
    return Model(HERE / f"{name}", tmp_path)
