"""Fingerprints, held to their properties by random values in PostgreSQL and DuckDB: equal, injective, free of order."""

import itertools
from collections.abc import Iterator

import pytest
from both_sides import BothSides, Row
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_values import VALUES

from pipeline.column_types import Rule, resolve_type

few = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module")
def both(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothSides]:
    with BothSides.opened(postgres_url, tmp_path_factory.mktemp("both")) as sides:
        yield sides


def test_every_rule_is_drawn() -> None:
    assert {resolve_type(declared).rule for declared in VALUES} == set(Rule)


def draw_rows(data: st.DataObject, declared: str) -> list[Row]:
    values = data.draw(st.lists(st.none() | VALUES[declared], min_size=30, max_size=80))
    return [[value] for value in values]


@pytest.mark.parametrize("declared", VALUES)
@few
@given(data=st.data())
def test_both_sides_agree_on_random_values(both: BothSides, declared: str, data: st.DataObject) -> None:
    rows = draw_rows(data, declared)

    sides = both.fingerprints({"a": declared}, {"t": rows})["t"]

    assert sides.source == sides.warehouse
    assert sides.source.rows == len(rows)


# 1.0 and 1.00 are equal in PostgreSQL, and so are a month and 30 days; their texts differ.
ONE_TEXT_A_VALUE = [declared for declared in VALUES if declared not in {"numeric", "interval"}]


@pytest.mark.parametrize("declared", ONE_TEXT_A_VALUE)
@few
@given(data=st.data())
def test_different_values_have_different_canonical_texts(both: BothSides, declared: str, data: st.DataObject) -> None:
    rows, texts = both.distinct({"a": declared}, draw_rows(data, declared))

    assert rows == texts


# Short values made of what separates, counts and stands for NULL, so that a careless join of two would meet another.
AWKWARD = {
    "text": [None, *("".join(letters) for size in range(4) for letters in itertools.product("|~1:", repeat=size))],
    "bigint": [None, *map(str, [0, 1, 11, 111, 1111, -1, -11])],
    "bytea": [None, r"\x", r"\x11", r"\x1111", r"\x111111"],
    "numeric(9,1)": [None, "1.1", "11.1", "1.0", "111.1"],
}


@pytest.mark.parametrize(("left", "right"), list(itertools.product(AWKWARD, repeat=2)))
def test_no_two_awkward_rows_share_a_canonical_text(both: BothSides, left: str, right: str) -> None:
    pairs = list(itertools.product(AWKWARD[left], AWKWARD[right]))

    assert both.distinct({"a": left, "b": right}, pairs) == (len(pairs), len(pairs))


# Types of which two different texts are two different values.
COLUMNS = {"a": "text", "b": "bigint", "c": "text", "d": "bytea", "e": "date", "f": "boolean", "g": "text"}
CELLS = [st.none() | VALUES[declared] for declared in COLUMNS.values()]
ROWS = st.lists(st.tuples(*CELLS), min_size=1, max_size=30)


@few
@given(rows=ROWS)
def test_rows_of_several_columns_have_texts_of_their_own(both: BothSides, rows: list[Row]) -> None:
    found, texts = both.distinct(COLUMNS, rows)
    assert found == texts == len(set(map(tuple, rows)))


@few
@given(rows=ROWS, data=st.data())
def test_a_fingerprint_feels_every_change_but_no_order(both: BothSides, rows: list[Row], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(rows) - 1), "row")
    position = data.draw(st.integers(0, len(COLUMNS) - 1), "column")
    another = data.draw(CELLS[position], "another value")
    assume(another != rows[number][position])
    edited = [*rows[number][:position], another, *rows[number][position + 1 :]]

    sides = both.fingerprints(
        COLUMNS,
        {
            "original": rows,
            "shuffled": data.draw(st.permutations(rows), "order"),
            "doubled": [*rows, rows[number]],
            "missing": [*rows[:number], *rows[number + 1 :]],
            "edited": [*rows[:number], edited, *rows[number + 1 :]],
        },
    )

    assert all(found.source == found.warehouse for found in sides.values())
    original = sides["original"].source
    assert sides["shuffled"].source == original
    assert sides["edited"].source.checksum != original.checksum
    assert sides["edited"].source.rows == original.rows
    assert sides["doubled"].source.rows == original.rows + 1
    assert sides["doubled"].source.checksum > original.checksum
    assert sides["missing"].source.rows == original.rows - 1
    assert sides["missing"].source.checksum < original.checksum
