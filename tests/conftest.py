"""Fixtures every suite shares. The servers are real."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.settings import Settings

pytest_plugins = ("emulated_cloud",)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's URL of an embedded PostgreSQL of this test run, database `postgres`."""
    data = tmp_path_factory.mktemp("postgres")
    settings = Settings(data_dir=data, host="127.0.0.1", postgres_port=0)
    # Nobody needs these rows after a power cut.
    with EmbeddedPostgres(
        settings, fsync="off", full_page_writes="off", max_prepared_transactions="2"
    ).running() as server:
        yield server.url("postgres")


@pytest.fixture
def shop_url(postgres_url: str) -> Iterator[str]:
    """The URL of a fresh, empty database; it goes away after the test, whoever is still connected."""
    with _fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="module")
def shop_url_of_module(postgres_url: str) -> Iterator[str]:
    """The same, for all tests of a module together."""
    with _fresh_database(postgres_url) as url:
        yield url


@contextmanager
def _fresh_database(postgres_url: str) -> Iterator[str]:
    name = f"shop_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
