"""`sentinel status-page`: here and over HTTP with the same words."""

from __future__ import annotations

import json
from pathlib import Path

from sentinel.store import Store
from sentinel.store.services.status_pages import StatusPages
from tests.cli.shell import Run
from tests.cli.test_services import store

__all__ = ["store"]

FILE = """name: shop
title: Shop
components:
- service: checkout
"""


def test_a_page_is_applied_shown_given_a_token_and_removed(store: Store, run: Run, tmp_path: Path):
    def told(*arguments: str) -> str:
        code, out, err = run("status-page", *arguments)
        assert code == 0, err
        return out

    assert "There are no status pages." in told("list")
    file = tmp_path / "page.yaml"
    file.write_text(FILE)
    out = told("apply", str(file))
    assert "Saved the status page shop, version 1." in out
    assert "sentinel status-page token shop" in out
    assert told("show", "shop") == FILE
    token = json.loads(told("token", "shop", "--json"))["token"]
    assert "token" in told("list").split("\n")[1]
    (one,) = json.loads(told("list", "--json"))
    assert (one["has_token"], one["version"]) == (True, 1)
    assert token not in told("show", "shop", "--json")
    assert json.loads(told("show", "shop", "--json"))["definition"]["name"] == "shop"
    assert "Nobody subscribed to shop." in told("subscribers", "shop")
    assert json.loads(told("remove", "shop", "--json"))["definition"]["title"] == "Shop"
    code, _, err = run("status-page", "show", "shop")
    assert code != 0
    assert "there is no status page 'shop'" in err
    assert StatusPages(store).list() == []


def test_a_file_that_is_none_is_refused_by_its_field(store: Store, run: Run, tmp_path: Path):
    file = tmp_path / "page.yaml"
    file.write_text(FILE.replace("title", "titel"))
    code, _, err = run("status-page", "apply", str(file))
    assert code != 0
    assert "titel" in err
    code, _, err = run("status-page", "apply", str(tmp_path / "none.yaml"))
    assert code != 0
    assert "cannot be read" in err


def test_a_page_is_written_into_a_folder(store: Store, run: Run, tmp_path: Path):
    file = tmp_path / "page.yaml"
    file.write_text(FILE)
    run("status-page", "apply", str(file))
    code, _, err = run("status-page", "write", "shop", "--to", str(tmp_path / "out"))
    if code:  # over HTTP there is no database here
        assert "works on the machine of the server" in err
        return
    html = (tmp_path / "out/index.html").read_text()
    assert "<h1>Shop</h1>" in html
    assert 'href="shop/feed.atom"' in html
    assert (tmp_path / "out/shop/feed.atom").read_text().startswith("<?xml")
