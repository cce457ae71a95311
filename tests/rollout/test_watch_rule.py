"""`sentinel watch`: a Prefect server that exists already, watched from another one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sentinel.cli import main
from sentinel.errors import ConfigurationError
from sentinel.rollout.watch_rule import api_of, name_of, secret_of
from sentinel.settings import settings
from sentinel.store import Store
from tests.prefect_server import ROOT, PrefectServer, on_postgres

LOGIN = "admin:let me in"
Run = Callable[..., tuple[int, str, str]]
ETL = """
from prefect import flow

@flow
def nightly(broken: bool = True):
    if broken:
        raise ValueError("the source has no rows")
"""


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://prefect.example:4200/api", "http://prefect.example:4200/api"),
        ("http://prefect.example:4200", "http://prefect.example:4200/api"),
        ("prefect.example:4200/", "http://prefect.example:4200/api"),
        ("https://prefect.example/dashboard?x=1", "https://prefect.example/api"),
        ("https://example.org/prefect/api/", "https://example.org/prefect/api"),
        (
            "https://api.prefect.cloud/api/accounts/1/workspaces/2",
            "https://api.prefect.cloud/api/accounts/1/workspaces/2",
        ),
    ],
)
def test_an_address_is_taken_however_it_is_given(given: str, address: str):
    assert api_of(given) == address


@pytest.mark.parametrize(
    "given", ["ftp://prefect.example", "http://", "http://a:b@prefect.example"]
)
def test_an_invalid_address_or_one_with_a_password_is_refused(given: str):
    with pytest.raises(ConfigurationError):
        api_of(given)


def test_names_follow_from_the_address():
    assert name_of("http://prefect.example:4200/api") == "prefect-prefect-example"
    assert name_of("http://10.0.0.7:4201/api") == "prefect-10-0-0-7-4201"
    assert secret_of("prefect-10.0.0.7") == "sentinel-prefect-10-0-0-7"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Generator[PrefectServer]:
    """Somebody's Prefect server, with a deployment of theirs."""
    folder = tmp_path_factory.mktemp("theirs")
    work = folder / "work"
    work.mkdir()
    (work / "etl.py").write_text(ETL)
    with on_postgres(
        postgres_url, lambda database: PrefectServer(folder, database, LOGIN)
    ) as server:
        server.pool("workers")
        server.deploy(
            work,
            {
                "name": "nightly",
                "entrypoint": "etl.py:nightly",
                "work_pool": {"name": "workers"},
            },
            cwd=work,
        )
        yield server


def started(server: PrefectServer, deployment: str, parameters: Mapping[str, Any]) -> str:
    """The id of a new run."""
    return str(server.api.run_deployment(deployment, parameters=parameters)["id"])


def run_theirs(theirs: PrefectServer, **parameters: Any) -> None:
    """One run of their deployment, as their worker would run it."""
    deployment = theirs.api.deployment_named("nightly", "nightly")
    run = started(theirs, deployment["id"], parameters)
    theirs.cli("flow-run", "execute", run, cwd=theirs.home)


@pytest.fixture
def sentinel(
    prefect_server: PrefectServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run `sentinel` beside our own Prefect server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTINEL_DATABASE_URL", f"sqlite:///{tmp_path / 'sentinel.db'}")
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)

    def run(*arguments: str) -> tuple[int, str, str]:
        settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["sentinel", *arguments])
        capsys.readouterr()
        code = main()
        out, err = capsys.readouterr()
        return code, out, err

    return run


def look_now(server: PrefectServer, told: Mapping[str, Any], folder: Path) -> None:
    """Run the rule once, as our worker would run it."""
    deployment = server.api.deployment(told["deployment_id"])
    run = started(server, deployment["id"], deployment["parameters"])
    done = server.cli(
        "flow-run", "execute", run, cwd=folder,
        SENTINEL_DATABASE_URL=f"sqlite:///{folder / 'sentinel.db'}",
        SENTINEL_HOME=str(folder / "home"),
    )  # fmt: skip
    state = server.api.flow_run(run)["state_type"]
    assert state == "COMPLETED", done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.prefect
def test_a_failure_on_another_server_becomes_an_alert(
    prefect_server: PrefectServer,
    theirs: PrefectServer,
    sentinel: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    assert sentinel("db", "migrate")[0] == 0

    # Without a key they do not let us in, which is said at once.
    code, _, err = sentinel("watch", theirs.url)
    assert (code, "does not let us in" in err) == (5, True)

    monkeypatch.setenv("SENTINEL_WATCH_KEY", LOGIN)
    code, out, err = sentinel("watch", theirs.url, "--name", "theirs", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["outcome"], told["deployments"]) == ("created", 1)

    run_theirs(theirs, broken=True)
    look_now(prefect_server, told, tmp_path)
    store = Store(f"sqlite:///{tmp_path / 'sentinel.db'}")
    alerts = {one.labels.get("deployment"): one for one in store.alerts.page(order="live").items}
    alert = alerts["nightly"]  # beside one about its pool, which has no worker
    assert alert.labels == {"flow": "nightly", "deployment": "nightly"}
    assert "the source has no rows" in alert.title
    assert alert.rule == "theirs"
    assert store.rules.get("theirs").source == "ui"

    run_theirs(theirs, broken=False)
    look_now(prefect_server, told, tmp_path)
    assert store.alerts.get(alert.id).status == "resolved"

    # Nothing was left there, and what lets us in is written nowhere but in the Secret block.
    assert [one["name"] for one in theirs.api.deployments()] == ["nightly"]
    assert theirs.api.automations() == []
    deployment = prefect_server.api.deployment(told["deployment_id"])
    assert deployment["parameters"]["api_key"] == "{secret:sentinel-theirs}"
    assert LOGIN not in json.dumps(deployment)
    assert LOGIN.encode() not in (tmp_path / "sentinel.db").read_bytes()
    assert prefect_server.api.secret("sentinel-theirs") == LOGIN

    # Again changes nothing; a file cannot take the rule over; stopping takes it away.
    assert json.loads(sentinel("watch", theirs.url, "--name", "theirs", "--json")[1])[
        "outcome"
    ] == ("unchanged")
    (tmp_path / "mine.yaml").write_text(
        (ROOT / "deployments/rules/prefect.yaml")
        .read_text()
        .replace("name: prefect-runs", "name: theirs")
    )
    code, out, _ = sentinel("deploy", "--file", "mine.yaml")
    assert (code, "by hand and not in a file" in out) == (1, True)
    assert sentinel("watch", theirs.url, "--name", "theirs", "--stop")[0] == 0
    assert told["deployment_id"] not in [one["id"] for one in prefect_server.api.deployments()]
    assert store.alerts.page(order="live").items == []  # the one about its pool went too
    store.close()


@pytest.mark.prefect
def test_our_own_server_is_watched_without_an_address_in_the_rule(
    prefect_server: PrefectServer, sentinel: Run
):
    code, out, err = sentinel("watch", prefect_server.url, "--name", "ours", "--json")
    assert code == 0, err
    deployment = prefect_server.api.deployment(json.loads(out)["deployment_id"])
    assert "api_url" not in deployment["parameters"]
    sentinel("watch", prefect_server.url, "--name", "ours", "--stop")


def test_a_server_that_does_not_answer_is_reported_at_once(
    prefect_server: PrefectServer, sentinel: Run
):
    code, _, err = sentinel("watch", "http://127.0.0.1:9/api")
    assert (code, "does not answer" in err) == (5, True)
    assert err.endswith(
        "Check the address. If the server requires a key, set SENTINEL_WATCH_KEY.\n"
    )


def test_stopping_a_watch_that_does_not_exist_is_an_error(
    prefect_server: PrefectServer, sentinel: Run
):
    code, _, err = sentinel("watch", "http://prefect.example/api", "--stop")
    assert (code, err.count("\n")) == (3, 1)
    assert "no rule 'prefect-prefect-example' that watches a server. Give the --name" in err
