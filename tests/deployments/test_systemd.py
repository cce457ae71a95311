"""The units of systemd, read by systemd's own check."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sentinel.up.services import SERVER
from tests.deployments.manifests import ROOT, unknown_settings

SYSTEMD = ROOT / "deployments" / "systemd"
VARIABLE = re.compile(r"^([A-Z_]+)=(.*)$", re.M)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_every_unit(tmp_path: Path):
    units = [*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.target")]
    assert len(units) == 8
    for unit in units:
        # It also looks for the programs, which are not installed here.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert (done.returncode, said) == (0, [])


def test_every_program_is_one_of_the_environment():
    for unit in SYSTEMD.glob("*.service"):
        (program,) = re.findall(r"^ExecStart=(\S+)", unit.read_text(), re.M)
        assert program in {
            f"/opt/sentinel/.venv/bin/{n}" for n in ("sentinel", "prefect", "python")
        }


def test_the_settings_are_made_once_with_new_secrets(tmp_path: Path):
    def make() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", SYSTEMD / "make-environment", "db.example.org", tmp_path / "etc"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = make()
    assert done.returncode == 0, done.stderr
    files = {path.name: dict(VARIABLE.findall(path.read_text())) for path in tmp_path.glob("etc/*")}
    own, prefect = files["environment"], files["prefect-environment"]
    assert not unknown_settings(set(own))
    assert {key: prefect.get(key) for key in SERVER} == SERVER
    assert prefect["PREFECT_SERVER_API_AUTH_STRING"] == own["PREFECT_API_AUTH_STRING"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("etc/*"))
    named = {
        line.rpartition("/")[2]
        for unit in SYSTEMD.glob("*.service")
        for line in re.findall(r"^EnvironmentFile=(\S+)", unit.read_text(), re.M)
    }
    assert named == set(files)

    again = make()
    assert again.returncode == 1
    assert "there already" in again.stderr
