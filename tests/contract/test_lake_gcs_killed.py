"""A writer of a lake in a bucket that is killed leaves nothing under the path; what it leaves elsewhere goes later."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from bucket_lake import OTHER, PATH
from lake_places import BucketPlace, put

from pipeline.lake import gcs
from pipeline.settings import ROOT

KILLED = """
import sys, time
from pipeline.google_clients import ConfiguredClients
from pipeline.lake.gcs import GCSLake
from pipeline.lake.gcs_writer import PIECE_BYTES
from pipeline.settings import Settings

lake = GCSLake.from_url(sys.argv[1], ConfiguredClients(Settings(google_credentials="anonymous")))
writer = lake.create(sys.argv[2])
for _ in range(5):
    writer.write(b"x" * (PIECE_BYTES // 2))
if sys.argv[3] == "closed":
    writer.close()
print("now", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("when", ["half", "closed"])
def test_a_writer_that_is_killed_leaves_nothing_under_the_path(place: BucketPlace, when: str) -> None:
    command = [sys.executable, "-c", KILLED, place.url, PATH, when]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | place.cloud.environment(), stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == b"now\n"
        one.send_signal(signal.SIGKILL)

    assert all(name.startswith(".writing/") for name in place.names())
    assert place.open().read(PATH) is None
    assert place.open().matches(put(place.open(), PATH, b"again"))


def test_what_was_left_is_removed_a_day_later(place: BucketPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is younger may be another writer's, of another source with the same lake."""
    place.open().create(PATH).close()
    place.open().sweep()
    assert len(place.names()) == 1

    put(place.open(), OTHER, b"x")
    monkeypatch.setattr(gcs, "KEEP_TEMPORARY", timedelta(0))
    place.open().sweep()

    assert place.names() == {OTHER}
