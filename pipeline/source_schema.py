"""What PostgreSQL says about its own tables: for `discover`, and to hold the catalog to them."""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from pipeline.column_types import normalise_type

# Domains are followed to the type they stand for; array and composite types keep their names. Only a column's own,
# validated NOT NULL keeps nulls out: a domain's does not hold for the result of a subquery without rows.
_COLUMNS = """
with recursive base as (
    select oid as domain, typbasetype as type, typtypmod as modifier
    from pg_catalog.pg_type where typtype = 'd'
    union all
    select base.domain, t.typbasetype, case when base.modifier = -1 then t.typtypmod else base.modifier end
    from base join pg_catalog.pg_type t on t.oid = base.type where t.typtype = 'd'
),
resolved as (
    select base.* from base join pg_catalog.pg_type t on t.oid = base.type where t.typtype <> 'd'
)
select
    c.relname, a.attname,
    pg_catalog.format_type(coalesce(resolved.type, a.atttypid),
        case when a.atttypmod = -1 then coalesce(resolved.modifier, -1) else a.atttypmod end),
    a.attnotnull and not exists (
        select from pg_catalog.pg_constraint k
        where k.conrelid = a.attrelid and k.contype = 'n' and k.conkey = array[a.attnum] and not k.convalidated
    ),
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    case when t.typcategory = 'A' then 'array' when t.typtype = 'e' then 'enum' when t.typtype = 'c' then 'composite'
        when t.typtype = 'm' then 'multirange' when t.typtype = 'r' then 'range' else '' end,
    coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '')
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join resolved on resolved.domain = a.atttypid
join pg_catalog.pg_type t on t.oid = coalesce(resolved.type, a.atttypid)
where n.nspname = %s and c.relkind in ('r', 'p', 'f') and not c.relispartition
order by c.relname, a.attnum
"""

# The primary key, or else the first unique index over columns that are never null.
_KEYS = """
select distinct on (c.relname) c.relname, array(
    select a.attname from unnest(i.indkey::int2[]) with ordinality k(number, position)
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
    where k.position <= i.indnkeyatts order by k.position
)::text[]
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
    and not exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum = any (i.indkey::int2[]) and not a.attnotnull
    )
order by c.relname, i.indisprimary desc, i.indexrelid
"""


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """`type` is what format_type() says, a domain's being its base type's; `declared` is what the table says.

    `kind` is array, enum, composite, range or multirange, and empty for other types.
    """

    name: str
    type: str
    nullable: bool
    declared: str
    kind: str

    @property
    def declaration(self) -> str:
        """The column as a catalog's file declares it."""
        return normalise_type(self.type) + ("" if self.nullable else " not null")


@dataclass(frozen=True, slots=True)
class SourceTable:
    name: str
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...]
    comment: str


def read_schema(connection: psycopg.Connection, schema: str) -> Mapping[str, SourceTable]:
    """The tables of a schema, by name: ordinary, partitioned and foreign ones. Views are left out."""
    columns: dict[str, list[SourceColumn]] = {}
    comments: dict[str, str] = {}
    for table, name, type_, required, declared, kind, comment in connection.execute(_COLUMNS, [schema]):
        columns.setdefault(table, []).append(SourceColumn(name, type_, not required, declared, kind))
        comments[table] = comment
    keys = {table: tuple(key) for table, key in connection.execute(_KEYS, [schema])}
    return {t: SourceTable(t, tuple(found), keys.get(t, ()), comments[t]) for t, found in columns.items()}
