"""The emulated Cloud Storage keeps objects as the service does. Each test fails on the emulator as it comes."""

import io
import json

import pytest
import requests
from emulated_cloud import EmulatedCloud
from google.api_core.exceptions import NotFound, PreconditionFailed, RequestRangeNotSatisfiable
from google.cloud import bigquery, storage

NAMES = ["a", "a/b", "day=2025-01-01/x y#z%41é.csv", "q?x&y=1+2", "slash%2Fin"]
PIECE = 256 * 1024


@pytest.fixture
def bucket(cloud: EmulatedCloud) -> storage.Bucket:
    return cloud.storage().bucket(cloud.bucket())


def test_names_are_flat_and_may_hold_any_character(bucket: storage.Bucket) -> None:
    for name in NAMES:
        bucket.blob(name).upload_from_string(name)

    assert {blob.name: blob.download_as_text() for blob in bucket.list_blobs()} == {name: name for name in NAMES}
    assert [blob.name for blob in bucket.list_blobs(max_results=2)] == ["a", "a/b"]
    assert [blob.name for blob in bucket.list_blobs(page_size=2)] == sorted(NAMES)


@pytest.mark.parametrize("pattern", ["day=2025-01-01/x y#z é.csv", "day=*", "day=2025-01-01/*.csv"])
def test_objects_of_any_name_are_loaded(cloud: EmulatedCloud, bucket: storage.Bucket, pattern: str) -> None:
    client = cloud.bigquery()
    client.create_dataset("d")
    bucket.blob("day=2025-01-01/x y#z é.csv").upload_from_string("1\n")
    bucket.blob("else.csv").upload_from_string("2\n")
    config = bigquery.LoadJobConfig(schema=[bigquery.SchemaField("n", "INTEGER")])

    client.load_table_from_uri(f"gs://{bucket.name}/{pattern}", f"{cloud.project}.d.t", job_config=config).result()

    assert [row.n for row in client.query("select n from d.t").result()] == [1]


@pytest.mark.parametrize("chunk", [None, PIECE])  # a whole upload, and one in pieces
def test_an_object_is_written_over_the_generation_that_was_named(bucket: storage.Bucket, chunk: int | None) -> None:
    def write(content: bytes, generation: int) -> storage.Blob:
        blob = bucket.blob("a", chunk_size=chunk)
        blob.upload_from_file(io.BytesIO(content), size=len(content), if_generation_match=generation)
        return blob

    first = write(b"1" * PIECE * 2, 0)
    for generation in (0, first.generation + 1):
        with pytest.raises(PreconditionFailed):
            write(b"2", generation)
    second = write(b"3", first.generation)

    assert second.generation > first.generation
    assert second.metageneration == 1
    assert bucket.blob("a").download_as_bytes() == b"3"


def test_what_is_read_or_removed_is_the_generation_that_was_named(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("1")
    old = blob.generation
    blob.upload_from_string("2")

    with pytest.raises(PreconditionFailed):
        bucket.blob("a").download_as_bytes(if_generation_match=old)
    with pytest.raises(PreconditionFailed):
        bucket.blob("a").delete(if_generation_match=old)
    with pytest.raises(NotFound):
        bucket.blob("a", generation=old).download_as_bytes()
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(bucket.blob("a"), bucket, "b", if_source_generation_match=old)
    read = bucket.blob("a")
    assert (read.download_as_bytes(), read.generation) == (b"2", blob.generation)


def test_metadata_is_changed_as_it_was_seen(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string("1")
    blob.metadata = {"whose": "ours"}
    blob.patch(if_metageneration_match=1)

    with pytest.raises(PreconditionFailed):
        blob.patch(if_metageneration_match=1)
    assert blob.metageneration == 2


def test_bytes_are_kept_as_they_are(bucket: storage.Bucket) -> None:
    content = bytes(range(256)) + b"\r\n--boundary\r\n\r\n"

    bucket.blob("a").upload_from_string(content)

    assert bucket.blob("a").download_as_bytes() == content
    with pytest.raises(RequestRangeNotSatisfiable):
        bucket.blob("a").download_as_bytes(start=len(content))


def test_a_wrong_checksum_is_refused(cloud: EmulatedCloud, bucket: storage.Bucket) -> None:
    address = f"{cloud.storage_url}/upload/storage/v1/b/{bucket.name}/o"
    begun = requests.post(f"{address}?uploadType=resumable", json={"name": "a"}, timeout=30)
    wrong = {"x-goog-hash": "crc32c=AAAAAA==", "content-range": "bytes 0-0/1"}
    meta = json.dumps({"name": "a", "crc32c": "AAAAAA=="})
    parts = f"--x\r\ncontent-type: application/json\r\n\r\n{meta}\r\n--x\r\ncontent-type: text/plain\r\n\r\n1\r\n--x--"
    kind = {"content-type": "multipart/related; boundary=x"}

    in_pieces = requests.put(begun.headers["location"], data=b"1", headers=wrong, timeout=30)
    whole = requests.post(f"{address}?uploadType=multipart", data=parts, headers=kind, timeout=30)

    assert (in_pieces.status_code, whole.status_code) == (400, 400)
    assert not bucket.blob("a").exists()


def test_what_is_not_there_is_named(cloud: EmulatedCloud, bucket: storage.Bucket) -> None:
    with pytest.raises(NotFound, match=f"No such object: {bucket.name}/none"):
        bucket.blob("none").download_as_bytes()
    with pytest.raises(NotFound, match="The specified bucket does not exist"):
        cloud.storage().bucket("none-at-all").blob("a").upload_from_string("1")
