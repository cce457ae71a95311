"""Any secret may be given as a file, whose name is in `SENTINEL_<NAME>_FILE`."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from sentinel.errors import ConfigurationError
from sentinel.settings import Settings

SECRETS = [
    name for name, field in Settings.model_fields.items() if field.annotation is SecretStr
] + ["database_url"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in SECRETS:
        monkeypatch.delenv(f"SENTINEL_{name.upper()}", raising=False)


def value(settings: Settings, name: str) -> str:
    found: object = getattr(settings, name)
    return found.get_secret_value() if isinstance(found, SecretStr) else str(found)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_read_from_its_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "secret"
    file.write_text("from-the-file\n")
    monkeypatch.setenv(f"SENTINEL_{name.upper()}_FILE", str(file))
    assert value(Settings(), name) == "from-the-file"


def test_dot_env_may_name_the_file(tmp_path: Path):
    (tmp_path / "secret").write_text("from-the-file")
    (tmp_path / ".env").write_text(f"SENTINEL_API_TOKEN_FILE={tmp_path / 'secret'}\n")
    assert value(Settings(), "api_token") == "from-the-file"


def test_the_variable_itself_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "secret").write_text("from-the-file")
    monkeypatch.setenv("SENTINEL_API_TOKEN_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("SENTINEL_API_TOKEN", "from-the-variable")
    assert value(Settings(), "api_token") == "from-the-variable"
    monkeypatch.setenv("SENTINEL_API_TOKEN", "")
    assert value(Settings(), "api_token") == "from-the-file"


@pytest.mark.parametrize(
    ("content", "says"), [(None, "cannot be read"), (b"\n", "is empty"), (b"\xff", "no text")]
)
def test_a_file_without_a_secret_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, says: str
):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SENTINEL_API_TOKEN_FILE", str(file))
    with pytest.raises(ConfigurationError, match=f"SENTINEL_API_TOKEN_FILE names .*{says}"):
        Settings()


def test_what_is_no_secret_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "host").write_text("0.0.0.0")
    monkeypatch.setenv("SENTINEL_HOST_FILE", str(tmp_path / "host"))
    assert Settings().host == "127.0.0.1"
