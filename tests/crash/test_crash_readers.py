"""A reader notes every state of the marts, also while it holds the file open, and every error."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.slow

# In a process of its own: readers are forks, and a test's process has threads.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from reader import Reader
reader = Reader(holds={holds!r})
reader.start(Path({marts!r}))
print("looked", flush=True)
sys.stdin.readline()
reader.look_anew()
seen = reader.stop()
print(len(seen.states), len(seen.errors), seen.looks)
"""


def write(file: Path, orders: int) -> None:
    with duckdb.connect(file) as connection:
        connection.execute(f"create table marts_daily_sales as select 1 as day, {orders} as orders")


@pytest.mark.parametrize("holds", [False, True])
def test_a_mart_that_changes_by_one_is_another_state(tmp_path: Path, *, holds: bool) -> None:
    marts, other = tmp_path / "datamart.duckdb", tmp_path / "other.duckdb"
    write(marts, 1)
    write(other, 2)
    reader = Watching(marts, holds=holds)
    other.replace(marts)

    assert reader.has_seen()[:2] == [2, 0]


def test_marts_that_go_away_are_an_error(tmp_path: Path) -> None:
    marts = tmp_path / "datamart.duckdb"
    write(marts, 1)
    reader = Watching(marts, holds=False)
    marts.unlink()

    states, errors, looks = reader.has_seen()
    assert states == 1
    assert 0 < errors < looks


class Watching:
    """The program, which has looked once."""

    def __init__(self, marts: Path, *, holds: bool) -> None:
        program = PROGRAM.format(here=str(Path(__file__).parent), holds=holds, marts=str(marts))
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "looked\n"

    def has_seen(self) -> list[int]:
        """How many states and errors, and how often it was looked, after some more looks."""
        output, _ = self._process.communicate("look anew\n", 60)
        return [int(number) for number in output.split()]
