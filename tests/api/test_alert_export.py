"""Alerts as CSV over HTTP: all that match and may be seen, and nothing that a spreadsheet runs."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile

import httpx
import pytest

from sentinel.access import Role
from sentinel.alerts.exported import ALERT_COLUMNS
from sentinel.api import alert_export
from sentinel.client import AsyncClient, Client, exports
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.served import TOKEN, Raised

URL, WORKBOOK = "/api/v1/alerts/alerts.csv", "/api/v1/alerts/alerts.xlsx"


def rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(text.removeprefix("\ufeff").splitlines()))


def test_all_that_match_are_exported_however_many(client: httpx.Client, raised: Raised):
    raised(*(f"/data/{number}" for number in range(501)))
    raised("/home", name="another")
    answer = client.get(URL)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="alerts-2')
    found = rows(answer.content.decode())
    assert tuple(found[0]) == ALERT_COLUMNS
    assert len({one["id"] for one in found}) == 502
    (one,) = rows(client.get(URL, params={"rule": "another", "status": "open"}).content.decode())
    assert (one["rule"], one["labels"]) == ("another", '{"mount":"/home"}')
    assert one["opened_at"].endswith("+00:00")
    assert rows(client.get(URL, params={"q": "nothing-such"}).content.decode()) == []


def test_a_text_that_a_spreadsheet_would_run_is_guarded(client: httpx.Client):
    title = '=HYPERLINK("http://example.com")'
    made = client.post("/api/alerts", json={"alert_name": "sheet", "title": title})
    assert made.status_code == 201, made.text
    (one,) = rows(client.get(URL).content.decode())
    assert one["title"] == f"'{title}"


def test_a_file_has_only_what_the_caller_may_see(
    client: httpx.Client, store: Store, raised: Raised
):
    raised("/red", name="of-red", tenant="red", team="db")
    raised("/web", name="of-web", tenant="red", team="web")
    raised("/blue", name="of-blue", tenant="blue")
    for teams, seen in ((None, {"of-red", "of-web"}), (["db"], {"of-red"})):
        key = Keys(store).create(
            f"key-{len(seen)}", Role.VIEWER, actor="ada", tenants=["red"], teams=teams
        )
        headers = {"Authorization": f"Bearer {key.secret.text}"}
        found = rows(client.get(URL, headers=headers).content.decode())
        assert {one["rule"] for one in found} == seen
        foreign = client.get(URL, headers=headers, params={"tenant": "blue"})
        assert rows(foreign.content.decode()) == []


def sheet(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return book.read("xl/worksheets/sheet1.xml").decode()


def test_a_workbook_has_the_same_rows_and_no_formula(
    client: httpx.Client, store: Store, raised: Raised
):
    raised(*(f"/data/{number}" for number in range(3)), name="of-red", tenant="red")
    client.post("/api/alerts", json={"alert_name": "sheet", "title": '=HYPERLINK("x")'})
    answer = client.get(WORKBOOK)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    cells = sheet(answer.content)
    assert (cells.count("<row "), "<f>" in cells) == (5, False)
    assert "=HYPERLINK(" in cells
    assert "opened_at (UTC)" in cells
    narrowed = sheet(client.get(WORKBOOK, params={"rule": "of-red"}).content)
    assert narrowed.count("<row ") == 4
    key = Keys(store).create("of-blue", Role.VIEWER, actor="ada", tenants=["blue"])
    headers = {"Authorization": f"Bearer {key.secret.text}"}
    assert sheet(client.get(WORKBOOK, headers=headers).content).count("<row ") == 1  # the head


def test_a_workbook_is_bounded_and_written_one_at_a_time(
    client: httpx.Client, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    raised("/data", "/home")
    monkeypatch.setattr(alert_export, "MOST_IN_WORKBOOK", 1)
    refused = client.get(WORKBOOK)
    assert (refused.status_code, "takes 1 alerts" in refused.text) == (422, True)
    monkeypatch.setattr(alert_export, "MOST_IN_WORKBOOK", 2)
    with alert_export._writing:  # pyright: ignore[reportPrivateUsage] - another one is written
        assert client.get(WORKBOOK).status_code == 503
        assert client.get(URL).status_code == 200
    assert client.get(WORKBOOK).status_code == 200


def test_a_wrong_question_is_answered_before_a_file_begins(client: httpx.Client):
    assert client.get(URL, params={"q": "(a"}).status_code == 422
    assert client.get(URL, params={"status": "gone"}).status_code == 422
    assert client.get(URL, params={"colour": "red"}).status_code == 422


def test_either_client_downloads_a_file(url: str, raised: Raised, clock: FakeClock):
    raised("/data", "/home")
    with Client(url, TOKEN) as client:
        text = b"".join(client.download(exports.alerts(since=clock.now(), rule="disk")))
        assert len(rows(text.decode())) == 2
        assert sheet(b"".join(client.download(exports.alerts(kind="xlsx")))).count("<row ") == 3
        with pytest.raises(ConfigurationError, match="parenthesis"):
            list(client.download(exports.alerts(q="(a")))

    async def downloaded() -> bytes:
        async with AsyncClient(url, TOKEN) as client:
            return b"".join([part async for part in client.download(exports.alerts())])

    assert len(rows(asyncio.run(downloaded()).decode())) == 2
