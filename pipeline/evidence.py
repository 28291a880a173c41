"""Evidence: queries for a person to paste, who wants to see the rows that a difference is about."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from pipeline.audit import Difference
from pipeline.catalog import Table
from pipeline.manifest import LakeObject

# Partitions whose queries are shown; those of the others read alike.
_SHOWN = 3


def of_refused(differences: Iterable[Difference], load: Mapping[Table, Iterable[LakeObject]]) -> str:
    """Where the rows of loaded partitions are that the audit refuses: in the source, and in the lake."""
    objects = {found.partition: (table, found) for table, loaded in load.items() for found in loaded}
    chosen = [objects[difference.partition] for difference in differences if difference.partition in objects]
    return "\n".join(line for table, found in chosen[:_SHOWN] for line in _both(table, found))


def in_source(table: Table, day: date | None) -> str:
    """The rows of a partition in PostgreSQL. A companion's are among its table's."""
    table = table.rejects or table
    query = f"select * from {_quoted(table.schema)}.{_quoted(table.name)}"
    if not table.is_daily or day is None or day == date.min:
        return f"{query};"
    column, after = _quoted(table.partition_column.name), day + timedelta(days=1)
    return f"{query} where {column} >= '{day}T00:00Z' and {column} < '{after}T00:00Z';"


def in_staging(table: str, partition: str | None, day: date | None, warehouse: str) -> str:
    """The rows of a published partition. `partition` is a daily table's column, `warehouse` the warehouse's URL."""
    mark = "`" if warehouse.startswith("bigquery://") else '"'
    query = f"select * from staging.{mark}{table}{mark}"
    return f"{query};" if partition is None else f"{query} where cast({mark}{partition}{mark} as date) = '{day}';"


def _both(table: Table, found: LakeObject) -> Iterator[str]:
    yield f"in the source: {in_source(table, found.partition.day)}"
    yield f"in the lake: {', '.join(part.path for part in found.parts)}"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
