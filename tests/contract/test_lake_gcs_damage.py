"""What is damaged on its way into a bucket, in it or gone from it: it is not taken, and not handed out."""

import pytest
from between import Between, Fault
from bucket_lake import PATH, impatient
from lake_places import BucketPlace, put

from pipeline.errors import CorruptObjectError, TransientError


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
