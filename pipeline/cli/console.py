"""How commands speak: results to stdout, progress to stderr; moving bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from pipeline.progress import Progress

# A pipe has no width; tables in a log should not be folded at 80 columns.
_PIPE_WIDTH = 160

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(highlight=False, soft_wrap=True, width=None if sys.stderr.isatty() else _PIPE_WIDTH, stderr=True)

# A stage that takes less is not worth a line.
_SILENT_S = 2.0


@contextmanager
def watching(what: str) -> Iterator[Progress]:
    """A progress display for as long as the context lasts. `what` leads each line: `2025-01-01`."""
    if sys.stderr.isatty():
        with _bars(what) as progress:
            yield progress
    else:
        yield _Lines(what)


@contextmanager
def _bars(what: str) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=err, transient=True) as bars:
        stages = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(f"{what} {stage}", total=total)
            bars.update(stages[stage], completed=done, total=total)

        yield progress


class _Lines:
    """A line at the end of each stage, and one every two seconds inside a long one."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._spoken: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._spoken.setdefault(stage, now) >= _SILENT_S:
            err.print(f"{self._what} {stage}: {done} of {total}")
            self._spoken[stage] = now


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; columns whose cells are numbers are aligned right."""
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for position, name in enumerate(columns):
        numeric = all(isinstance(row[position], int | float) for row in rows)
        grid.add_column(name, justify="right" if numeric and rows else "left")
    for row in rows:
        # A name in brackets is a name, and no instruction to Rich.
        grid.add_row(*(f"{cell:,}" if isinstance(cell, int) else escape(str(cell)) for cell in row))
    out.print(grid)
