"""A route that several applications include is each one's own, though it is worked out once."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from fastapi.testclient import TestClient

router = APIRouter()


@router.get("/sum")
def add(a: int, b: int) -> int:
    return a + b


def keyed(x_key: Annotated[str, Header()] = "") -> None:
    if x_key != "right":
        raise HTTPException(403)


def asked(app: FastAPI, path: str, **headers: str) -> Any:
    with TestClient(app) as client:
        return client.get(path, params={"a": 1, "b": 2}, headers=headers)


def test_each_application_has_the_route_at_its_own_path_and_behind_its_own_dependency():
    open_to_all, guarded, guarded_again = FastAPI(), FastAPI(), FastAPI()
    open_to_all.include_router(router, prefix="/open")
    guarded.include_router(router, prefix="/guarded", dependencies=[Depends(keyed)])
    guarded_again.include_router(router, prefix="/guarded", dependencies=[Depends(keyed)])
    assert asked(open_to_all, "/open/sum").json() == 3
    assert asked(open_to_all, "/guarded/sum").status_code == 404
    for app in (guarded, guarded_again):
        assert asked(app, "/guarded/sum").status_code == 403
        assert asked(app, "/guarded/sum", **{"X-Key": "right"}).json() == 3
        assert asked(app, "/open/sum").status_code == 404
        assert [*app.openapi()["paths"]] == ["/guarded/sum"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_route_that_knows_its_application_stays_its_own(number: int):
    app, own = FastAPI(), APIRouter()

    def says() -> int:
        return number

    own.add_api_route("/number", says)
    app.include_router(own)
    assert asked(app, "/number").json() == number
