"""The archive on a server that speaks S3, over HTTP, with the library of the extra `s3`."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import msgspec
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem  # pyright: ignore[reportMissingTypeStubs] - it has none

from sentinel.errors import ArchiveError
from sentinel.store.archive.archiving import archive_resolved
from sentinel.store.archive.holds import Holds
from sentinel.store.archive.place import place_of
from sentinel.store.archive.restoring import restore_alerts
from sentinel.store.archive.searching import ArchiveQuery, search_archive
from sentinel.store.archive.verifying import verify_archive
from tests.databases import sqlite_alone
from tests.store.archive.conftest import KEEP
from tests.world import World

pytestmark = sqlite_alone


@dataclass
class ObjectStorage:
    """A server of S3, and a bucket of it."""

    url: str
    secret: str
    token: str
    bucket: str = ""

    def objects(self) -> list[str]:
        """Names of the files that the bucket has, as the server lists them."""
        listed = httpx.get(f"{self.url}/{self.bucket}?list-type=2", trust_env=False).text
        return [part.split("</Key>")[0] for part in listed.split("<Key>")[1:]]


@pytest.fixture(scope="module")
def server() -> Generator[ObjectStorage]:
    """One for the module, since fsspec keeps what it once learnt of the environment."""
    served = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    made = ObjectStorage(f"http://{host}:{port}", secrets.token_hex(20), secrets.token_hex(30))
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "AKIA0000000000000000", "AWS_SECRET_ACCESS_KEY": made.secret,
            "AWS_SESSION_TOKEN": made.token, "AWS_ENDPOINT_URL": made.url,
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }.items():  # fmt: skip
            patched.setenv(name, value)
        yield made
    S3FileSystem.clear_instance_cache()
    served.stop()


@pytest.fixture
def storage(server: ObjectStorage, caplog: pytest.LogCaptureFixture) -> ObjectStorage:
    own = replace(server, bucket=f"bucket-{secrets.token_hex(4)}")
    httpx.put(f"{own.url}/{own.bucket}", trust_env=False).raise_for_status()
    caplog.set_level(logging.DEBUG)
    return own


@pytest.fixture
def stored(world: World, storage: ObjectStorage) -> World:
    """Two alerts that were resolved 100 days ago, whose archive is the bucket."""
    options = msgspec.structs.replace(
        world.store.options, archive_url=f"s3://{storage.bucket}/sentinel"
    )
    world.store.options = options
    return world


def archive(world: World) -> int:
    world.store.retain(KEEP)
    return archive_resolved(world.store, KEEP).alerts


def test_alerts_go_to_object_storage_are_found_there_and_come_back(
    stored: World, storage: ObjectStorage, caplog: pytest.LogCaptureFixture
):
    ids = stored.ids()
    assert archive(stored) == 2
    assert (stored.ids(), len(storage.objects())) == ([], 2)  # one file of alerts, one of groups
    query = ArchiveQuery(words=("lost a disk",))
    assert sorted(one["id"] for one in search_archive(stored.store, query).items) == ids
    assert verify_archive(stored.store).problems == []
    restore_alerts(stored.store, ids, actor="omar")
    assert stored.ids() == ids
    # At the level DEBUG of every logger.
    assert "botocore" in caplog.text
    assert storage.secret not in caplog.text
    assert storage.token not in caplog.text
    assert "Signature=" not in caplog.text


def test_files_whose_time_is_over_are_removed_from_the_bucket(
    stored: World, storage: ObjectStorage
):
    archive(stored)
    Holds(stored.store).set("default", "case 17", actor="omar")
    short = msgspec.structs.replace(stored.store.options, keep_archive=timedelta(days=1))
    stored.store.options = short
    archive(stored)
    assert len(storage.objects()) == 2
    Holds(stored.store).release("default", actor="omar")
    archive(stored)
    assert storage.objects() == []


def test_a_bucket_that_is_not_there_is_named_and_no_alert_leaves(
    stored: World, storage: ObjectStorage
):
    ids = stored.ids()
    stored.store.options = msgspec.structs.replace(
        stored.store.options, archive_url="s3://bukcet/sentinel"
    )
    with pytest.raises(ArchiveError, match="no bucket or folder for bukcet/sentinel/alert/"):
        archive(stored)
    assert stored.ids() == ids


def test_a_file_that_another_process_removed_is_named(stored: World, storage: ObjectStorage):
    archive(stored)
    (found,) = {one["file"] for one in search_archive(stored.store, ArchiveQuery()).items}
    place = place_of(f"s3://{storage.bucket}/sentinel")
    (name,) = [one.removeprefix("sentinel/") for one in storage.objects() if found in one]
    place.remove(name)
    place.remove(name)  # once more changes nothing
    assert "has no file" in verify_archive(stored.store).problems[0]
