"""The main job, whole: real servers, the real scheduler, days through all DAGs, a failure heard and repaired."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any

import duckdb
import psycopg
import pytest
from installation import Installation, installed

from ingestion.expected import expected_totals
from pipeline.airflow_support.chain import CHAIN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FIRST, LAST = date(2025, 1, 1), date(2025, 1, 3)
NEXT = LAST + timedelta(days=1)
PATIENCE_S = 180.0


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose servers are up, with nothing in it yet."""
    with installed(tmp_path_factory.mktemp("e2e")) as installation:
        yield installation


def test_a_backfill_carries_each_day_through_all_dags(installation: Installation) -> None:
    done = installation.tillroll("backfill", "--from", str(FIRST), "--to", str(LAST), "--json")
    days = [str(FIRST + timedelta(days=offset)) for offset in range(3)]
    assert [state["day"] for state in json.loads(done.stdout)] == days
    assert all(state["done"] for state in json.loads(done.stdout))
    assert installation.runs() == Counter((dag, day, "success") for dag in CHAIN for day in days)
    assert installation.mails() == []


def test_the_warehouse_equals_the_source(installation: Installation) -> None:
    assert "equal" in installation.tillroll("audit").stdout


def test_the_marts_equal_what_the_shop_says_it_did(installation: Installation) -> None:
    expected = {
        day.day: (day.orders, day.units, day.revenue, day.rows["session"], day.rows["review"])
        for day in expected_totals(installation.source_url)
    }
    with duckdb.connect(str(installation.folder / "data/warehouse/datamart.duckdb"), read_only=True) as datamart:
        rows = datamart.execute(
            "select day, orders, units, revenue, sessions, reviews from datamart.marts_daily_sales"
        ).fetchall()
    assert max(expected) == LAST
    assert len(expected) > 10
    assert {day: measures for day, *measures in rows if tuple(measures) != expected.get(day)} == {}
    assert {day for day, *_ in rows} >= set(expected)


def test_a_day_that_ran_is_left_alone(installation: Installation) -> None:
    before = installation.runs()
    done = installation.tillroll("backfill", "--from", str(FIRST), "--to", str(LAST))
    assert done.stdout.count("had run already, done") == 3
    assert installation.runs() == before


def test_a_failure_is_told_once_and_stops_the_day(installation: Installation) -> None:
    _rename_column(installation, "provider", "company")
    failed = installation.tillroll("chain", "--day", str(NEXT), expect=1)
    assert "postgres_to_gcs.extract failed for 2025-01-04: SchemaDriftError" in failed.stderr
    assert "/dags/postgres_to_gcs/runs/" in failed.stderr

    (mail,) = installation.mails()
    assert mail["Subject"] == "[Tillroll] FAILED postgres_to_gcs.extract for 2025-01-04"
    text = _text(mail)
    assert "pipeline.errors.SchemaDriftError" in text
    assert "provider" in text
    assert "- staging: NOT 2025-01-04; days up to 2025-01-03, since" in " ".join(text.split())
    assert "/dags/postgres_to_gcs/runs/" in text
    assert _password(installation) not in mail.as_string()

    of_the_day = {run: count for run, count in installation.runs().items() if run[1] == str(NEXT)}
    assert of_the_day == {
        ("ingest_to_postgres", str(NEXT), "success"): 1,
        ("postgres_to_gcs", str(NEXT), "failed"): 1,
    }


def test_a_repaired_day_goes_through_and_its_failure_is_over(installation: Installation) -> None:
    _rename_column(installation, "company", "provider")
    installation.tillroll("backfill", "--from", str(NEXT), "--to", str(NEXT), "--reprocess")
    installation.tillroll("audit")
    deadline = time.monotonic() + PATIENCE_S
    while len(installation.mails()) < 2:
        assert time.monotonic() < deadline, "nobody said that it is over"
        time.sleep(1)

    failed, over = installation.mails()
    assert over["Subject"] == "[Tillroll] RESOLVED postgres_to_gcs.extract for 2025-01-04"
    assert over["In-Reply-To"] == failed["Message-ID"]


def _rename_column(installation: Installation, old: str, new: str) -> None:
    with psycopg.connect(installation.source_url) as connection:
        connection.execute(f'alter table ecommerce.payment_method rename column "{old}" to "{new}"')


def _text(mail: EmailMessage) -> str:
    body: Any = mail.get_body(("plain",))
    return str(body.get_content())


def _password(installation: Installation) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(installation.source_url)["password"])
