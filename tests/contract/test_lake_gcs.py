"""The lake in a bucket: streamed, checked, never a mixture of two writers' objects; every refusal has a remedy."""

import gc
import itertools
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from between import Between, Fault, between, refusal
from emulated_cloud import EmulatedCloud
from lake_places import BucketPlace

from pipeline.errors import ConfigurationError, CorruptObjectError, TransientError
from pipeline.google_clients import ConfiguredClients
from pipeline.google_errors import RETRY
from pipeline.lake import gcs, gcs_writer
from pipeline.lake.base import Lake
from pipeline.lake.gcs import GCSLake
from pipeline.manifest import Part, manifest_path, object_path
from pipeline.settings import ROOT, Settings

DAY = date(2025, 1, 1)
PATH = object_path(DAY, "sale")
OTHER = object_path(DAY, "customer")
MANIFEST = manifest_path(DAY)
ANONYMOUS = ConfiguredClients(Settings(google_credentials="anonymous"))
SMALLEST_PIECE = 256 * 1024


@pytest.fixture
def place(cloud: EmulatedCloud) -> BucketPlace:
    return BucketPlace(cloud, cloud.bucket())


@pytest.fixture
def way(place: BucketPlace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """What is between the lake and the emulator from now on."""
    with between(place.cloud.storage_url) as way:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", way.url)
        yield way


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(gcs_writer, "PIECE_BYTES", SMALLEST_PIECE)
    return SMALLEST_PIECE


def impatient(place: BucketPlace) -> GCSLake:
    """The lake, opened by somebody who does not wait long before a request is sent again."""
    return GCSLake(ANONYMOUS.storage(), place.bucket, retry=RETRY.with_delay(0.01, 0.01).with_timeout(1))


def put(lake: Lake, path: str, *pieces: bytes) -> Part:
    writer = lake.create(path)
    for piece in pieces:
        writer.write(piece)
    part = writer.close()
    writer.commit()
    return part


# --- where it is ---


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("gs://shop-lake", "gs://shop-lake"),
        ("gs://shop-lake/", "gs://shop-lake"),
        ("gs://shop.example.com/till/roll/", "gs://shop.example.com/till/roll"),
        ("gs://shop_lake/a b=1", "gs://shop_lake/a b=1"),
    ],
)
def test_a_url_names_a_bucket_and_a_prefix(url: str, there: str) -> None:
    lake = GCSLake.from_url(url, ANONYMOUS)

    assert lake.url == there
    assert lake.uri(PATH) == f"{there}/{PATH}"


@pytest.mark.parametrize(
    "url",
    [
        "gs://",
        "gs:///prefix",
        "gs:bucket",
        "gs://Bucket",
        "gs://b",
        "gs://-bucket",
        "gs://user@bucket",
        "gs://bucket:80",
        "gs://bucket?prefix=a",
        "gs://bucket/a?b",
        "gs://bucket#a",
        "gs://bucket/a#",
        "gs://bucket/a//b",
        "gs://bucket/../a",
        "gs://bucket/.",
        "gs://bucket/*",
        "gs://bucket/a\nb",
        "gs://[bucket",
    ],
)
def test_a_url_that_is_no_bucket_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TILLROLL_LAKE_URL") as raised:
        GCSLake.from_url(url, ANONYMOUS)

    assert "gs://bucket/prefix" in raised.value.remedy


def test_two_prefixes_of_a_bucket_are_two_lakes(cloud: EmulatedCloud) -> None:
    bucket = cloud.bucket()
    one, other = BucketPlace(cloud, bucket, "one"), BucketPlace(cloud, bucket, "one/other")
    part = put(one.open(), PATH, b"1")

    assert not other.open().matches(part)
    assert list(other.open().folders("source/csv")) == []
    assert other.open().read(PATH) is None


# --- how much of it is in memory ---


def test_a_large_object_is_never_whole_in_memory(place: BucketPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcs_writer, "PIECE_BYTES", 1 << 20)
    line = bytes(range(256)) * 256
    lake = place.open()
    lake.read(MANIFEST)  # what the libraries load once is not counted
    writer = lake.create(PATH)
    tracemalloc.start()
    for _ in range(400):
        writer.write(line)
    part = writer.close()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    writer.commit()

    assert part.bytes == 25 << 20
    assert most < 8 << 20
    assert place.open().matches(part)


@pytest.mark.parametrize("pieces", [1, 2, 3])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_an_object_of_any_size_arrives(place: BucketPlace, small_pieces: int, pieces: int, more: int) -> None:
    content = os.urandom(pieces * small_pieces + more)

    for step in (1000, len(content)):
        part = put(place.open(), PATH, *(content[i : i + step] for i in range(0, len(content), step)))

        assert part.bytes == len(content)
        assert place.open().read(PATH) == content
        assert place.open().matches(part)
    assert place.names() == {PATH}


def test_an_object_that_fits_is_one_upload(place: BucketPlace, way: Between, small_pieces: int) -> None:
    place.open().create(PATH).close()
    writer = place.open().create(PATH)
    writer.write(b"x" * small_pieces)
    writer.close()

    uploads = [line for line in way.requests if "/upload/" in line]
    assert ["uploadType=multipart" in line for line in uploads] == [True, True]


# --- what was damaged ---


def test_what_is_damaged_on_its_way_is_not_taken(place: BucketPlace, way: Between) -> None:
    way.faults.append(Fault("POST /upload", damage=lambda body: body.replace(b"precious", b"previous")))
    writer = impatient(place).create(PATH)
    writer.write(b"precious")

    with pytest.raises(TransientError, match="damaged"):
        writer.close()

    assert place.names() == set()


def test_a_large_object_that_is_damaged_on_its_way_is_not_taken(
    place: BucketPlace, way: Between, small_pieces: int
) -> None:
    way.faults.append(Fault("PUT /upload", damage=lambda body: b"?" + body[1:]))
    writer = impatient(place).create(PATH)
    writer.write(b"x" * 3 * small_pieces)

    with pytest.raises(TransientError, match="damaged"):
        writer.close()

    writer.abort()
    assert PATH not in place.names()


def test_a_piece_that_is_kept_in_part_is_not_taken(place: BucketPlace, way: Between, small_pieces: int) -> None:
    """The service says how much it kept; Google's client has thrown the rest away by then."""
    way.faults.append(Fault("PUT /upload", damage=lambda body: body[: len(body) // 2]))
    writer = impatient(place).create(PATH)

    with pytest.raises(TransientError, match="lost bytes"):
        writer.write(b"x" * 4 * small_pieces)

    writer.abort()
    assert place.names() == set()


@pytest.mark.parametrize("content", [b"ne", b"neu", b""])
def test_a_file_for_others_to_read_is_what_the_manifest_says(place: BucketPlace, content: bytes) -> None:
    part = put(place.open(), PATH, b"new")
    place.put(PATH, content)

    with pytest.raises(CorruptObjectError, match=PATH) as raised, place.open().local_path(part):
        pytest.fail("a damaged object was handed out")

    assert "again" in raised.value.remedy


def test_a_file_for_others_to_read_must_be_there(place: BucketPlace) -> None:
    part = put(place.open(), PATH, b"new")
    place.open().delete(PATH)

    with pytest.raises(CorruptObjectError, match=PATH), place.open().local_path(part):
        pytest.fail("an object that is gone was handed out")


def test_a_file_for_others_to_read_goes_away(place: BucketPlace) -> None:
    lake = place.open()
    with lake.local_path(put(lake, PATH, b"new")) as file:
        assert file.exists()
    assert not file.exists()


# --- two writers ---

CHANGES: dict[str, Callable[[GCSLake], object]] = {
    "write": lambda lake: lake.write(PATH, b"mine"),
    "commit": lambda lake: put(lake, PATH, b"mine"),
    "delete": lambda lake: lake.delete(PATH),
    "read": lambda lake: lake.read(PATH),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("before", [b"before", None], ids=["there", "not there"])
def test_what_another_writer_put_there_meanwhile_stays(place: BucketPlace, change: str, before: bytes | None) -> None:
    if before:
        place.put(PATH, before)
    lake = place.open()
    lake.read(MANIFEST)
    place.put(PATH, b"theirs")

    if before is None and change in {"delete", "read"}:
        CHANGES[change](lake)  # to this step there is nothing
    else:
        with pytest.raises(TransientError, match=r"sale\.csv was replaced by another writer") as raised:
            CHANGES[change](lake)
        assert "Run the step again" in raised.value.remedy

    assert place.open().read(PATH) == b"theirs"


@pytest.mark.parametrize("change", ["write", "commit", "read"])
def test_what_another_writer_removed_meanwhile_stays_away(place: BucketPlace, change: str) -> None:
    place.put(PATH, b"before")
    lake = place.open()
    lake.read(MANIFEST)
    place.open().delete(PATH)

    with pytest.raises(TransientError, match=r"sale\.csv was replaced by another writer"):
        CHANGES[change](lake)

    assert place.open().read(PATH) is None


def test_a_lake_goes_on_from_what_it_wrote_itself(place: BucketPlace) -> None:
    lake = place.open()
    for content in (b"1", b"2"):
        lake.write(MANIFEST, content)
        part = put(lake, PATH, content)
        assert (lake.read(MANIFEST), lake.read(PATH), lake.matches(part)) == (content, content, True)
        lake.delete(PATH)
        assert lake.read(PATH) is None


def test_an_object_is_replaced_as_it_was_when_its_writing_began(place: BucketPlace) -> None:
    writer = place.open().create(PATH)
    place.put(PATH, b"theirs")
    writer.write(b"mine")
    writer.close()

    with pytest.raises(TransientError, match="another writer"):
        writer.commit()

    writer.abort()
    assert place.names() == {PATH}


class Extract:
    """One writer of a day, as `extract` is one: objects first, all of them complete; then their names; the manifest."""

    def __init__(self, place: BucketPlace, name: str, paths: Sequence[str]) -> None:
        self.lake, self.won, self.failed = place.open(), False, False
        before = Manifest.read(self.lake)
        writers = [self.lake.create(path) for path in paths]
        for writer in writers:
            writer.write(name.encode())
        self.manifest = Manifest(before.parts | {part.path: part for part in (writer.close() for writer in writers)})
        self.steps = [writer.commit for writer in writers] + [self._finish]

    def go_on(self) -> None:
        """The next step; none follow a failure."""
        step = self.steps.pop(0)
        try:
            if not self.failed:
                step()
        except TransientError:
            self.failed = True

    def _finish(self) -> None:
        self.lake.write(MANIFEST, json.dumps([part.model_dump() for part in self.manifest.parts.values()]).encode())
        self.won = True


@dataclass
class Manifest:
    """What makes a day exist."""

    parts: dict[str, Part]

    @classmethod
    def read(cls, lake: Lake) -> "Manifest":
        return cls({part["path"]: Part(**part) for part in json.loads(lake.read(MANIFEST) or b"[]")})

    def loads(self, lake: Lake) -> bool:
        """Whether publishing would take it."""
        return all(map(lake.matches, self.parts.values()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "theirs", "there"),
    [
        pytest.param([PATH, OTHER], [PATH, OTHER], True, id="same objects"),
        pytest.param([PATH, OTHER], [OTHER, PATH], False, id="same objects of a new day, in another order"),
        pytest.param([PATH], [OTHER], True, id="other objects"),
        pytest.param([PATH, OTHER], [OTHER], False, id="some of the objects of a new day"),
    ],
)
def test_two_writers_never_mix_a_day(cloud: EmulatedCloud, ours: list[str], theirs: list[str], there: bool) -> None:
    """In every order of their steps, one of them at most comes to its end; what loads is one writer's whole day."""
    bucket, wins = cloud.bucket(), set()
    length = len(ours) + len(theirs) + 2
    for turns in itertools.combinations(range(length), len(ours) + 1):
        place = BucketPlace(cloud, bucket, "turns/" + "-".join(map(str, turns)))
        if there:
            run(Extract(place, "before", [PATH, OTHER]))
        we, they = Extract(place, "we", ours), Extract(place, "they", theirs)
        for turn in range(length):
            (we if turn in turns else they).go_on()
        wins.add((we.won, they.won))
        assert not (we.won and they.won)
        found = Manifest.read(place.open())
        for extract in (we, they):
            if extract.won:
                assert found == extract.manifest
        if found.loads(place.open()):
            contents = {path: place.open().read(path) for path in found.parts}
            assert contents in whole_days(ours, theirs, there=there)
        healed = run(Extract(place, "healed", [PATH, OTHER]))
        assert healed.won
        assert Manifest.read(place.open()).loads(place.open())

    assert {(True, False), (False, True)} <= wins


def run(extract: Extract) -> Extract:
    while extract.steps:
        extract.go_on()
    return extract


def whole_days(ours: list[str], theirs: list[str], *, there: bool) -> list[dict[str, bytes]]:
    """The days that one writer, or none, leaves behind."""
    before = dict.fromkeys([PATH, OTHER], b"before") if there else {}
    return [before, before | dict.fromkeys(ours, b"we"), before | dict.fromkeys(theirs, b"they")]


# --- what a writer leaves that is killed ---

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


# --- a service that fails ---


def use(lake: GCSLake) -> None:
    """Everything that a lake does."""
    lake.sweep()
    lake.write(MANIFEST, b"old")
    lake.write(MANIFEST, b"new")
    small, large = put(lake, PATH, b"small"), put(lake, OTHER, b"x" * 3 * SMALLEST_PIECE)
    assert lake.read(MANIFEST) == b"new"
    assert list(lake.folders("source/csv")) == [DAY.isoformat()]
    for part in (small, large):
        assert lake.matches(part)
        with lake.local_path(part) as file:
            assert file.stat().st_size == part.bytes
    lake.delete(PATH)


REQUESTS = ["GET .*/o\\?", "GET .*alt=media", "POST /upload", "PUT /upload", "POST .*/rewriteTo", "DELETE .*sale"]


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("matching", REQUESTS)
@pytest.mark.parametrize("fault", ["busy", "slow down", "lost"])
def test_a_request_that_failed_is_sent_again(place: BucketPlace, way: Between, matching: str, fault: str) -> None:
    """Also one that succeeded, and whose answer was lost."""
    answers = {"busy": refusal(503, "backendError", "busy"), "slow down": refusal(429, "rateLimitExceeded", "slower")}
    way.faults.append(Fault(matching, answers.get(fault), lose=fault == "lost"))

    use(impatient(place))

    assert way.faults[0].times == 0
    assert {name for name in place.names() if not name.startswith(".writing/")} == {OTHER, MANIFEST}


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("matching", REQUESTS)
def test_a_service_that_stays_busy_is_an_error_that_passes(place: BucketPlace, way: Between, matching: str) -> None:
    way.faults.append(Fault(matching, refusal(503, "backendError", "We are busy."), times=10_000))

    with pytest.raises(TransientError, match=f"gs://{place.bucket}") as raised:
        use(impatient(place))

    assert "again" in raised.value.remedy


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("matching", REQUESTS[:-1])
def test_an_account_that_may_not_is_told_what_to_grant(place: BucketPlace, way: Between, matching: str) -> None:
    denied = "till@project.iam.gserviceaccount.com does not have storage.objects.something access."
    way.faults.append(Fault(matching, refusal(403, "forbidden", denied), times=10_000))

    with pytest.raises(ConfigurationError, match=f"bucket gs://{place.bucket}") as raised:
        use(impatient(place))

    assert "storage.objects.something" in raised.value.message
    assert "roles/storage.objectUser" in raised.value.remedy


@pytest.mark.parametrize(
    "step",
    [
        lambda lake: lake.sweep(),
        lambda lake: lake.read(MANIFEST),
        lambda lake: lake.write(MANIFEST, b""),
        lambda lake: lake.create(PATH),
        lambda lake: lake.matches(Part(path=PATH, bytes=0, crc32c="")),
        lambda lake: list(lake.folders("source/csv")),
        lambda lake: lake.delete(PATH),
    ],
)
def test_a_bucket_that_is_not_there_is_named(cloud: EmulatedCloud, step: Callable[[GCSLake], object]) -> None:
    lake = GCSLake.from_url("gs://no-such-bucket", ANONYMOUS)

    with pytest.raises(ConfigurationError, match="there is no bucket gs://no-such-bucket") as raised:
        step(lake)

    assert "gcloud storage buckets create gs://no-such-bucket" in raised.value.remedy


def test_giving_up_is_no_second_failure(place: BucketPlace, way: Between, small_pieces: int) -> None:
    """Nor does Python send the rest when it forgets the writer: no request follows."""
    writer = impatient(place).create(PATH)
    writer.write(b"x" * 3 * small_pieces)
    way.faults.append(Fault(".", lose=True, times=10_000))
    with pytest.raises(TransientError):
        writer.write(b"x" * small_pieces)

    writer.abort()
    way.requests.clear()
    del writer
    gc.collect()

    assert way.requests == []


def test_a_folder_is_listed_once(place: BucketPlace, way: Between) -> None:
    """However many objects are in it: a day's manifest and parts cost one request of the dearer class."""
    parts = [put(place.open(), object_path(DAY, f"table_{i}"), b"x") for i in range(5)]
    way.requests.clear()
    lake = place.open()

    assert all(map(lake.matches, parts))
    assert lake.read(MANIFEST) is None
    assert len(way.requests) == 1
