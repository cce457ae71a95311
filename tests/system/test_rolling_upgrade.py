"""The last release and this version run beside each other on one database, under load.

The last release is made from the repository's tag, with the packages that are installed here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from sentinel.store import Store
from sentinel.up.temporary import temporary_postgres
from tests.prefect_server import ROOT
from tests.system.test_failover import BACK, Api, Sender, Told, all_alerts, answers
from tests.waiting import eventually

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("whole")]

LAST_RELEASE = "before-scale"


def unpacked(folder: Path) -> Path:
    """The packages of the last release."""
    packages = ("sentinel", "blocks", "triggers", "flows", "dashboard", "deployments")
    done = subprocess.run(
        ["git", "archive", LAST_RELEASE, *packages], cwd=ROOT, capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"there is no tag {LAST_RELEASE} here: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def migrated_by(code: Path, url: str) -> None:
    """Let the last release make its schema."""
    script = (
        "import sys; from sentinel.store import Store; import sentinel;"
        f"assert sentinel.__file__.startswith({str(code)!r}), sentinel.__file__;"
        "store = Store(sys.argv[1]); store.migrate();"
        "store.receivers.set('default', ['sentinel-webhook/ops'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(code)}
    subprocess.run(
        [sys.executable, "-P", "-c", script, url], env=environment, check=True, timeout=300
    )


def test_both_versions_run_on_the_schema_of_this_one_and_nobody_is_left_untold():
    told = Told()
    with tempfile.TemporaryDirectory() as folder, temporary_postgres(durable=False) as server:
        url, code = server.address("sentinel"), unpacked(Path(folder) / "code")
        migrated_by(code, url)
        old, new = Api(url, Path(folder), told.url, code), Api(url, Path(folder), told.url)
        apis = [old]
        try:
            old.start()
            sender = Sender(apis)

            def goes_on(after: str) -> None:
                before = len(sender.taken)
                eventually(lambda: len(sender.taken) > before + 4, f"posts are taken {after}",
                           BACK, said=lambda: old.said() + new.said())  # fmt: skip
                last = sender.taken[-1]
                eventually(lambda: last in told.alerts, f"{last} is told {after}", BACK,
                           said=lambda: old.said() + new.said())  # fmt: skip

            with sender.sending():
                eventually(lambda: len(sender.taken) > 2, "the last release has started", 120,
                           said=old.said)  # fmt: skip
                goes_on("by the last release alone")
                with closing(Store(url)) as store:
                    store.migrate()
                goes_on("by the last release on the new schema")
                new.start()
                eventually(lambda: answers(new.port), "this version has started", 120)
                apis.append(new)
                goes_on("by both versions")
                apis.remove(old)
                old.kill()
                goes_on("by this version alone")
            eventually(lambda: told.alerts >= set(sender.taken), "all alerts are told", BACK,
                       said=new.said)  # fmt: skip
            with closing(Store(url)) as store:
                listed = {one.title for one in all_alerts(store)}
            assert {name for name in sender.taken if name not in listed} == set()
            assert told.twice == []
        finally:
            for api in (old, new):
                api.kill()
            told.close()
