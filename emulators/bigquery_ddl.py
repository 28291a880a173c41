"""What statements make of tables, as BigQuery's API then shows them.

- After `create table … partition by … cluster by … options(labels = …)` bqemulator has lost the clustering, the labels,
  every NOT NULL where there is a query, and partitions that are no plain column's days.
- After `create table if not exists` it has forgotten all of that, and the expiry, of a table that was there.
- After `alter table` it shows the columns and the name that there were.
"""

from typing import Any

from bqemulator.catalog import ddl_sync
from bqemulator.catalog.models import Clustering, TableMeta, TimePartitioning
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.storage.sql_identifiers import quoted_table_ref
from sqlglot import exp

from emulators.bigquery_places import statements
from emulators.bigquery_tables import with_expiry

_sync = ddl_sync.sync_created_table
_TRUNCATIONS = (exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc)


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    for module in (executor, interpreter):
        module.sync_created_table = _synced


def _synced(statement: str, project: str, context: Any) -> None:
    trees = statements(statement)
    tree = trees[0] if len(trees) == 1 else None
    if isinstance(tree, exp.Alter):
        _altered(tree, project, context)
    if not isinstance(tree, exp.Create) or tree.kind != "TABLE":
        return
    name = ddl_sync._split_target(tree.find(exp.Table), project)
    if not name[1] or (tree.args.get("exists") and context.catalog.get_table(*name) is not None):
        return
    required = _required(tree)
    for column in required:
        context.engine.execute(f'alter table {quoted_table_ref(*name)} alter column "{column}" set not null')
    _sync(statement, project, context)
    table = context.catalog.get_table(*name)
    context.catalog.update_table(with_expiry(context, table.model_copy(update=_described(tree, table))))


def _required(tree: exp.Expression) -> list[str]:
    return [
        column.name
        for column in tree.find_all(exp.ColumnDef)
        if any(isinstance(constraint.kind, exp.NotNullColumnConstraint) for constraint in column.constraints)
    ]


def _described(tree: exp.Expression, table: TableMeta) -> dict[str, Any]:
    """What the statement says of the table, beside its columns."""
    properties = tree.args.get("properties") or exp.Properties()
    described: dict[str, Any] = {}
    for property_ in properties.expressions:
        if isinstance(property_, exp.ClusterProperty):
            described["clustering"] = Clustering(fields=tuple(column.name for column in property_.expressions))
        elif isinstance(property_, exp.PartitionedByProperty):
            described["time_partitioning"] = _partitioning(property_.this, table)
        elif isinstance(property_, exp.Property) and property_.name == "labels":
            pairs = [label.expressions for label in property_.args["value"].find_all(exp.Tuple)]
            described["labels"] = {key.name: value.name for key, value in pairs}
    return described


def _partitioning(by: exp.Expression, table: TableMeta) -> TimePartitioning | None:
    column = by.name if isinstance(by, exp.Identifier) else getattr(by.find(exp.Column), "name", None)
    if column is None or column.upper().startswith("_PARTITION"):
        return table.time_partitioning
    unit = by.args["unit"].name.upper() if isinstance(by, _TRUNCATIONS) else "DAY"
    known = table.time_partitioning or TimePartitioning()
    return known.model_copy(update={"field": column, "type": unit})


def _altered(tree: exp.Expression, project: str, context: Any) -> None:
    name = ddl_sync._split_target(tree.this, project)
    table = context.catalog.get_table(*name)
    if table is None or table.table_type != "TABLE":
        return
    renamed = tree.find(exp.AlterRename)
    if renamed is not None:
        context.catalog.delete_table(*name)
        name = (*name[:2], renamed.this.name)
        context.catalog.create_table(table.model_copy(update={"table_id": name[2]}))
        table = context.catalog.get_table(*name)
    columns = ddl_sync._introspect_schema(*name, context)
    context.catalog.update_table(table.model_copy(update={"schema_": columns}))
