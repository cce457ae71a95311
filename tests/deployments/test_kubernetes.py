"""The Kubernetes manifests: rendered by kubectl, checked against Kubernetes' own schemas."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sentinel.up.services import SERVER
from tests.deployments.manifests import KUBERNETES, ROOT, rendered, unknown_settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kubectl is a wheel for Linux")

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the secrets that its reader is told to make."""
    folder = tmp_path_factory.mktemp("deployments") / "kubernetes"
    shutil.copytree(KUBERNETES, folder, ignore=shutil.ignore_patterns("secrets"))
    made = folder / "team" / "secrets"
    subprocess.run(["sh", ROOT / "deployments" / "make-secrets", made], check=True,
                   capture_output=True)  # fmt: skip
    return folder


@pytest.fixture(params=["team", "cluster"])
def objects(request: pytest.FixtureRequest, copied: Path) -> Objects:
    """The objects of each overlay."""
    return rendered(copied / request.param)


def workloads(objects: Objects) -> Objects:
    """What makes pods."""
    return [one for one in objects if one["kind"] in ("Deployment", "StatefulSet", "Job")]


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    """The pod that a workload makes."""
    return workload["spec"]["template"]["spec"]


def container(workload: dict[str, Any]) -> dict[str, Any]:
    """Its only container."""
    (only,) = pod(workload)["containers"]
    return only


def test_kubernetes_would_take_every_object(objects: Objects):
    # Imported here: it is a wheel that is installed on Linux alone.
    validate = import_module("kubernetes_validate").validate
    for one in objects:
        validate(one, "1.37.0", strict=True)
    assert {one["metadata"].get("namespace") for one in objects} == {"sentinel"}


def test_every_process_is_there(objects: Objects):
    found = {one["metadata"]["name"] for one in workloads(objects)}
    assert {"prefect", "telemetry", "prepare", "worker", "api", "relay", "dashboard"} <= found


def test_no_pod_runs_as_root_or_may_become_more(objects: Objects):
    for one in workloads(objects):
        name = one["metadata"]["name"]
        assert pod(one)["securityContext"]["runAsNonRoot"], name
        assert pod(one)["automountServiceAccountToken"] is False, name
        assert pod(one)["enableServiceLinks"] is False, name
        own = container(one)["securityContext"]
        assert own["allowPrivilegeEscalation"] is False, name
        assert own["capabilities"] == {"drop": ["ALL"]}, name
        assert own.get("readOnlyRootFilesystem") or name == "postgres", name
        assert {"requests", "limits"} <= set(container(one)["resources"]), name


def test_probes_ask_ports_that_the_container_names(objects: Objects):
    without: set[str] = set()
    for one in workloads(objects):
        own = container(one)
        ports = {port["name"] for port in own.get("ports", ())}
        probes = [own[kind] for kind in own if kind.endswith("Probe")]
        if not probes:
            without.add(one["metadata"]["name"])
        for probe in probes:
            asked = probe.get("httpGet") or probe.get("tcpSocket")
            assert asked is None or asked["port"] in ports, one["metadata"]["name"]
    assert without <= {"prepare", "relay", "prefect-services"}


def test_services_budgets_policies_and_the_autoscaler_point_at_pods(objects: Objects):
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in workloads(objects)]
    for one in objects:
        spec = one.get("spec", {})
        selector: dict[str, str] = {}
        if one["kind"] == "Service":
            selector = spec["selector"]
        elif one["kind"] == "PodDisruptionBudget":
            selector = spec["selector"]["matchLabels"]
        elif one["kind"] == "NetworkPolicy":
            selector = spec["podSelector"].get("matchLabels", {})
        assert any(selector.items() <= labels.items() for labels in pods), one["metadata"]
        if one["kind"] == "HorizontalPodAutoscaler":
            assert spec["scaleTargetRef"]["name"] == "worker"


def test_whatever_runs_twice_loses_one_pod_at_a_time(objects: Objects):
    bounded = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]
        for one in objects
        if one["kind"] == "PodDisruptionBudget"
    }
    several = {
        one["metadata"]["name"]
        for one in workloads(objects)
        if one["spec"].get("replicas", 1) > 1 and one["metadata"]["name"] != "prefect"
    }
    assert several == bounded


def test_every_setting_is_one_that_sentinel_has_and_every_secret_is_given(objects: Objects):
    (secrets,) = [one for one in objects if one["kind"] == "Secret"]
    given: dict[str, str] = {}
    for one in objects:
        if one["kind"] == "ConfigMap" and one["metadata"]["name"] != "postgres":
            given |= one["data"]
    for one in workloads(objects):
        given |= {pair["name"]: pair["value"] for pair in container(one).get("env", ())}
    assert not unknown_settings(set(given))
    files = {Path(value).name for name, value in given.items() if name.endswith("_FILE")}
    assert files == set(secrets["data"])


def test_prefects_server_has_the_settings_that_sentinel_up_gives_it(objects: Objects):
    (given,) = [
        one["data"] for one in objects
        if one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("prefect")
    ]  # fmt: skip
    assert {key: given.get(key) for key in SERVER} == SERVER


def test_a_cluster_runs_prefects_background_services_once_and_its_api_twice(copied: Path):
    by_name = {one["metadata"]["name"]: one for one in workloads(rendered(copied / "cluster"))}
    services, api = by_name["prefect-services"], by_name["prefect"]
    assert container(services)["args"] == ["prefect", "server", "services", "start"]
    assert services["spec"]["replicas"] == 1
    assert services["spec"]["strategy"] == {"type": "Recreate"}
    assert "--no-services" in container(api)["args"]
    assert api["spec"]["replicas"] == 2
