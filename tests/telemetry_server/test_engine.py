"""What the engine refuses before chdb is asked."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sentinel.telemetry_server.engine import Engine, EngineLimits, StatementFailed
from sentinel.telemetry_server.statements import Asked


class Connection:
    """One of chdb, which answers nothing."""

    def query(self, sql: str, *_: object, **__: object) -> None:
        del sql

    def close(self) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    def connect(address: str) -> Connection:
        del address
        return Connection()

    monkeypatch.setitem(sys.modules, "chdb", SimpleNamespace(connect=connect))
    return Engine(tmp_path, EngineLimits(spare=1_000))


def asked(sql: str, data: bytes | None = None) -> Asked:
    return Asked(sql=sql, format="Arrow", data=data, database="", parameters={}, settings={})


def test_a_disk_that_is_nearly_full_takes_nothing_and_gives_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 1_100

    def usage(folder: object) -> SimpleNamespace:
        del folder
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    insert = "INSERT INTO logs"
    assert engine.run(asked(insert, b"x" * 100), read_only=False) == b""
    with pytest.raises(StatementFailed, match="nearly full: 0 MB are free") as failed:
        engine.run(asked(insert, b"x" * 101), read_only=False)
    assert failed.value.code == 243
    free = 999
    for sql in ("ALTER TABLE logs MODIFY SETTING a = 1", "\n create table t (n UInt8)"):
        with pytest.raises(StatementFailed):
            engine.run(asked(sql), read_only=False)
    for sql in ("SELECT 1", "DROP TABLE logs", "TRUNCATE TABLE logs"):
        assert engine.run(asked(sql), read_only=False) == b""
