"""Workers on other machines: whether they live is their lease in the shared database."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from sentinel.up.setup import Setup
from sentinel.worker.run_ownership import Owner, owner_of
from tests.prefect_server import ROOT
from tests.worker.conftest import Bench, Worker

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


def test_runs_of_another_machines_worker_end_crashed_once_its_lease_has_run_out(bench: Bench):
    """And a rule hears that its check was lost with that machine."""
    gone = _on(bench, "host-b").ready()
    rule = bench.rule("far", trigger="cpu_usage", every="60s", errors={"after": 1})
    parameters = bench.http.get(f"/deployments/{rule}").json()["parameters"]
    bench.http.patch(
        f"/deployments/{rule}", json={"parameters": {**parameters, "seconds": 25}}
    ).raise_for_status()
    check, other = bench.slots(rule, [1])[0], _stuck(bench)
    bench.running(check)
    gone.kill()
    gone = _on(bench, "host-c").ready()
    runs = {"host-b": other, "host-c": _stuck(bench)}
    gone.kill()
    owners = {host: _owner(bench, run) for host, run in runs.items()}
    assert [owner.host for owner in owners.values()] == ["host-b", "host-c"]
    _run_out(bench, owners["host-b"])

    bench.worker().ready()
    ended = bench.ended(runs["host-b"])
    assert ended["state_name"] == "Crashed"
    assert "host-b" in ended["state"]["message"]
    assert bench.ended(check)["state_name"] == "Crashed"
    # The same look saw this one too, whose worker may live for all that anybody here knows.
    assert bench.run(runs["host-c"])["state_name"] == "Running"
    row = bench.eventually(
        lambda: next((one for one in bench.store.rules.list() if one.failures), None),
        "the rule is told",
    )
    assert row.name == "far"
    assert "host-b" in row.error

    _run_out(bench, owners["host-c"])
    assert bench.ended(runs["host-c"])["state_name"] == "Crashed"


def test_a_pool_of_type_process_is_served_with_a_note(bench: Bench):
    """As one that was made before there was this worker."""
    bench.pool += "-old"
    views = bench.http.get("/collections/views/aggregate-worker-metadata").json()
    template = views["prefect"]["process"]["default_base_job_configuration"]
    body = {"name": bench.pool, "type": "process", "base_job_template": template}
    bench.http.post("/work_pools/", json=body).raise_for_status()
    worker = bench.worker().ready()
    run = bench.ended(bench.start(bench.deploy("fine")))
    assert run["state_name"] == "Completed"
    assert bench.states(run["id"]) == ["Scheduled", "Pending", "Running", "Completed"]
    with Setup(bench.server.url) as setup:  # as `sentinel up` meets it
        assert not setup.ensure_pool(bench.pool)
        message = setup.oddity(bench.pool)
    assert "is of type process: a sentinel worker serves it all the same" in message
    assert "".join(worker.said().split()).count("".join(message.split())) == 1
    assert "Traceback" not in worker.said()


def _on(bench: Bench, host: str) -> Worker:
    """A worker that takes its machine for another one."""
    folder = bench.mark(host)
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"import socket\n\nsocket.gethostname = lambda: {host!r}\n"
    )
    return bench.worker(PYTHONPATH=f"{folder}{os.pathsep}{ROOT}", name=host)


def _stuck(bench: Bench) -> str:
    """A run that has begun and ends only with its worker; its id."""
    run = bench.start(bench.deploy("waits", parameters={"until": str(bench.mark("never"))}))
    bench.running(run)
    return run


def _owner(bench: Bench, run: str) -> Owner:
    owner = owner_of(bench.run(run))
    assert owner is not None
    return owner


def _run_out(bench: Bench, owner: Owner) -> None:
    """Let the lease of a worker be one that nobody has renewed in time."""
    assert bench.store.leases.holder(owner.lease) == str(owner)
    bench.store.leases.take(owner.lease, str(owner), timedelta(seconds=-1))
