"""Column types: declarations read as PostgreSQL means them, and each gets the rule its values need."""

import pytest

from pipeline.column_types import ALIASES, RULES, Rule, normalise_type, resolve_type


@pytest.mark.parametrize(
    ("declared", "source"),
    [
        ("int", "integer"),
        ("INT8", "bigint"),
        ("varchar(40)", "character varying(40)"),
        ("character  varying ( 40 )", "character varying(40)"),
        ("char", "character(1)"),
        ("character", "character(1)"),
        ("char(2)", "character(2)"),
        ("bpchar", "bpchar"),
        ('"char"', '"char"'),
        ("bit", "bit(1)"),
        ("varbit(9)", "bit varying(9)"),
        ("numeric", "numeric"),
        ("decimal(12, 2)", "numeric(12,2)"),
        ("numeric(12)", "numeric(12,0)"),
        ("numeric(5,-2)", "numeric(5,-2)"),
        ("timestamp", "timestamp without time zone"),
        ("timestamptz", "timestamp with time zone"),
        ("timestamptz(3)", "timestamp(3) with time zone"),
        ("timestamp(0) without time zone", "timestamp(0) without time zone"),
        ("time(3)", "time(3) without time zone"),
        ("timetz(3)", "time(3) with time zone"),
        ("double  precision", "double precision"),
        ("interval day to second(3)", "interval day to second(3)"),
        ("text[]", "text[]"),
        ("int[3][3]", "integer[]"),
        ("varchar(40)[]", "character varying(40)[]"),
        ("timestamptz(3)[]", "timestamp(3) with time zone[]"),
        ("public.geometry(Point, 4326)", "public.geometry(Point,4326)"),
        ('sales."Mood Swing"', 'sales."Mood Swing"'),
        ('sales."a[]"', 'sales."a[]"'),
    ],
)
def test_a_declaration_is_read_as_format_type_writes_it(declared: str, source: str) -> None:
    assert normalise_type(declared) == source
    assert normalise_type(source) == source


def test_every_alias_stands_for_a_name_that_stays() -> None:
    assert all(full not in ALIASES for full in ALIASES.values())


@pytest.mark.parametrize("declared", [*RULES, "interval(3)", "interval year to month", "varchar(9)", "timestamptz(3)"])
def test_types_with_a_rule_are_known(declared: str) -> None:
    assert resolve_type(declared).known


@pytest.mark.parametrize(
    "declared",
    ["mood", "text[]", "int4range", "money", "bit(3)", "tsvector", "interval[]", "public.text", '"char"', ""],
)
def test_a_type_without_a_rule_is_text_and_says_so(declared: str) -> None:
    found = resolve_type(declared)

    assert (found.rule, found.known) == (Rule.TEXT, False)


@pytest.mark.parametrize(
    ("declared", "precision", "scale"),
    [
        ("numeric(12,2)", 12, 2),
        ("numeric(10)", 10, 0),
        ("numeric(38,9)", 38, 9),
        ("numeric(38)", 38, 0),
        ("numeric(2,2)", 3, 2),  # 0.50: a digit before the point
        ("numeric(2,5)", 6, 5),
        ("numeric(37,37)", 38, 37),
        ("numeric(5,-2)", 7, 0),
        ("numeric(1,-37)", 38, 0),
    ],
)
def test_a_decimal_that_warehouses_hold(declared: str, precision: int, scale: int) -> None:
    found = resolve_type(declared)

    assert (found.rule, found.precision, found.scale) == (Rule.DECIMAL, precision, scale)


@pytest.mark.parametrize(
    "declared", ["numeric", "numeric(39)", "numeric(50,10)", "numeric(38,38)", "numeric(2,-37)", "numeric(3,1000)"]
)
def test_a_decimal_that_no_warehouse_surely_holds_is_text(declared: str) -> None:
    found = resolve_type(declared)

    assert (found.rule, found.precision, found.scale) == (Rule.TEXT, None, None)


@pytest.mark.parametrize(
    ("declared", "has_day"),
    [
        ("date", True),
        ("timestamp(0)", True),
        ("timestamptz", True),
        ("time", False),
        ("text", False),
        ("date[]", False),
    ],
)
def test_only_types_with_a_day_can_partition(declared: str, has_day: bool) -> None:
    assert resolve_type(declared).has_day is has_day


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("varchar(9)", "character varying"),
        ("varchar(9)[]", "character varying[]"),
        ("timestamptz(3)", "timestamp with time zone"),
    ],
)
def test_a_name_has_no_arguments(declared: str, name: str) -> None:
    assert resolve_type(declared).name == name
