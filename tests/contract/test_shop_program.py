"""`main(n)` and `python ingestion/main_ingestion.py`: what the README promises to a person at a terminal."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from shop_state import FIRST, SMALL, dump, value

from ingestion.errors import ShopError
from ingestion.main_ingestion import ingest, main

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[2] / "ingestion" / "main_ingestion.py"
TRANSACTIONS = "select count(*) from ecommerce.transaction"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small shop's configuration, in force for this process and its children."""
    path = tmp_path / "shop.yml"
    path.write_text(SMALL.model_dump_json(), encoding="utf-8")
    monkeypatch.setenv("TILLROLL_INGESTION_CONFIG", str(path))
    return path


def run(*arguments: str, url: str | None, folder: Path = SCRIPT.parents[1]) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name != "TILLROLL_SOURCE_URL"}
    if url:
        environment["TILLROLL_SOURCE_URL"] = url
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("config")
def test_an_empty_database_gets_the_first_load_and_the_batch(shop_url: str) -> None:
    report = main(40, url=shop_url)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    assert report.day == yesterday
    assert report.inserted["transaction"] == 250 + 40
    assert value(shop_url, "select first_day from shop_ledger.shop") == yesterday


@pytest.mark.usefixtures("config")
def test_every_call_adds_n_transactions(shop_url: str) -> None:
    ingest(shop_url, FIRST)
    for day, total in ((FIRST, 350), (FIRST, 450), (FIRST - timedelta(days=9), 550), (FIRST + timedelta(days=4), 650)):
        report = main(100, day, shop_url)
        assert report.inserted["transaction"] == 100
        assert report.inserted["session"] > 100
        assert value(shop_url, TRANSACTIONS) == total
    placed = "select count(*) from ecommerce.transaction where created_at::date = '2025-02-04'"
    assert value(shop_url, placed) == 100


@pytest.mark.usefixtures("config")
def test_days_do_not_mind_batches(shop_url: str) -> None:
    """A day ingested after an extra batch on it, or before: the same shop."""
    ingest(shop_url, FIRST)
    later = FIRST + timedelta(days=2)
    main(50, later, shop_url)
    ingest(shop_url, later)
    first = dump(shop_url)
    with psycopg.connect(shop_url) as connection:
        connection.execute("drop schema ecommerce, shop_ledger cascade")
    ingest(shop_url, FIRST)
    ingest(shop_url, later)
    main(50, later, shop_url)
    assert dump(shop_url) == first


@pytest.mark.usefixtures("config")
def test_what_cannot_be_inserted_is_refused(shop_url: str) -> None:
    ingest(shop_url, FIRST)
    before = dump(shop_url)
    with pytest.raises(ShopError, match="before the shop's history"):
        main(10, FIRST - timedelta(days=10), shop_url)
    with pytest.raises(ShopError, match="cannot insert 0"):
        main(0, FIRST, shop_url)
    assert dump(shop_url) == before


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("folder", [SCRIPT.parents[1], Path("/")])
def test_the_script_inserts_transactions(shop_url: str, folder: Path) -> None:
    done = run("--n", "30", "--day", "2025-01-31", url=shop_url, folder=folder)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "2025-01-31: " in done.stderr
    assert value(shop_url, TRANSACTIONS) == 280


def test_the_script_says_what_to_do_when_nobody_answers() -> None:
    done = run(url="postgresql://me:hidden@127.0.0.1:1/shop")
    assert done.returncode == 2
    assert "make up" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr


def test_a_wrong_day_is_wrong_use() -> None:
    done = run("--day", "31.01.2025", url="postgresql://127.0.0.1:1/shop")
    assert done.returncode == 2
    assert "--day" in done.stderr
