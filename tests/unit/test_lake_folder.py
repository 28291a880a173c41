"""The folder lake: objects appear whole or not at all, and damage shows."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError, StepError
from pipeline.lake.folder import FolderLake

PATH = "source/csv/2025-01-01/sale.csv"


def test_an_object_is_invisible_before_its_commit_and_replaced_whole(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path)
    lake.write(PATH, b"old")
    writer = lake.create(PATH)
    writer.write(b"new")
    part = writer.close()
    assert lake.read(PATH) == b"old"
    assert not lake.matches(part)

    writer.commit()

    assert lake.read(PATH) == b"new"
    assert lake.matches(part)


@pytest.mark.parametrize("damage", [b"neu", b"new ", b"ne", b""])
def test_any_change_of_bytes_shows(tmp_path: Path, damage: bytes) -> None:
    lake = FolderLake(tmp_path)
    writer = lake.create(PATH)
    writer.write(b"new")
    part = writer.close()
    writer.commit()

    (tmp_path / PATH).write_bytes(damage)

    assert not lake.matches(part)


def test_large_objects_have_the_checksum_of_all_their_bytes(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path)
    writer = lake.create(PATH)
    for _ in range(3000):
        writer.write(b"x" * 1000)
    part = writer.close()
    writer.commit()

    assert part.bytes == 3_000_000
    assert lake.matches(part)


def test_crc32c_is_the_castagnoli_one(tmp_path: Path) -> None:
    writer = FolderLake(tmp_path).create(PATH)
    writer.write(b"123456789")
    assert writer.close().crc32c == "e3069283"  # RFC 3720, B.4 and every catalogue of CRCs


def test_sweep_removes_what_killed_writers_left(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path)
    lake.create(PATH).close()
    lake.sweep()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_folders_are_listed_in_order_and_absence_is_none(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path)
    assert list(lake.folders("source/csv")) == []
    for day in ("2025-01-02", "2025-01-01"):
        lake.write(f"source/csv/{day}/manifest.json", b"{}")
    assert list(lake.folders("source/csv")) == ["2025-01-01", "2025-01-02"]
    assert lake.read("source/csv/2025-01-03/manifest.json") is None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("a file is in the way")
    with pytest.raises(StepError, match="source"):
        FolderLake(tmp_path).write(PATH, b"x")


def test_a_place_that_cannot_be_listed_or_cleaned_is_named(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("a file is in the way")
    lake = FolderLake(tmp_path)
    with pytest.raises(StepError, match="source/csv: Not a directory"):
        list(lake.folders("source/csv"))
    with pytest.raises(StepError, match=r"sale\.csv: Not a directory"):
        lake.delete(PATH)


def test_a_lake_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    FolderLake(tmp_path / "data" / "lake").write(PATH, b"x")
    assert stat.S_IMODE((tmp_path / "data" / "lake").stat().st_mode) == 0o700


def test_a_lake_that_somebody_shares_stays_shared(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake").chmod(0o755)
    FolderLake(tmp_path / "lake").write(PATH, b"x")
    assert stat.S_IMODE((tmp_path / "lake").stat().st_mode) == 0o755


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    writer = FolderLake(tmp_path).create(PATH)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._file.fileno())
    os.close(full)
    writer.write(b"x")

    with pytest.raises(StepError, match="No space left on device"):
        writer.close()

    writer.abort()
    assert not list(tmp_path.rglob(".writing/*"))


@pytest.mark.parametrize("url", ["file://host/folder", "file:", "file://"])
def test_a_url_that_is_no_folder_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TILLROLL_LAKE_URL"):
        FolderLake.from_url(url)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    lake = FolderLake.from_url((tmp_path / "a folder #1 100%").as_uri())
    assert lake.root == tmp_path / "a folder #1 100%"
