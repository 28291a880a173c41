"""A schema with every PostgreSQL type and every kind of table that `discover` and `sync` promise to move."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

DAY = date(2025, 1, 10)
SCHEMA = "Every Type"


@dataclass(frozen=True)
class Kind:
    """One column: how it is declared, its values in SQL with what arrives, and another value to change one to."""

    name: str
    declared: str
    values: tuple[tuple[str, Any], ...]
    other: str
    arrives: str = "VARCHAR"


def texts(*pairs: tuple[str, str]) -> tuple[tuple[str, Any], ...]:
    """Values written as SQL string literals, with the text that arrives."""
    return tuple((f"'{written}'", arrived) for written, arrived in pairs)


def same(*values: str) -> tuple[tuple[str, Any], ...]:
    """Text that arrives as it is written."""
    return tuple((f"$q${value}$q$", value) for value in values)


KINDS = (
    Kind("a_smallint", "smallint", (("-32768", -32768), ("32767", 32767)), "0", "BIGINT"),
    Kind("an_integer", "integer", (("-2147483648", -(2**31)), ("0", 0)), "1", "BIGINT"),
    Kind("a_bigint", "bigint", (("-9223372036854775808", -(2**63)), ("9223372036854775807", 2**63 - 1)), "1", "BIGINT"),
    Kind(
        "a_numeric",
        "numeric",
        texts(("1.500", "1.500"), ("NaN", "NaN"), ("-Infinity", "-Infinity"), ("1e-20", "0." + "0" * 19 + "1")),
        "1.50",
    ),
    Kind(
        "numeric_12_2", "numeric(12,2)", (("-0.01", Decimal("-0.01")), ("7", Decimal("7.00"))), "1.5", "DECIMAL(12,2)"
    ),
    Kind("numeric_10", "numeric(10)", (("12345.5", Decimal(12346)),), "1", "DECIMAL(10,0)"),
    Kind(
        "numeric_38_9",
        "numeric(38,9)",
        (("12345678901234567890123456789.123456789", Decimal("12345678901234567890123456789.123456789")),),
        "12345678901234567890123456789.123456788",
        "DECIMAL(38,9)",
    ),
    Kind("numeric_2_2", "numeric(2,2)", ((".5", Decimal("0.50")), ("-.99", Decimal("-0.99"))), "0", "DECIMAL(3,2)"),
    Kind("numeric_2_5", "numeric(2,5)", ((".00012", Decimal("0.00012")),), "0.00011", "DECIMAL(6,5)"),
    Kind("numeric_5_minus_2", "numeric(5,-2)", (("12345", Decimal(12300)),), "12400", "DECIMAL(7,0)"),
    Kind("numeric_50_10", "numeric(50,10)", texts(("1" * 40 + ".5", "1" * 40 + ".5000000000")), "1"),
    Kind(
        "a_real",
        "real",
        (("0.1", 0.10000000149011612), ("'-Infinity'", float("-inf")), ("1e-45", 1.401298464324817e-45)),
        "0.10000001",
        "DOUBLE",
    ),
    Kind(
        "a_double",
        "double precision",
        (
            ("0.1", 0.1),
            ("'NaN'", float("nan")),
            ("'Infinity'", float("inf")),
            ("'-Infinity'", float("-inf")),
            ("'-0'", -0.0),
            ("5e-324", 5e-324),
            ("1e15", 1e15),
            ("1.7976931348623157e308", 1.7976931348623157e308),
        ),
        "0.10000000000000002",
        "DOUBLE",
    ),
    Kind("a_boolean", "boolean", (("true", True), ("false", False)), "false", "BOOLEAN"),
    Kind(
        "a_text",
        "text",
        (
            ("''", ""),
            *same(
                "\\N",
                "~",
                "|",
                ",",
                '"',
                '""',
                "NULL",
                " trailing  ",
                "\\.",
                "#",
                'a,"b"|~1:x\'',
                "😀👩‍👩‍👧 é é",
                "שלום ‮ عالم",
            ),
            (r"E'\r'", "\r"),
            (r"E'\n'", "\n"),
            (r"E'\r\n1,\\N,\n\n'", "\r\n1,\\N,\n\n"),
            (r"E'\t'", "\t"),
            ("repeat(E'x,\"\\n', 250000)", 'x,"\n' * 250000),
        ),
        "' '",
    ),
    Kind("a_varchar", "varchar(9)", same("nine char", ""), "'nine chas'"),
    Kind("an_unbounded_varchar", "varchar", same("x"), "'y'"),
    Kind("a_char", "char(5)", texts(("ab ", "ab"), ("", "")), "'abc'"),
    Kind("a_bpchar", "bpchar", texts(("ab  ", "ab")), "'abc'"),
    Kind("a_name", "name", same("pg_catalog"), "'other'"),
    Kind(
        "a_date",
        "date",
        (("'0001-01-01'", date(1, 1, 1)), ("'9999-12-31'", date(9999, 12, 31)), ("'2024-02-29'", date(2024, 2, 29))),
        "'2024-02-28'",
        "DATE",
    ),
    Kind(
        "a_time",
        "time",
        (
            ("'23:59:59.999999'", time(23, 59, 59, 999999)),
            ("'00:00:00.1'", time(0, 0, 0, 100000)),
        ),
        "'00:00'",
        "TIME",
    ),
    Kind("a_time_of_day", "time(0)", (("'12:00:00.6'", time(12, 0, 1)),), "'12:00'", "TIME"),
    Kind(
        "a_timestamp",
        "timestamp",
        (
            ("'2025-01-01 00:00:00.000001'", datetime.fromisoformat("2025-01-01 00:00:00.000001")),
            ("'0001-01-01'", datetime.fromisoformat("0001-01-01")),
        ),
        "'2025-01-01 00:00:00.000002'",
        "TIMESTAMP",
    ),
    Kind(
        "a_timestamptz",
        "timestamptz",
        (("'2025-01-01 00:30:00.5+05:30'", datetime.fromisoformat("2024-12-31 19:00:00.5")),),
        "'2025-01-01 00:30:00.5+05:29'",
        "TIMESTAMP",
    ),
    Kind(
        "a_timestamptz_3",
        "timestamptz(3)",
        (("'2025-01-01 00:00:00.0006Z'", datetime.fromisoformat("2025-01-01 00:00:00.001")),),
        "'2025-01-01Z'",
        "TIMESTAMP",
    ),
    Kind(
        "an_interval",
        "interval",
        texts(("1 year 2 mons -3 days 04:05:06.789", "P1Y2M-3DT4H5M6.789S"), ("0", "PT0S")),
        "'1 day'",
    ),
    Kind("an_interval_field", "interval day to second(3)", texts(("1 day 0.0006 s", "P1DT0.001S")), "'1 day'"),
    Kind("a_uuid", "uuid", same("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'"),
    Kind("a_json", "json", same('{"b":  1,\n "a": null}', "null", '""'), """'{"b": 1}'"""),
    Kind("a_jsonb", "jsonb", texts(('{"b":  1, "a": null}', '{"a": null, "b": 1}')), "'{}'"),
    Kind(
        "a_bytea",
        "bytea",
        (
            ("'\\x'", b""),
            ("'\\x00'", b"\0"),
            ("'\\x5c4e0aff00'", b"\\N\n\xff\0"),
            ("decode(repeat('00ff', 99), 'hex')", b"\0\xff" * 99),
        ),
        "'\\x0000'",
        "BLOB",
    ),
    Kind("an_enum", "mood", same("so so", "happy"), "'sad'"),
    Kind("an_inet", "inet", texts(("10.0.0.1", "10.0.0.1/32"), ("::1/64", "::1/64")), "'10.0.0.2'"),
    Kind("a_cidr", "cidr", same("10.0.0.0/8"), "'10.0.0.0/9'"),
    Kind("a_macaddr", "macaddr", same("08:00:2b:01:02:03"), "'08:00:2b:01:02:04'"),
    Kind("integers", "integer[]", same("{1,NULL,3}", "{}", "{{1,2},{3,4}}"), "'{1,3,NULL}'"),
    Kind("varchars", "varchar(9)[]", same('{a,NULL,"NULL","","a,b","\\""}'), "'{a}'"),
    Kind("moments", "timestamptz(3)[]", texts(('{"2025-01-01 01:00+01"}', '{"2025-01-01 00:00:00+00"}')), "'{}'"),
    Kind("a_domain", "positive", (("7", 7),), "8", "BIGINT"),
    Kind("a_domain_of_domain", "short_code", same("a,b"), "'a'"),
    Kind("a_decimal_domain", "rate", (("1.5", Decimal("1.500")),), "1.501", "DECIMAL(6,3)"),
    Kind("bits", "bit(3)", same("101"), "B'100'"),
    Kind("some_bits", "varbit", same("", "1"), "B'11'"),
    Kind("a_money", "money", texts(("1234.5", "$1,234.50")), "'1'"),
    Kind("a_tsvector", "tsvector", same("'cat':3 'fat':2"), "'cat'"),
    Kind("a_point", "point", texts(("1.5, -2", "(1.5,-2)")), "'1,1'"),
    Kind("a_range", "int4range", texts(("[1,5]", "[1,6)"), ("empty", "empty")), "'[1,6]'"),
    Kind("a_time_range", "tstzrange", texts(("[2025-01-01 01:00+01,)", '["2025-01-01 00:00:00+00",)')), "'empty'"),
    Kind("a_multirange", "int4multirange", same("{[1,3),[5,7)}"), "'{}'"),
    Kind("a_composite", "address", same('("1, High St",)', "(,)"), "'(x,y)'"),
    Kind("a_timetz", "timetz", same("12:00:00+05:30"), "'12:00:00+05:31'"),
    Kind("a_char_byte", '"char"', same("x"), "'y'"),
    Kind("an_oid", "oid", same("42"), "43"),
    Kind("an_hstore", "public.hstore", texts(("a=>1, b=>NULL", '"a"=>"1", "b"=>NULL')), "''"),
)


def ddl() -> str:
    """The schema: a daily table with a column of every kind, and a table of every awkward shape."""
    columns = ", ".join(f"{kind.name} {kind.declared}" for kind in KINDS)
    return f"""
        create extension hstore schema public;
        create extension citext schema public;
        create schema "{SCHEMA}";
        set search_path to "{SCHEMA}";
        create type mood as enum ('sad', 'so so', 'happy');
        create type address as (street text, zip text);
        create domain positive as integer check (value > 0);
        create domain code as varchar(80);
        create domain short_code as code check (length(value) < 9);
        create domain rate as numeric(6,3);
        create table every_type (
            id bigint generated always as identity primary key, created_at timestamptz not null, {columns}
        );
        {_SHAPES}
    """


def fill() -> str:
    """As many rows on DAY as the longest list of values, then one row of nulls, then a row a day for each kind."""
    names = ", ".join(kind.name for kind in KINDS)
    depth = max(len(kind.values) for kind in KINDS)
    rows = [_row(DAY, [kind.values[i % len(kind.values)][0] for kind in KINDS]) for i in range(depth)]
    rows.append(_row(DAY, ["null"] * len(KINDS)))
    rows += [_row(day_of(kind), [kind.values[0][0] for kind in KINDS]) for kind in KINDS]
    return f'insert into "{SCHEMA}".every_type (created_at, {names}) values {", ".join(rows)}'


def day_of(kind: Kind) -> date:
    """The day of the row in which this kind's value is changed later."""
    return DAY - timedelta(days=1 + KINDS.index(kind))


def change(kind: Kind) -> str:
    """Give the kind's column another value in the row of its day."""
    return f"""update "{SCHEMA}".every_type set {kind.name} = {kind.other} where created_at::date = '{day_of(kind)}'"""


def _row(day: date, values: list[str]) -> str:
    return f"('{day}', {', '.join(values)})"


_SHAPES = r"""
comment on table every_type is E'One row\n  per "case": all of them.';
create table "Order" ("from" int primary key, "Mixed Case" text, "quote""d" text, "comma,ed" int, "a: b #c" int,
    "{c} %s" text, "on" boolean, "1" int, "null" int, "[x]" int, U&"tab\0009here" int, "Ünï 😀" text);
insert into "Order" values (1, 'x', 'y', 2, 3, 'z', true, 4, 5, 6, 7, 'ü');
create table "select" ("where" text);
insert into "select" values ('group by');
create table "a/b.c" (x int);
insert into "a/b.c" values (1);
create table composite_key (b text, a int, note text, primary key (b, a));
insert into composite_key values ('x', 2, null), ('x', 1, ''), ('', 1, 'y'), ('B', 1, 'z'), ('a', 1, 'z');
create table unique_key (maybe int unique, sure int not null unique, "also sure" int not null unique);
insert into unique_key values (null, 1, 2), (null, 2, 1);
create table no_key (a int, b text);
insert into no_key values (1, 'x'), (1, 'x'), (1, null), (1, ''), (null, null), (null, null);
create table empty (id int primary key, a text);
create table empty_day (id int primary key, created_at timestamp not null);
create table lonely (a text);
insert into lonely values (null), (''), ('\N'), (null), ('a'), (E'\n');
create table lonely_bytes (a bytea);
insert into lonely_bytes values (null), (''), ('\x00'), ('');
create table lonely_number (a int);
insert into lonely_number values (null), (1);
create table generated (id int generated by default as identity primary key, net numeric(9,2),
    gross numeric(9,2) generated always as (net * 2) stored, label text generated always as ('n' || net) virtual);
insert into generated (net) values (1.5), (2.25);
create table measurement (id int, created_at date not null, amount real, primary key (created_at, id))
    partition by range (created_at);
create table measurement_2024 partition of measurement for values from ('2024-01-01') to ('2025-01-01');
create table measurement_2025 partition of measurement for values from ('2025-01-01') to ('2026-01-01');
insert into measurement values (1, '2024-12-31', 0.1), (2, '2025-01-01', 0.2), (3, '2025-01-01', null);
create table locale_key (name text collate "pg_unicode_fast" primary key);
insert into locale_key values ('b'), ('A'), ('a'), ('B'), ('é'), ('e'), ('_a'), ('z');
create table loose_key (name public.citext primary key, n int);
insert into loose_key values ('a', 1), ('B', 2), ('é', 3);
create table nullable_day (id int primary key, created_at timestamptz);
insert into nullable_day values (1, null), (2, '2025-01-01Z');
create table ancient (id int primary key, created_at timestamptz not null);
insert into ancient values (1, '0001-01-01Z'), (2, '1582-10-10 23:59:59.999999Z'), (3, '1969-12-31Z');
create view a_view as select 1 as one;
"""
