"""A source that stores its text in LATIN1: checksums are over UTF-8 on both sides, so it moves like any other."""

import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import duckdb
import psycopg
import pytest
from psycopg import sql

from pipeline import equality, steps
from pipeline.discover import discover
from pipeline.settings import Settings
from pipeline.snapshot import connect

DAY = date(2025, 1, 10)
TEXTS = ["", "café", "£ ¥ ¡¿", "ÿ", "Straße|~", None]


@pytest.fixture
def latin1_url(postgres_url: str) -> Iterator[str]:
    name = f"latin1_{uuid.uuid4().hex[:12]}"
    create = "create database {} template template0 encoding 'LATIN1' locale_provider libc locale 'C'"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL(create).format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_a_latin1_source_is_discovered_moved_and_healed(latin1_url: str, tmp_path: Path) -> None:
    catalog = tmp_path / "tables.yml"
    settings = Settings(_env_file=None, source="external", source_url=latin1_url, data_dir=tmp_path, catalog=catalog)
    with connect(latin1_url) as connection:
        connection.execute(
            'create schema "Été"; create table "Été"."Größe" (id int primary key, "naïf" text, a text[], d date)'
        )
        connection.execute("""insert into "Été"."Größe" values (99, 'ÿ', null, 'infinity')""")
        for number, text in enumerate(TEXTS):
            connection.execute('insert into "Été"."Größe" values (%s, %s, %s)', [number, text, [text, "é"]])
        catalog.write_text(discover(connection).text, encoding="utf-8")

        steps.sync_day(settings, DAY)
        with duckdb.connect(settings.warehouse.removeprefix("duckdb://"), read_only=True) as warehouse:
            arrived = warehouse.execute('select "naïf" from staging."Größe" order by id').fetchall()
            kept = warehouse.execute('select reason, source_row from staging."rejected_Größe"').fetchall()
        assert [text for (text,) in arrived] == TEXTS
        assert kept == [("d is infinite", '{"id":99,"naïf":"ÿ","a":null,"d":"infinity"}')]
        assert equality.audit(settings).equal

        connection.execute("""update "Été"."Größe" set "naïf" = 'cafè' where id = 1""")
        assert not equality.audit(settings).equal
        assert steps.sync_day(settings, DAY).publish.partitions == {"Größe": 1}
        assert equality.audit(settings).equal
