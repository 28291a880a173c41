"""The doctor's look at the source database."""

from contextlib import nullcontext

import psycopg
from psycopg import sql

from pipeline.catalog import Catalog, load_catalog
from pipeline.drift import fit_catalog
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.embedded.urls import source_url
from pipeline.finding import Facts, Verdict
from pipeline.settings import Settings
from pipeline.snapshot import open_snapshot
from pipeline.source_indexes import unindexed
from pipeline.source_schema import read_schema

OLDEST_POSTGRES = 14


def examine_source(settings: Settings) -> Facts:
    """Does it answer, can its snapshots be shared, does it fit the catalog, may its tables be read?"""
    if settings.source == "external" and settings.source_url is None:
        yield Verdict.WARN, "a source of your own, but no URL: the embedded one is used", "Set TILLROLL_SOURCE_URL."
    embedded = EmbeddedPostgres(settings)
    with embedded.running() if settings.source_url is None else nullcontext():
        yield from _source_database(settings, source_url(settings))


def _source_database(settings: Settings, url: str) -> Facts:
    with open_snapshot(url) as snapshot:
        info = snapshot.leader.info
        yield Verdict.OK, f"PostgreSQL {info.server_version // 10_000} at {info.host}:{info.port}/{info.dbname}", ""
        if info.server_version < OLDEST_POSTGRES * 10_000:
            remedy = f"Tillroll is tried with {OLDEST_POSTGRES} and later; `tillroll audit` says whether it works."
            yield Verdict.WARN, f"PostgreSQL {info.server_version // 10_000} is old", remedy
        with snapshot.connect() as follower:
            yield Verdict.OK, "a snapshot can be shared between connections", ""
            yield from _tables(settings, follower)


def _tables(settings: Settings, connection: psycopg.Connection) -> Facts:
    catalog = load_catalog(settings.catalog_path)
    found = read_schema(connection, catalog.schema)
    if settings.source == "shop" and not any(table.name in found for table in catalog):
        yield Verdict.WARN, f"no tables in schema {catalog.schema} yet", "`tillroll ingest` founds the practice shop."
        return
    fitted = fit_catalog(connection, catalog)
    remedy = f"`tillroll discover` prints the source as it is: take over into {settings.catalog_path} what you want."
    for drift in fitted.drifts:
        yield Verdict.WARN, str(drift), remedy
    yield from _permissions(fitted.catalog, connection)
    for slow in unindexed(connection, fitted.catalog):
        what = f"{slow.table.name} ({slow.pages * 8 // 1024:,} MiB) has no index that begins with"
        yield Verdict.WARN, f"{what} {slow.table.partition}: every run reads all of it", slow.remedy


def _permissions(catalog: Catalog, connection: psycopg.Connection) -> Facts:
    refused = []
    for table in catalog:
        columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
        try:
            with connection.transaction():
                connection.execute(
                    sql.SQL("select {} from {} limit 0").format(columns, sql.Identifier(table.schema, table.name))
                )
        except psycopg.errors.InsufficientPrivilege as error:
            refused.append(f"{table.name} ({error.diag.message_primary})")
    if refused:
        grant = (
            f"grant usage on schema {catalog.schema} to …; grant select on all tables in schema {catalog.schema} to …"
        )
        yield Verdict.FAIL, f"may not be read: {', '.join(refused)}", f"As their owner: {grant}."
    else:
        yield Verdict.OK, f"all {len(catalog.tables)} tables of the catalog can be read", ""
