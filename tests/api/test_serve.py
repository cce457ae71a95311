"""Several processes that answer are started only with settings that they can use."""

from __future__ import annotations

import gc
import multiprocessing
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant

from sentinel.api import serve
from sentinel.settings import Settings
from tests.processes import die, ended
from tests.waiting import eventually


def test_an_address_that_cannot_be_opened_ends_the_parent_before_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    started = list[str]()

    def run(*_: Any, **__: Any) -> None:
        started.append("children")

    monkeypatch.setattr(uvicorn, "run", run)
    monkeypatch.setattr(
        serve,
        "settings",
        lambda: Settings(
            home=tmp_path,
            database_url=f"sqlite:///{tmp_path / 'a.db'}",
            prefect_ui_url="ftp://example.org",
            api_processes=2,
        ),
    )
    assert serve.main(relay=False) == 2
    assert started == []


def test_what_a_process_is_built_of_is_collected_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serve, "_log_to_stderr", lambda: None)
    monkeypatch.setattr(serve, "settings", Settings)
    monkeypatch.setattr(serve, "create_app", _empty)
    before = gc.get_freeze_count()
    try:
        app = serve.application_of_one()
        assert gc.get_freeze_count() > before
        assert not any(one is app for one in gc.get_objects())
    finally:
        gc.unfreeze()


def test_routes_are_built_before_anybody_asks(monkeypatch: pytest.MonkeyPatch):
    app, routes = FastAPI(), APIRouter()

    def alerts(limit: int = 50) -> int:
        return limit

    routes.add_api_route("/alerts", alerts)
    app.include_router(routes, prefix="/api")
    built = list[str]()

    def create(*_: Any, **__: Any) -> FastAPI:
        return app

    def noted(*, path: str, **given: Any) -> Dependant:
        built.append(path)
        return get_dependant(path=path, **given)

    monkeypatch.setattr("fastapi.routing.get_dependant", noted)
    monkeypatch.setattr(serve, "_log_to_stderr", lambda: None)
    monkeypatch.setattr(serve, "settings", Settings)
    monkeypatch.setattr(serve, "create_app", create)
    monkeypatch.setattr(serve, "_spare_collections", list[None])
    serve.application_of_one()
    assert built == ["/api/alerts"]


def _empty(*_: Any, **__: Any) -> FastAPI:
    return FastAPI()


def _one_that_answers(noted: str) -> None:
    with (
        patch.object(serve, "create_app", _empty),
        patch.object(serve, "settings", Settings),
    ):
        serve.application_of_one()
    Path(noted).write_text(str(psutil.Process().pid))
    time.sleep(600)


def _parent_that_is_killed(noted: str) -> None:
    multiprocessing.get_context("fork").Process(target=_one_that_answers, args=(noted,)).start()
    eventually(lambda: Path(noted).exists() and Path(noted).read_text(), "it has begun")
    die()


def test_one_of_several_ends_when_their_parent_is_killed(tmp_path: Path):
    noted = tmp_path / "pid"
    assert ended(_parent_that_is_killed, [str(noted)]) == [False]
    eventually(lambda: not _lives(int(noted.read_text())), "it has ended")


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
