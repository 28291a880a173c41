"""Drift: the source's columns are no longer the catalog's, and each table's policy says what a run does about it.

`freeze` stops the run before it reads a row, where a column that it moves is gone or has another type. `evolve` goes on
with the columns that the source has now: the table's `schema_id` is another, so it is published anew with all its
history. What only a person can know stops the run under both: a table that is gone, a key or a day without its column.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import psycopg

from pipeline.catalog import Catalog, Table, with_columns
from pipeline.column_types import normalise_type, resolve_type
from pipeline.errors import SchemaDriftError
from pipeline.ledger import Ledger
from pipeline.manifest import Evolved
from pipeline.schema_changes import Change, Kind, schema_changes
from pipeline.source_schema import SourceTable, read_schema

_FOLLOWED = {
    Kind.ADDED: "it arrives",
    Kind.DROPPED: "it goes from the warehouse too",
    Kind.RENAMED: "the one goes, the other arrives",
    Kind.RETYPED: "it takes the new type",
}
_HARMLESS = {
    Kind.UNLISTED: "not moved",
    Kind.ADDED: "it is not moved",
    Kind.LOOSENED: "nulls arrive",
    Kind.TIGHTENED: "nothing changes",
}


@dataclass(frozen=True, slots=True)
class Drift:
    """A change, and what a run does about it: it stops, or the table follows, or neither.

    `policy` is the table's; empty for tables that the catalog does not have.
    """

    change: Change
    policy: str
    consequence: str
    stops: bool = False
    follows: bool = False

    def __str__(self) -> str:
        policy = f" (drift: {self.policy})" if self.policy else ""
        return f"{self.change}{policy}: {self.consequence}"


@dataclass(frozen=True, slots=True)
class Fitted:
    """The catalog as it fits the source: `evolved` are its tables that have other columns than in the file."""

    catalog: Catalog
    drifts: tuple[Drift, ...] = ()
    evolved: Mapping[str, Evolved] = field(default_factory=dict)

    def warnings(self, ledger: Ledger) -> tuple[str, ...]:
        """A line for each change that a run should tell.

        What a table follows is told until it is published so; what is left out, for as long as the file differs.
        """
        told = (drift for drift in self.drifts if drift.change.kind is not Kind.TIGHTENED)
        return tuple(str(d) for d in told if not (d.follows and ledger.knows(self.catalog.table(d.change.table))))


def fit_catalog(connection: psycopg.Connection, catalog: Catalog) -> Fitted:
    """Hold the catalog to the source, and let those tables follow it whose policy is to evolve.

    Raises:
        SchemaDriftError: the source has changed in a way that a table's policy, or any, does not allow.
        ConfigurationError: a new column has a name that no warehouse keeps apart from another's.
    """
    source = read_schema(connection, catalog.schema)
    drifts = find_drifts(catalog, source)
    if stopping := [drift for drift in drifts if drift.stops]:
        raise _refused(catalog, stopping)
    following = {drift.change.table for drift in drifts if drift.follows}
    evolved = {
        t.name: Evolved(of=t.schema_id, columns=_columns(t, source[t.name])) for t in catalog if t.name in following
    }
    return Fitted(with_evolved(catalog, evolved), drifts, evolved)


def find_drifts(catalog: Catalog, source: Mapping[str, SourceTable]) -> tuple[Drift, ...]:
    """Every change, with what a run does about it."""
    tables = {table.name: table for table in catalog}
    return tuple(_judge(change, tables.get(change.table)) for change in schema_changes(catalog, source))


def with_evolved(catalog: Catalog, evolved: Mapping[str, Evolved]) -> Catalog:
    """The catalog with the columns that these tables had in the source.

    A table that is another in the file by now, or that is not to evolve any more, stays what the file says.
    """
    return replace(catalog, tables=tuple(_with_evolved(t, evolved.get(t.name), catalog) for t in catalog))


def _with_evolved(table: Table, evolved: Evolved | None, catalog: Catalog) -> Table:
    if evolved is None or evolved.of != table.schema_id or table.drift != "evolve":
        return table
    return with_columns(table, evolved.columns, catalog.path)


def _judge(change: Change, table: Table | None) -> Drift:
    if table is None:
        return Drift(change, "", _HARMLESS[change.kind])
    if reason := _irreplaceable(change, table):
        return Drift(change, table.drift, f"{reason}: the run stops", stops=True)
    if change.kind in _FOLLOWED and table.drift == "evolve":
        consequence = f"{_FOLLOWED[change.kind]}, and {table.name} is published anew with all its history"
        return Drift(change, table.drift, consequence, follows=True)
    if change.kind is Kind.LOOSENED and change.column == table.partition:
        return Drift(change, table.drift, f"rows without a day go to {table.companion}")
    if change.kind in _HARMLESS:
        return Drift(change, table.drift, _HARMLESS[change.kind])
    return Drift(change, table.drift, "the run stops", stops=True)


def _irreplaceable(change: Change, table: Table) -> str | None:
    """Why no policy can follow this change."""
    if change.kind is Kind.GONE:
        return "its rows are not taken for deleted"
    if change.kind in {Kind.DROPPED, Kind.RENAMED} and change.column in table.key:
        return "it is part of the key"
    if change.column != table.partition or change.kind not in {Kind.DROPPED, Kind.RENAMED, Kind.RETYPED}:
        return None
    if change.kind is Kind.RETYPED and resolve_type(change.now).has_day:
        return None
    return "it partitions the table by day"


def _columns(table: Table, source: SourceTable) -> dict[str, str]:
    """The source's columns, those that are as in the file declared as there.

    They stand in the source's order, as `discover` would write them, or, where the file has an order of its own, in
    that one with the new ones behind.
    """
    now = {column.name: column.declaration for column in source.columns}
    types = {column.name: normalise_type(column.type) for column in source.columns}
    as_in_file = {c.name: c.declaration for c in table.columns if types.get(c.name) == c.type.source}
    kept = [column.name for column in table.columns if column.name in now]
    names = now if [name for name in now if name in kept] == kept else dict.fromkeys([*kept, *now])
    return {name: as_in_file.get(name, now[name]) for name in names}


def _refused(catalog: Catalog, stopping: Iterable[Drift]) -> SchemaDriftError:
    file = catalog.path or "the catalog"
    return SchemaDriftError(
        f"the source no longer fits {file}: " + "; ".join(map(str, stopping)),
        f"Change {file} to match, or the source (`tillroll discover --schema {catalog.schema}` prints it as it is). "
        "Tables whose columns change are then published anew with all their history.",
    )
