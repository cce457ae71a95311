"""The compose files, as Docker Compose reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sentinel.up.services import SERVER
from tests.deployments.manifests import COMPOSE, ROOT, compose, unknown_settings

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="Docker Compose comes as a wheel for Linux"
)

SETS = {"team": ("compose.yaml",), "cluster": ("compose.yaml", "compose.cluster.yaml")}
OURS = ("prefect", "prefect-services", "telemetry", "prepare", "worker", "api", "dashboard")


@pytest.fixture(params=SETS)
def services(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The services of each set of files."""
    return compose(*SETS[request.param])["services"]


def test_every_process_has_a_container(services: dict[str, Any]):
    assert set(OURS) - {"prefect-services"} <= set(services)


def test_containers_of_ours_have_no_privilege_and_write_nowhere_but_in_their_folders(
    services: dict[str, Any],
):
    for name in set(OURS) & set(services):
        one = services[name]
        assert one["read_only"], name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert not one.get("privileged"), name


def test_ports_are_published_on_this_host_only(services: dict[str, Any]):
    published = [port for one in services.values() for port in one.get("ports", ())]
    assert published
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}


def test_prefects_server_has_the_settings_that_sentinel_up_gives_it(services: dict[str, Any]):
    for name in {"prefect", "prefect-services"} & set(services):
        given = services[name]["environment"]
        assert {key: given.get(key) for key in SERVER} == SERVER, name


def test_no_secret_stands_in_the_file_and_each_that_it_names_is_made(
    services: dict[str, Any], tmp_path: Path
):
    subprocess.run(["sh", ROOT / "deployments" / "make-secrets", tmp_path / "made"], check=True,
                   capture_output=True)  # fmt: skip
    made = {path.name for path in (tmp_path / "made").iterdir()}
    for name, one in services.items():
        given: dict[str, str] = one.get("environment") or {}
        mounted = {secret["target"] for secret in one.get("secrets", ())}
        named = {value for key, value in given.items() if key.endswith("_FILE")}
        assert named == mounted, name
        assert {Path(path).name for path in mounted} <= made, name
        plain = [key for key in given if key.endswith(("PASSWORD", "AUTH_STRING", "TOKEN", "KEY"))]
        assert not plain, name


def test_every_setting_is_one_that_sentinel_has(services: dict[str, Any]):
    assert not {
        name: unknown
        for name, one in services.items()
        if (unknown := unknown_settings(set(one.get("environment") or {})))
    }


def test_whatever_goes_on_running_is_probed(services: dict[str, Any]):
    probed = {name for name, one in services.items() if one.get("healthcheck", {}).get("test")}
    assert set(services) - probed <= {"prepare", "prefect-services"}


def test_the_second_database_is_made_by_an_empty_postgresql():
    volumes = compose("compose.yaml")["services"]["postgres"]["volumes"]
    (mounted,) = [one for one in volumes if one["type"] == "bind"]
    assert Path(mounted["source"]) == COMPOSE / "make-databases.sql"
    assert mounted["target"].startswith("/docker-entrypoint-initdb.d/")
