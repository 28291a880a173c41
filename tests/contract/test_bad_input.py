"""Wrong settings, unusable places, and rivals: each gets one line that says what to do, and shows no secret."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg
import pytest
import typer
import typer.main
from typer.testing import CliRunner

from ingestion import database
from ingestion.errors import ShopError
from pipeline.cli.app import app
from pipeline.errors import ConfigurationError, StepError
from pipeline.snapshot import open_snapshot
from pipeline.warehouse.duckdb import DuckDBWarehouse

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_an_ingest_and_an_extract_do_not_wait_for_each_other(shop_url: str) -> None:
    with (
        open_snapshot(shop_url, exclusive=True),
        psycopg.connect(shop_url) as connection,
    ):
        free = connection.execute("select pg_try_advisory_xact_lock(%s)", [database.ADVISORY_LOCK]).fetchone()
    assert free == (True,)


def test_an_ingest_does_not_wait_for_another_for_ever(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_S", 0.2)
    with (
        database.shop_transaction(shop_url),
        pytest.raises(ShopError, match="another ingest of") as raised,
        database.shop_transaction(shop_url),
    ):
        pass
    assert "pg_stat_activity" in raised.value.remedy


def test_only_the_wait_for_other_ingests_is_limited(shop_url: str) -> None:
    with database.shop_transaction(shop_url) as cursor:
        assert cursor.execute("show lock_timeout").fetchone() == ("0",)


@pytest.mark.parametrize("password", ["hunter@2secret", "5432/secret", "secret@"])
def test_the_shop_shows_no_part_of_a_password_that_is_not_percent_encoded(password: str) -> None:
    with (
        pytest.raises(ShopError, match="wrong place") as raised,
        database.shop_transaction(f"postgresql://u:{password}@127.0.0.1:1/db"),
    ):
        pass
    assert "secret" not in str(raised.value)
    assert "Percent-encode" in raised.value.remedy


def test_a_warehouse_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    with DuckDBWarehouse(tmp_path / "data" / "warehouse" / "warehouse.duckdb").lock():
        assert stat.S_IMODE((tmp_path / "data" / "warehouse").stat().st_mode) == 0o700


@pytest.mark.parametrize("place", ["file/warehouse.duckdb", "file/below/warehouse.duckdb", "taken.duckdb"])
def test_a_warehouse_that_cannot_be_there_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "taken.duckdb.lock").mkdir()
    with pytest.raises(StepError, match=f"cannot use the warehouse file .*{place}: .*"):
        DuckDBWarehouse(tmp_path / place).ledger()


def test_an_error_in_the_work_under_the_lock_stays_itself(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), DuckDBWarehouse(tmp_path / "warehouse.duckdb").lock():
        (tmp_path / "absent").read_bytes()


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000])
def test_a_file_that_is_no_database_is_named_as_such(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "warehouse.duckdb"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is no DuckDB database") as raised:
        DuckDBWarehouse(file).ledger()
    assert "TILLROLL_WAREHOUSE_URL" in raised.value.remedy
    assert "disk space" not in raised.value.remedy


@pytest.mark.parametrize("damage", [slice(4096, 12288), slice(100_000, None)])
def test_a_database_that_is_damaged_is_named_as_such(tmp_path: Path, damage: slice) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema staging; create table staging.t as select uuid() from range(100000)")
    content = bytearray(file.read_bytes())
    content[damage] = b"" if damage.stop is None else bytes(damage.stop - damage.start)
    file.write_bytes(content)
    with pytest.raises(StepError, match="is damaged") as raised:
        DuckDBWarehouse(file).row_counts()
    assert "move it away" in raised.value.remedy


def test_a_view_that_cannot_be_read_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create schema core; create table core.base as select 1 as a")
        connection.execute("create table core.brief as from core.base")
        connection.execute("create view core.narrow as select a from core.base; alter table core.base rename a to b")
        connection.execute("create view core.gone as from core.brief; drop table core.brief")
    assert warehouse.row_counts() == {"core.base": 1}
    assert "core.gone" in caplog.text
    assert "core.narrow" in caplog.text


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the program in a process of its own, with nothing set but the given variables and a data folder."""
    for name in [name for name in os.environ if name.startswith("TILLROLL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TILLROLL_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-c", "from pipeline.cli import main; main()", *arguments],
            env={**os.environ, **variables}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def _is_one_error(answer: subprocess.CompletedProcess[str], code: int, *named: str) -> None:
    assert answer.returncode == code, answer.stderr
    assert "Traceback" not in answer.stderr
    error, remedy = answer.stderr.splitlines()[-2:]  # what it was about to do may come before
    assert error.startswith("error: ")
    assert remedy.startswith("  remedy: ")
    assert [name for name in named if name not in error] == []


@pytest.mark.parametrize("arguments", [["up"], ["sync"], ["ingest"], ["url", "source"], ["down"]], ids=" ".join)
def test_a_data_folder_that_cannot_be_there(command: Command, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    place = str(tmp_path / "file" / "data")
    _is_one_error(command(*arguments, TILLROLL_DATA_DIR=place), 2, place, "Not a directory")


def test_a_size_that_is_none(command: Command) -> None:
    _is_one_error(command("audit", TILLROLL_WAREHOUSE_MEMORY="lots"), 2, "TILLROLL_WAREHOUSE_MEMORY")


def test_a_system_error_that_nobody_explained_names_its_file(command: Command, tmp_path: Path) -> None:
    lock = tmp_path / "data" / "postgres" / "in-use.lock"
    lock.mkdir(parents=True)
    _is_one_error(command("sync"), 1, f"Is a directory: {lock}")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (FileNotFoundError(2, "No such file or directory", "/a", None, "/b"), "No such file or directory: /a: /b"),
        (TimeoutError("timed out"), "timed out"),
        (psycopg.errors.UndefinedTable("no table x\nLINE 1"), "psycopg.UndefinedTable: no table x"),
        (psycopg.ProgrammingError("bad postgresql://me:hunter2@db"), "bad postgresql://me:***@db"),
        (duckdb.CatalogException("Catalog Error: no y\n\nLINE 1"), "duckdb.CatalogException: Catalog Error: no y"),
    ],
)
@pytest.mark.parametrize("verbose", [False, True])
def test_an_error_that_nobody_explained_is_one_line(error: Exception, shown: str, verbose: bool) -> None:
    result = CliRunner().invoke(_failing(error), ["--verbose", "fail"] if verbose else ["fail"])
    assert result.exit_code == 1
    assert ("Traceback" in result.stderr) == verbose
    assert result.stderr.splitlines()[-2].endswith(shown)


def test_a_reader_that_has_seen_enough_is_told_nothing() -> None:
    result = CliRunner().invoke(_failing(BrokenPipeError(errno.EPIPE, "Broken pipe")), ["fail"])
    assert result.exit_code == 1
    assert result.output == ""


def _failing(error: Exception) -> typer.Typer:
    """A program that ends as `tillroll` does when a command raises the error."""
    program = typer.Typer(cls=type(typer.main.get_group(app)))
    program.callback()(lambda verbose=False: None)

    @program.command()
    def fail() -> None:
        raise error

    return program
