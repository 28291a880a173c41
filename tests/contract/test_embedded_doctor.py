"""The doctor must find each fault that is planted, and nothing where there is none."""

import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import duckdb
import psycopg
import pytest
from filelock import FileLock
from pydantic import SecretStr
from typer.testing import CliRunner

from pipeline.cli import doctor as _command  # noqa: F401 - adds the command
from pipeline.cli.app import app
from pipeline.doctor import examine
from pipeline.finding import Finding, Verdict
from pipeline.settings import Settings
from pipeline.warehouse.duckdb import DuckDBWarehouse

pytestmark = pytest.mark.slow

CATALOG = """
schema: shop
tables:
  sale:
    key: [id]
    partition: created_at
    columns: {id: bigint not null, amount: "numeric(10,2)", created_at: timestamptz not null}
  place:
    key: [id]
    columns: {id: bigint not null}
"""
TABLES = """
create schema shop;
create table shop.sale (id bigint primary key, amount numeric(10,2), created_at timestamptz not null);
create table shop.place (id bigint primary key);
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TILLROLL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def closed_port() -> int:
    """A port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path, shop_url: str) -> Settings:
    """Settings of a source of one's own, with two tables."""
    with psycopg.connect(shop_url) as connection:
        connection.execute(TABLES)
    (tmp_path / "tables.yml").write_text(CATALOG)
    return Settings(
        source="external", source_url=SecretStr(shop_url), catalog=tmp_path / "tables.yml", data_dir=tmp_path / "data"
    )


def _found(settings: Settings, check: str, verdict: Verdict) -> list[Finding]:
    return [finding for finding in examine(settings) if finding.check == check and finding.verdict is verdict]


def _one(settings: Settings, check: str, verdict: Verdict) -> Finding:
    [finding] = _found(settings, check, verdict)
    assert finding.remedy
    return finding


def test_sound_installation_has_no_failures(settings: Settings) -> None:
    findings = list(examine(settings))
    assert [finding for finding in findings if finding.verdict is Verdict.FAIL] == []
    assert {finding.check for finding in findings} == {
        "settings", "data folder", "source", "lake", "warehouse", "mail", "alerts", "servers",
    }  # fmt: skip
    assert list((settings.data / "lake").glob(".doctor*")) == []


def test_misspelt_setting(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLROLL_SOURC_URL", "postgresql://nowhere")
    assert "TILLROLL_SOURC_URL" in _one(settings, "settings", Verdict.WARN).detail


def test_catalog_that_is_not_there(settings: Settings) -> None:
    settings.catalog_path.unlink()
    assert _one(settings, "settings", Verdict.FAIL).wrong_use


def test_source_that_does_not_answer(settings: Settings, closed_port: int) -> None:
    away = settings.model_copy(update={"source_url": SecretStr(f"postgresql://a@127.0.0.1:{closed_port}/a")})
    assert f"127.0.0.1:{closed_port}" in _one(away, "source", Verdict.FAIL).detail


def test_column_of_another_type(settings: Settings, shop_url: str) -> None:
    with psycopg.connect(shop_url) as connection:
        connection.execute("alter table shop.sale alter amount type text")
    assert "sale.amount is text" in _one(settings, "source", Verdict.FAIL).detail


def test_what_a_table_follows_is_shown_as_long_as_the_file_differs(settings: Settings, shop_url: str) -> None:
    settings.catalog_path.write_text(f"drift: evolve\n{CATALOG}")
    with psycopg.connect(shop_url) as connection:
        connection.execute("alter table shop.sale drop amount, add note text; create table shop.gift (id int)")

    shown = [finding.detail for finding in _found(settings, "source", Verdict.WARN)]

    anew = "and sale is published anew with all its history"
    assert shown == [
        f"column sale.amount (numeric(10,2)) is not there (drift: evolve): it goes from the warehouse too, {anew}",
        f"column sale.note (text) is not in the catalog (drift: evolve): it arrives, {anew}",
        "not in the catalog: table gift of schema shop: not moved",
    ]
    assert [finding.detail for finding in _found(settings, "source", Verdict.FAIL)] == []


def test_column_that_is_not_in_the_catalog(settings: Settings, shop_url: str) -> None:
    with psycopg.connect(shop_url) as connection:
        connection.execute("alter table shop.sale add note text")
    assert "sale.note" in _one(settings, "source", Verdict.WARN).detail


def test_table_that_may_not_be_read(settings: Settings, shop_url: str) -> None:
    reader = f"reader_{os.getpid()}"
    with psycopg.connect(shop_url, autocommit=True) as connection:
        connection.execute(f"create role {reader} login password 'reader'")
        try:
            connection.execute(f"grant usage on schema shop to {reader}; grant select on shop.place to {reader}")
            parts = urlsplit(shop_url)
            url = urlunsplit(parts._replace(netloc=f"{reader}:reader@{parts.hostname}:{parts.port}"))
            limited = Settings(source_url=SecretStr(url), catalog=settings.catalog_path, data_dir=settings.data)
            finding = _one(limited, "source", Verdict.FAIL)
            assert "sale" in finding.detail
            assert "place" not in finding.detail
            assert "grant select" in finding.remedy
        finally:
            connection.execute(f"drop owned by {reader}; drop role {reader}")


def test_empty_shop_is_only_a_warning(tmp_path: Path, shop_url: str) -> None:
    fresh = Settings(source_url=SecretStr(shop_url), data_dir=tmp_path)
    assert "tillroll ingest" in _one(fresh, "source", Verdict.WARN).remedy
    assert _found(fresh, "source", Verdict.FAIL) == []


def test_lake_that_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = settings.model_copy(update={"lake_url": (tmp_path / "file" / "lake").as_uri()})
    assert "file" in _one(blocked, "lake", Verdict.FAIL).detail


def test_lake_of_a_kind_nobody_knows(settings: Settings) -> None:
    assert _one(settings.model_copy(update={"lake_url": "ftp://x"}), "lake", Verdict.FAIL).wrong_use


def test_warehouse_that_is_in_use(settings: Settings) -> None:
    folder = settings.data / "warehouse"
    folder.mkdir(mode=0o700, parents=True)
    with FileLock(folder / "warehouse.duckdb.lock"):
        assert "in use" in _one(settings, "warehouse", Verdict.WARN).detail


def test_warehouse_that_is_damaged(settings: Settings) -> None:
    folder = settings.data / "warehouse"
    folder.mkdir(parents=True)
    (folder / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    assert "warehouse.duckdb" in _one(settings, "warehouse", Verdict.FAIL).detail


def test_folders_that_tillroll_makes_are_private(settings: Settings) -> None:
    with DuckDBWarehouse.from_url(settings.warehouse).publication():
        pass
    assert [f.detail for f in examine(settings) if "open to others" in f.detail] == []


@pytest.mark.parametrize("place", ["lake", "warehouse"])
def test_folder_that_others_may_read(settings: Settings, place: str) -> None:
    folder = settings.data / place
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    finding = _one(settings, place, Verdict.WARN)
    assert f"{folder} is open to others" in finding.detail
    assert finding.remedy.endswith(f"chmod 700 {folder}")


def test_folder_of_other_things_is_not_to_be_closed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "everybody's").mkdir()
    (tmp_path / "everybody's").chmod(0o777)
    shared = settings.model_copy(update={"warehouse_url": f"duckdb://{tmp_path}/everybody's/warehouse.duckdb"})
    assert "a folder of its own" in _one(shared, "warehouse", Verdict.WARN).remedy


def test_warehouse_in_which_something_else_lies(settings: Settings) -> None:
    path = DuckDBWarehouse.from_url(settings.warehouse).path
    path.parent.mkdir(mode=0o700, parents=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema staging; create table staging.old as select 1 as a")
        connection.execute("create view staging._ledger as from staging.old; drop table staging.old")
    assert "CatalogException" in _one(settings, "warehouse", Verdict.FAIL).detail


def test_mail_server_that_does_not_answer(settings: Settings, closed_port: int) -> None:
    away = Settings(data_dir=settings.data, smtp_url=SecretStr(f"smtp://me:secret@127.0.0.1:{closed_port}"))
    finding = _one(away, "mail", Verdict.FAIL)
    assert "cannot be reached" in finding.detail
    assert "secret" not in finding.detail + finding.remedy


def test_rules_on_alerts_that_are_wrong(settings: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "alerts.yml"
    rules.write_text("routes: [{name: analysts, channels: [slack]}]")
    wrong = settings.model_copy(update={"alerts": rules})

    found = _one(wrong, "alerts", Verdict.FAIL)

    assert "route 'analysts': there is no channel 'slack'" in found.detail
    assert "these: mail" in found.remedy


def test_configured_port_that_is_taken(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = settings.model_copy(update={"airflow_port": server.getsockname()[1]})
        assert "TILLROLL_AIRFLOW_PORT" in _one(taken, "servers", Verdict.FAIL).remedy


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, 0),
        ({"TILLROLL_WAREHOUSE_URL": "oracle://x"}, 2),
        ({"TILLROLL_SMTP_URL": "smtp://127.0.0.1:1"}, 1),
        ({"TILLROLL_LOOKBACK": "never"}, 2),
    ],
)
def test_exit_code_and_json(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, shop_url: str, variables: dict[str, str], code: int
) -> None:
    own = {
        "TILLROLL_SOURCE": "external",
        "TILLROLL_SOURCE_URL": shop_url,
        "TILLROLL_DATA_DIR": str(settings.data),
        "TILLROLL_CATALOG": str(settings.catalog_path),
    }
    for name, value in {**own, **variables}.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == code
    if "TILLROLL_LOOKBACK" not in variables:
        failed = [finding for finding in json.loads(result.stdout) if finding["verdict"] == "fail"]
        assert bool(failed) == bool(code)
