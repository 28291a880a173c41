"""Types, and the values at their edges: what a warehouse might round, cut, reorder, misread, or not hold at all."""

from dataclasses import dataclass

INFINITE, OUTSIDE = "is infinite", "lies outside of the years 1 to 9999"


@dataclass(frozen=True)
class Edge:
    """A value as SQL writes it, and as the report names it. `reason`: why its row is rejected, if it is."""

    sql: str
    says: str
    reason: str = ""


def plain(*values: str, reason: str = "") -> list[Edge]:
    """Values whose literal says all."""
    return [Edge("'" + value.replace("'", "''") + "'", value, reason) for value in values]


def named(**values: str) -> list[Edge]:
    """SQL expressions by what they are; a name's underscores are blanks."""
    return [Edge(sql, name.replace("_", " ")) for name, sql in values.items()]


TEXTS = [
    *plain(r"\N", "0", "false", "NULL", "~", "|", ":", "1:~", '"', '""', "'", ",", r"\.", "\\", "#", "{}"),
    *named(
        empty="''",
        blanks_before_and_behind="'  x  '",
        CR="e'\\r'",
        LF="e'\\n'",
        CRLF="e'a\\r\\nb'",
        tab="e'\\t'",
        a_CSV_line_in_a_text="e'1,\"a\"\\r\\n\\\\N,\\n\\n'",
        a_canonical_row_in_a_text="'3:a|b|~|0:'",
        every_control_character="(select string_agg(chr(i), '') from generate_series(1, 31) i) || chr(127)",
        C1_controls_NEL_and_line_separators="chr(133) || chr(8232) || chr(8233)",
        byte_order_mark="chr(65279) || 'x'",
        emoji_joined="'👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿'",
        combining_and_precomposed="'e' || chr(769) || ' ' || chr(233)",
        right_to_left="'שלום ' || chr(8238) || 'عالم' || chr(8236)",
        the_last_code_points="chr(65533) || chr(983040) || chr(1114109)",
        one_MB_of_text="repeat('naïve ', 140000)",
        one_MB_of_quotes="repeat('\"', 1000000)",
    ),
]

DAYS = plain("infinity", "-infinity", reason=INFINITE)

EDGES: dict[str, list[Edge]] = {
    "smallint": plain("-32768", "0", "32767"),
    "integer": plain("-2147483648", "0", "2147483647"),
    "bigint": plain("-9223372036854775808", "0", "9007199254740993", "9223372036854775807"),
    "numeric(12,2)": [
        *plain("-9999999999.99", "-0.01", "0.00", "0.01", "9999999999.99"),
        *plain("NaN", reason="is NaN"),
    ],
    "numeric(38,9)": [
        *plain("-99999999999999999999999999999.999999999", "0.000000001", "12345678901234567890123456789.123456789"),
        *plain("NaN", reason="is NaN"),
    ],
    "numeric(38,0)": plain("-" + "9" * 38, "9" * 38),
    "numeric(38,20)": plain("-" + "9" * 18 + "." + "9" * 20, "0." + "0" * 19 + "1"),
    "numeric(38,37)": plain("-9." + "9" * 37, "0." + "0" * 36 + "1"),
    "numeric(2,2)": plain("-0.99", "0.01"),
    "numeric(5,-2)": plain("-9999900", "100"),
    "numeric(76,38)": plain("-" + "9" * 38 + "." + "9" * 38, "0." + "0" * 37 + "1", "NaN"),
    "numeric": [
        *plain("1.500", "0.000", "NaN", "Infinity", "-Infinity"),
        *named(the_longest_there_is="'1e131071'", the_finest_there_is="'1e-16383'"),
    ],
    "rate": [*plain("-999.999", "0.001"), *plain("NaN", reason="is NaN")],
    "money": plain("-92233720368547758.08", "0.00", "92233720368547758.07"),
    "real": plain("0.1", "-0", "1e-45", "3.4028235e38", "16777216", "NaN", "Infinity", "-Infinity"),
    "double precision": plain(
        *("0.1", "-0", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "9007199254740993"),
        *("1e15", "1e16", "123456789012345680", "0.30000000000000004", "NaN", "Infinity", "-Infinity"),
    ),
    "boolean": plain("true", "false"),
    "date": [
        *plain("0001-01-01", "1582-10-10", "1900-02-28", "2024-02-29", "9999-12-31"),
        *DAYS,
        *plain("4713-01-01 BC", "0001-12-31 BC", "10000-01-01", "5874897-12-31", reason=OUTSIDE),
    ],
    "time": [*plain("00:00:00", "12:00:00.1", "23:59:59.999999"), *plain("24:00:00", reason="is 24:00:00")],
    "timetz": plain("00:00:00+15:59", "24:00:00-15:59", "12:00:00.000001+05:30"),
    "timestamp": [
        *plain("0001-01-01 00:00:00", "2025-03-30 02:30:00", "2025-01-01 00:00:00.000001"),
        *plain("9999-12-31 23:59:59.999999"),
        *DAYS,
        *plain("0001-12-31 23:59:59.999999 BC", "10000-01-01 00:00:00", "294276-12-31 23:59:59", reason=OUTSIDE),
    ],
    "timestamptz": [
        *plain("2025-03-30 02:30:00 Europe/Berlin", "2025-10-26 02:30:00+02", "2025-10-26 02:30:00+01"),
        *plain("0001-01-01 00:00:00Z", "1969-12-31 23:59:59.999999Z", "9999-12-31 23:59:59.999999Z"),
        *plain("2016-12-31 23:59:60Z", "1883-11-18 12:03:58 America/New_York"),
        *DAYS,
        *plain("0044-03-15 12:00:00Z BC", "0001-01-01 00:00:00+14", "9999-12-31 23:00:00-05", reason=OUTSIDE),
        *plain("10000-01-01 00:00:00Z", reason=OUTSIDE),
    ],
    "timestamptz(3)": plain("2025-01-01 00:00:00.0006Z"),
    "interval": plain("1 year 2 mons -3 days 04:05:06.789", "178000000 years", "-178000000 years", "0"),
    "text": TEXTS,
    "varchar(9)": plain("", "nine char", "日本語日本語日本語"),
    "char(5)": [Edge("'ab   '", "ab (its padding does not arrive)"), Edge("''", "empty")],
    "bpchar": plain("ab"),
    "name": plain("pg_catalog"),
    '"char"': plain("x"),
    "public.citext": plain("ÀB", "àb"),
    "uuid": plain("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "json": plain('{"b":  1.0e400, "a": null, "a": [1, {"c": 12345678901234567890.1234567890}]}', r'"\u0000"', "null"),
    "jsonb": plain('{"deep": [[[{"n": 123456789012345678901234567890.1}]]], "e": 1e400}', "null", '"\\n"', "{}", "[]"),
    "bytea": [
        *named(
            empty="'\\x'",
            zero="'\\x00'",
            the_bytes_of_NULL="'\\x5c4e'",
            every_byte="(select string_agg(set_byte('\\x00', 0, i), '' order by i) from generate_series(0, 255) i)",
            half_a_MB_of_bytes="decode(repeat('00ff5c0a', 125000), 'hex')",
        )
    ],
    "bit(3)": plain("000", "101"),
    "varbit": [*named(empty="''"), *plain("1", "1" * 65)],
    "mood": plain("sad", "so so", "😀"),
    "integer[]": plain("{1,NULL,3}", "{}", "{{1,2},{3,4}}", "[0:1]={1,2}"),
    "text[]": plain('{NULL,"NULL","","a,b","\\"","\\\\"}'),
    "numeric(12,2)[]": plain("{1.50,NaN,NULL}"),
    "timestamptz[]": plain('{infinity,"0044-03-15 12:00:00+00 BC"}'),
    "int4range": plain("[1,5]", "empty", "(,)"),
    "tstzrange": plain("[-infinity,infinity]", "[2025-01-01 01:00+01,)"),
    "int4multirange": plain("{[1,3),[5,7)}", "{}"),
    "address": plain('("1, High St",)', "(,)", '("say ""hi""",\\\\)'),
    "public.hstore": plain('a=>1, b=>NULL, "c d"=>""'),
    "inet": plain("10.0.0.1", "::1/64", "0.0.0.0/0"),
    "cidr": plain("10.0.0.0/8"),
    "macaddr": plain("08:00:2b:01:02:03"),
    "macaddr8": plain("08:00:2b:01:02:03:04:05"),
    "point": plain("(1.5,-2)", "(NaN,Infinity)"),
    "tsvector": plain("'cat':3 'fat':2"),
    "pg_lsn": plain("FFFFFFFF/FFFFFFFF"),
}

# The emulated BIGNUMERIC has 20 digits and 18 decimals: of these Google's own evaluator alone says what BigQuery makes.
BEYOND_THE_EMULATOR = ("numeric(38,0)", "numeric(38,20)", "numeric(38,37)")

TYPES = """
create extension if not exists hstore schema public;
create extension if not exists citext schema public;
create schema edges;
set search_path = edges, public;
create type mood as enum ('sad', 'so so', '😀');
create type address as (street text, zip text);
create domain rate as numeric(6,3);
"""
