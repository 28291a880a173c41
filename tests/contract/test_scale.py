"""A day's run reads as much of three years as of thirty days, where the source has an index; PostgreSQL says so."""

from collections.abc import Iterator

import psycopg
import pytest

from benchmarks.scale import HISTORIES, LAYOUTS, Cost, measure
from pipeline.snapshot import connect

pytestmark = pytest.mark.slow

ROWS = 60
INDEX, PARTITIONS, *_, NOTHING = LAYOUTS


@pytest.fixture
def source(shop_url: str) -> Iterator[psycopg.Connection]:
    with connect(shop_url) as connection:
        yield connection


def costs(source: psycopg.Connection, layout: str) -> list[Cost]:
    return [measure(source, layout, days, ROWS) for days in HISTORIES.values()]


def test_three_years_cost_a_run_what_thirty_days_do(source: psycopg.Connection) -> None:
    short, long = costs(source, INDEX)

    assert long.day.buffers <= 1.1 * short.day.buffers
    assert long.day.buffers * 20 < long.audit.buffers
    # The index is asked for the window, for the sweep, and three times for rows whose day is none.
    assert long.day.scans == {"Bitmap Heap Scan": 1, "Bitmap Index Scan": 5}


def test_partitions_are_left_out_that_hold_other_days(source: psycopg.Connection) -> None:
    _, long = costs(source, PARTITIONS)

    assert sum(number for kind, number in long.day.scans.items() if kind != "Bitmap Index Scan") <= 3
    assert long.audit.scans["Seq Scan"] == 36
    assert long.day.buffers * 10 < long.audit.buffers


def test_without_an_index_they_cost_the_whole_history(source: psycopg.Connection) -> None:
    short, long = costs(source, NOTHING)

    assert long.day.buffers > 20 * short.day.buffers
    assert set(long.day.scans) == {"Seq Scan"}
