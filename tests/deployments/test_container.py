"""The image: what is installed, what is copied, and how a secret reaches a process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "deployments" / "container"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the tools are wheels for Linux")


def pinned(path: Path) -> dict[str, str]:
    """The version of each package of a file of requirements, and its hashes."""
    found = re.findall(r"^([a-z0-9._-]+)==(.+?)\n(?=\S|\Z)", path.read_text("utf-8"), re.M | re.S)
    return dict(found)


def test_the_image_has_the_versions_and_hashes_of_the_lock():
    locked, image = pinned(ROOT / "requirements.lock"), pinned(CONTAINER / "requirements.txt")
    assert {"prefect", "streamlit", "prefect-redis", "chdb-core", "hvac"} <= set(image)

    def essence(text: str) -> list[str]:
        return [text.split()[0], *sorted(re.findall(r"sha256:\w+", text))]

    different = {name for name in image if essence(image[name]) != essence(locked[name])}
    assert not different


def test_the_image_has_no_tool_of_development():
    image = pinned(CONTAINER / "requirements.txt")
    assert not {"pytest", "ruff", "pyright", "playwright", "hypothesis"} & set(image)


def test_what_the_image_copies_is_there_and_is_sent_to_the_builder():
    sent = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied: set[str] = set()
    for line in (CONTAINER / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            copied.update(word for word in line.split()[1:-1] if not word.startswith("--"))
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert name.split("/")[0] in sent, name


@linux_only
def test_hadolint_finds_nothing_in_the_dockerfile():
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", CONTAINER / "Dockerfile"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_the_entrypoint_reads_the_secrets_that_prefect_reads_from_no_file(tmp_path: Path):
    secret = tmp_path / "login"
    secret.write_text("sentinel:a b$c'd\n")
    done = subprocess.run(
        [CONTAINER / "entrypoint", "sh", "-c", 'printf "%s|%s" "$PREFECT_API_AUTH_STRING" '
         '"${PREFECT_API_AUTH_STRING_FILE-none}"'],
        env={"PATH": "/usr/bin:/bin", "PREFECT_API_AUTH_STRING_FILE": str(secret)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "sentinel:a b$c'd|none"


def test_the_entrypoint_starts_nothing_without_the_secret_that_is_named(tmp_path: Path):
    done = subprocess.run(
        [CONTAINER / "entrypoint", "echo", "started"],
        env={"PATH": "/usr/bin:/bin", "PREFECT_API_AUTH_STRING_FILE": str(tmp_path / "none")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "started" not in done.stdout
    assert "none" in done.stderr


def test_secrets_are_made_once_and_are_closed_to_others(tmp_path: Path):
    folder = tmp_path / "secrets"

    def make() -> dict[str, str]:
        subprocess.run(["sh", ROOT / "deployments" / "make-secrets", folder], check=True,
                       capture_output=True)  # fmt: skip
        return {path.name: path.read_text() for path in folder.iterdir()}

    made = make()
    assert folder.stat().st_mode & 0o077 == 0
    assert len({text for text in made.values() if "@" not in text}) == 6
    assert made["postgres-password"] in made["database-url"]
    assert made["postgres-password"] in made["prefect-database-url"]
    assert made["telemetry-read-password"] in made["telemetry-read-url"]
    assert make() == made
