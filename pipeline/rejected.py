"""Rejected rows: what no warehouse can be trusted to hold exactly lies in a table of its own, with the reason.

Every source table has such a companion, `rejected_<table>`. Both come from one reading of the source, which each row
leaves on one side: so the published rows and the rejected ones are the source's rows, always. A companion goes the way
of all tables, fingerprint, lake, audit and ledger; it is in the warehouse from the first row that is rejected.
"""

from collections.abc import Iterable
from datetime import date

from pipeline.catalog import Catalog, Column, Table
from pipeline.column_types import resolve_type
from pipeline.ledger import Ledger
from pipeline.manifest import Found

# Where a row lies whose partition column is null, infinite, or outside of the years 1 to 9999. Every run looks there.
NO_DAY = date.min

# BigQuery takes 100 MB a row. Text may need twice its bytes in a CSV, three times where the source's encoding is not
# UTF-8; DuckDB reads a line of such a size within its memory.
MAX_ROW_BYTES = 16_000_000

# A row is shown as JSON, which may need six times its bytes.
MAX_SHOWN_BYTES = 2_000_000
MAX_KEY_CHARACTERS = 1_000

DAY, ROW_KEY, REASON, SOURCE_ROW = "day", "row_key", "reason", "source_row"


def rejected_table(table: Table) -> Table:
    """The table of the rows that `table` rejects: the day (of a daily table), the row's key, why, and the row."""
    columns = [_text(ROW_KEY), _text(REASON), _text(SOURCE_ROW)]
    if table.is_daily:
        columns.insert(0, Column(DAY, resolve_type("date"), nullable=False))
    return Table(
        schema=table.schema,
        name=table.companion,
        columns=tuple(columns),
        key=(),
        partition=DAY if table.is_daily else None,
        description=f"Rows of {table.name} that no warehouse can be trusted to hold exactly, each with the reason.",
        rejects=table,
    )


def with_rejected(tables: Iterable[Table]) -> tuple[Table, ...]:
    """Each table, and its companion behind it."""
    return tuple(each for table in tables for each in (table, rejected_table(table)))


def everything(catalog: Catalog) -> Catalog:
    """The catalog with all companions among its tables: what a run publishes."""
    return Catalog(catalog.schema, with_rejected(catalog.tables), catalog.path)


def rejected_rows(catalog: Catalog, ledger: Ledger, published: Iterable[Found]) -> dict[str, int]:
    """How many rows each companion has, once these partitions are published too; none where there are none."""
    rows = {partition: entry.fingerprint.rows for partition, entry in ledger.items()}
    rows |= {found.partition: found.rows for found in published}
    of_tables = ((t.companion, sum(n for p, n in rows.items() if p.table == t.companion)) for t in catalog)
    return {companion: count for companion, count in of_tables if count}


def _text(name: str) -> Column:
    return Column(name, resolve_type("text"), nullable=True)
