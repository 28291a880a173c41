"""The embedded PostgreSQL as its users see it."""

import psycopg
from psycopg.conninfo import conninfo_to_dict


def test_server_is_what_the_fingerprints_rely_on(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        locale = connection.execute("select datlocprovider, datlocale from pg_database where datname = 'postgres'")
        assert locale.fetchone() == ("b", "C.UTF-8")
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("show timezone").fetchone() == ("UTC",)
        assert connection.execute("show unix_socket_directories").fetchone() == ("",)
        assert connection.execute("show password_encryption").fetchone() == ("scram-sha-256",)


def test_fresh_database_is_empty_and_separate(shop_url: str, postgres_url: str) -> None:
    assert conninfo_to_dict(shop_url)["dbname"] != conninfo_to_dict(postgres_url)["dbname"]
    with psycopg.connect(shop_url) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
        assert tables == (0,)
