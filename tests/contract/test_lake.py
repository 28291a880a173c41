"""What every lake does, a folder and a bucket alike: objects appear whole or not at all, and damage shows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from lake_places import BucketPlace, FolderPlace, LakePlace, put

from pipeline.manifest import object_path

PATH = "source/csv/2025-01-01/sale.csv"


@pytest.fixture(params=["folder", *(pytest.param(place, marks=pytest.mark.slow) for place in ("bucket", "prefix"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LakePlace:
    if request.param == "folder":
        return FolderPlace(tmp_path / "lake")
    cloud = request.getfixturevalue("cloud")
    return BucketPlace(cloud, cloud.bucket(), "till/roll" if request.param == "prefix" else "")


def test_an_object_is_invisible_before_its_commit_and_replaced_whole(place: LakePlace) -> None:
    lake = place.open()
    lake.write(PATH, b"old")
    writer = lake.create(PATH)
    writer.write(b"new")
    part = writer.close()
    assert place.open().read(PATH) == lake.read(PATH) == b"old"
    assert not lake.matches(part)

    writer.commit()

    assert place.open().read(PATH) == lake.read(PATH) == b"new"
    assert place.open().matches(part)
    assert lake.matches(part)
    assert place.names() == {PATH}


def test_an_object_that_is_given_up_was_never_there(place: LakePlace) -> None:
    lake = place.open()
    for closed in (False, True):
        writer = lake.create(PATH)
        writer.write(b"new")
        if closed:
            writer.close()
        writer.abort()
        writer.abort()

    assert place.names() == set()
    assert lake.read(PATH) is None


def test_giving_up_what_was_committed_changes_nothing(place: LakePlace) -> None:
    writer = place.open().create(PATH)
    writer.write(b"new")
    writer.close()
    writer.commit()

    writer.abort()

    assert place.open().read(PATH) == b"new"


@pytest.mark.parametrize("content", [b"", b"n", b"new\n\xff\x00"])
def test_a_small_object_is_what_was_written(place: LakePlace, content: bytes) -> None:
    lake = place.open()
    lake.write(PATH, b"old")
    lake.write(PATH, content)
    part = put(lake, "source/csv/2025-01-02/sale.csv", content)

    assert place.open().read(PATH) == content
    assert place.open().read(part.path) == content
    assert part.bytes == len(content)
    with place.open().local_path(part) as file:
        assert file.read_bytes() == content


@pytest.mark.parametrize("damage", [b"neu", b"new ", b"ne", b""])
def test_any_change_of_bytes_shows(place: LakePlace, damage: bytes) -> None:
    part = put(place.open(), PATH, b"new")

    place.put(PATH, damage)

    assert not place.open().matches(part)


def test_an_object_that_is_gone_shows(place: LakePlace) -> None:
    part = put(place.open(), PATH, b"new")

    place.open().delete(PATH)

    assert not place.open().matches(part)
    assert place.open().read(PATH) is None
    assert place.names() == set()


def test_what_is_not_there_can_be_removed(place: LakePlace) -> None:
    place.open().delete(PATH)
    assert place.open().read(PATH) is None


def test_large_objects_have_the_checksum_of_all_their_bytes(place: LakePlace) -> None:
    part = put(place.open(), PATH, *[b"x" * 1000] * 3000)

    assert part.bytes == 3_000_000
    assert place.open().matches(part)


def test_crc32c_is_the_castagnoli_one(place: LakePlace) -> None:
    assert put(place.open(), PATH, b"123456789").crc32c == "e3069283"  # RFC 3720, B.4 and every catalogue of CRCs


def test_what_a_killed_writer_left_is_under_no_path(place: LakePlace) -> None:
    lake = place.open()
    lake.create(PATH).close()

    assert list(lake.folders("source/csv")) == []
    assert place.open().read(PATH) is None


def test_folders_are_listed_in_order_and_absence_is_none(place: LakePlace) -> None:
    lake = place.open()
    assert list(lake.folders("source/csv")) == []
    for day in ("2025-01-02", "2025-01-01"):
        lake.write(f"source/csv/{day}/manifest.json", b"{}")
        lake.write(f"source/csv/{day}/a/b.csv", b"")
    lake.write("source/csv/no_folder", b"")
    lake.write("source/other/2025-01-03/manifest.json", b"{}")

    assert list(place.open().folders("source/csv")) == ["2025-01-01", "2025-01-02"]
    assert place.open().read("source/csv/2025-01-03/manifest.json") is None


@pytest.mark.parametrize("table", ["sale", "Größe 1", "a/b", "a#b?c=d", "100%", "*[x]", "..", "日本"])
def test_any_tables_name_makes_an_object(place: LakePlace, table: str) -> None:
    lake = place.open()
    parts = [put(lake, object_path(date(2025, 1, 1), table, shard), b"%d" % shard) for shard in (0, 1)]

    assert place.names() == {part.path for part in parts}
    assert [place.open().read(part.path) for part in parts] == [b"0", b"1"]
    with place.open().local_path(parts[1]) as file:
        assert file.read_bytes() == b"1"


def test_threads_write_side_by_side(place: LakePlace) -> None:
    lake = place.open()
    days = [f"source/csv/2025-01-{day:02}/sale.csv" for day in range(1, 13)]

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda path: put(lake, path, path.encode() * 50_000), days))

    assert all(map(place.open().matches, parts))
    assert place.names() == set(days)
