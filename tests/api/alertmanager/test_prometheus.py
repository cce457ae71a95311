"""Debian's Prometheus names Sentinel as its Alertmanager; two of them, as replicas."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.api.alertmanager.conftest import Live
from tests.api.served import TOKEN
from tests.waiting import eventually

PROMETHEUS = shutil.which("prometheus")
CONFIG = """
global: {{evaluation_interval: 3s, external_labels: {{replica: "{name}"}}}}
rule_files: [{rules}]
alerting:
  alert_relabel_configs: [{{regex: replica, action: labeldrop}}]
  alertmanagers:
    - path_prefix: /alertmanager
      authorization: {{credentials: {token}}}
      static_configs: [{{targets: ["{target}"]}}]
"""
RULES = """
groups:
  - name: tests
    rules:
      - {{alert: Down, expr: vector(1), labels: {{severity: critical}},
          annotations: {{summary: it is down}}}}
      - {{alert: Brief, expr: vector(1) == {value}}}
"""


@contextmanager
def prometheus(
    folder: Path, name: str, live: Live, rules: Path
) -> Generator[subprocess.Popen[bytes]]:
    """A Prometheus that posts what fires at each evaluation, with an end four periods ahead."""
    home = folder / name
    home.mkdir()
    (home / "prometheus.yml").write_text(
        CONFIG.format(name=name, rules=rules, token=TOKEN, target=urlsplit(live.url).netloc)
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROMETHEUS), f"--config.file={home / 'prometheus.yml'}",
             f"--storage.tsdb.path={home / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
             "--rules.alert.resend-delay=1s"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.skipif(PROMETHEUS is None, reason="Prometheus is not installed")
def test_two_prometheus_fire_one_alert_that_ends_with_them(live: Live, tmp_path: Path):
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.format(value=1))

    def states() -> dict[str, tuple[str, str]]:
        live.settle()
        live.store.sweep()
        return {name: (status, why) for name, status, why in live.alerts()}

    def come_to(brief: tuple[str, str], what: str) -> None:
        wanted = {"Down": ("open", ""), "Brief": brief}
        eventually(lambda: states() == wanted, what, said=lambda: f"{states()}")

    with ExitStack() as replicas:
        both = [
            replicas.enter_context(prometheus(tmp_path, name, live, rules))
            for name in ("one", "two")
        ]
        come_to(("open", ""), "both fire")
        rules.write_text(RULES.format(value=0))
        for one in both:
            one.send_signal(signal.SIGHUP)
        come_to(("resolved", "recovered"), "one recovers")
    opened = live.timeline()
    live.ahead(minutes=1)

    assert states() == {"Down": ("resolved", "not_repeated"), "Brief": ("resolved", "recovered")}
    # Each of the two posted the other one several times.
    assert sorted(opened) == ["opened", "opened", "recovered"]
    assert live.timeline() == [*opened, "not_repeated"]
