"""`sentinel import sigma` deploys over HTTP, once for each id, within a tenant, on the record."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from sentinel.store.audit.queries import AuditFilter, page
from tests.api.on_prefect import deployments
from tests.api.served import TOKEN, served
from tests.cli.conftest import run  # noqa: F401 - a fixture  # pyright: ignore[reportUnusedImport]
from tests.cli.shell import Run
from tests.prefect_server import PrefectServer

ID = "06d71506-7beb-4f22-8888-e2e5e2ca7fd8"
RULE = f"""
title: A failed login
id: {ID}
logsource: {{product: linux}}
detection: {{sel: {{action: login.failed}}, condition: sel}}
"""
REFUSED = (
    RULE.replace(ID, ID[:-1] + "9")
    .replace("action:", "action|expand:")
    .replace("login.failed", "'%names%'")
)


@pytest.mark.prefect
def test_rules_of_sigma_are_deployed_over_http_and_changed_by_their_ids(
    desk: httpx.Client,
    on_prefect: FastAPI,
    prefect_server: PrefectServer,
    run: Run,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "bad.yml").write_text(REFUSED)
    file = tmp_path / "inner" / "good.yaml"
    file.parent.mkdir()
    file.write_text(RULE)
    ask = ("import", "sigma", str(tmp_path), "--name", "sigma-here", "--json")
    with served(on_prefect, lifespan="off") as url:
        monkeypatch.setenv("SENTINEL_URL", url)
        monkeypatch.setenv("SENTINEL_TOKEN", TOKEN)
        code, out, err = run(*ask, "--dry-run")
        assert code == 0, err
        answer = json.loads(out)
        assert [one["rule"] for one in answer["loaded"]] == [f"sigma-{ID}"]
        (refused,) = answer["refused"]
        assert refused["file"].endswith("bad.yml")
        assert "%names%" in refused["reason"]
        assert "sigma-here" not in deployments(prefect_server)
        try:
            assert "1 rule can be used, 1 cannot" in run(*ask[:-1])[1]
            file.write_text(RULE.replace("A failed login", "Renamed"))
            assert json.loads(run(*ask)[1])["rollout"]["changed"]
            assert json.loads(run(*ask)[1])["rollout"]["unchanged"]
            there = deployments(prefect_server)["sigma-here"]
            (policy,) = there["parameters"]["policies"]
            assert (policy["name"], policy["summary_template"]) == (f"sigma-{ID}", "Renamed")
        finally:
            there = deployments(prefect_server).get("sigma-here")
            if there:
                httpx.delete(f"{prefect_server.url}/deployments/{there['id']}").raise_for_status()
    kept = page(on_prefect.state.store, AuditFilter(actions=("rule.deployed",)))
    assert {one.door for one in kept.items if one.object_name == "sigma-here"} == {"api"}
