"""The folder lake: its place, its owner, what the operating system refuses. tests/contract has what every lake does."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError, StepError
from pipeline.lake.folder import FolderLake

PATH = "source/csv/2025-01-01/sale.csv"


def test_sweep_removes_what_killed_writers_left(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path)
    lake.create(PATH).close()
    lake.sweep()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


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
