"""Wrong settings, unusable places, and rivals: each gets one line that says what to do, and shows no secret."""

import psycopg
import pytest

from ingestion import database
from ingestion.errors import ShopError
from pipeline.snapshot import open_snapshot


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
