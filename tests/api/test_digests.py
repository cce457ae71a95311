"""The digest of a team over HTTP and on the command line."""

from __future__ import annotations

import httpx

from sentinel.store import Store
from sentinel.store.oncall.documents import OnCallDocuments
from tests.api.served import Raised

URL = "/api/v1/alerts/oncall/digests"
ONCALL = """
people: {ada: {notify: [{receiver: default}]}}
teams: {db: {people: [ada], digest: {at: "00:00", days: mon, receivers: [default]}}}
"""


def test_the_digest_of_a_team_is_read_and_nothing_is_sent(
    client: httpx.Client, store: Store, raised: Raised
):
    assert client.get(f"{URL}/db").status_code == 404
    OnCallDocuments(store).apply(ONCALL, actor="ann")
    raised("/a", "/b", team="db", group_wait="0s")
    later = store.now().replace(year=store.now().year + 1)
    found = client.get(f"{URL}/db", params={"at": later.isoformat()}).json()
    assert (found["opened"], found["open_count"], found["team"]) == (0, 2, "db")
    assert "Still open:" in found["text"]
    assert client.get(f"{URL}/db", params={"at": "0001-01-01T00:00:00Z"}).status_code == 200
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM notice").scalar() == 0
