"""Which daily tables of the source can be read by day, so that a run costs what its days cost and not the history."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL, Identifier

from pipeline.catalog import Catalog, Table
from pipeline.source_sql import relation

# A smaller table is read at once whatever it has: 8 MiB.
SMALL_PAGES = 1_000

# An index helps that begins with the column and covers every row, whatever its kind; so do partitions by the column.
_FOUND = SQL("""
select c.relkind = 'p', pg_catalog.sum(pg_catalog.pg_relation_size(part.oid)) / 8192, bool_or(exists (
    select from pg_catalog.pg_index i join pg_catalog.pg_class ic on ic.oid = i.indexrelid
        join pg_catalog.pg_am am on am.oid = ic.relam
    where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null
        and am.amname in ('btree', 'brin')
)), bool_or(exists (
    select from pg_catalog.pg_partitioned_table p where p.partrelid = c.oid and p.partattrs[0] = a.attnum
))
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = %s
    join pg_catalog.pg_class part on part.oid = c.oid
        or part.oid in (select relid from pg_catalog.pg_partition_tree(c.oid))
where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p')
group by c.oid, c.relkind
""")


@dataclass(frozen=True, slots=True)
class Unindexed:
    """A daily table of which every run reads all rows, and what its owner may do about it."""

    table: Table
    pages: int
    remedy: str


def unindexed(connection: psycopg.Connection, catalog: Catalog) -> Iterator[Unindexed]:
    """The daily tables that are not small and have neither an index nor partitions for the column of their days."""
    for table in catalog:
        if not table.is_daily:
            continue
        column = table.partition_column.name
        row = connection.execute(_FOUND, [column, table.schema, table.name]).fetchone()
        if row is None:  # a view, or a foreign table: what it reads is its owner's business
            continue
        is_partitioned, pages, is_indexed, is_by_day = row
        if pages >= SMALL_PAGES and not (is_indexed or is_by_day):
            yield Unindexed(table, int(pages), _remedy(connection, table, column, is_partitioned=is_partitioned))


def _remedy(connection: psycopg.Connection, table: Table, column: str, *, is_partitioned: bool) -> str:
    """A B-tree: it finds late and updated rows too, which lie anywhere in the table."""
    create = SQL("create index on {} ({})" if is_partitioned else "create index concurrently on {} ({})")
    statement = create.format(relation(table), Identifier(column)).as_string(connection)
    if is_partitioned:  # PostgreSQL makes it in all partitions at once, and not concurrently
        return f"As its owner, at a quiet hour, since writers wait meanwhile: `{statement}`."
    return f"As its owner, outside of a transaction: `{statement}`. Writers go on meanwhile."
