"""The crash matrix: runs are disturbed at every durable step, run again, and have to end as a twin that never was.

    make crash-matrix SEEDS=1000                  seeds 1 to 1000, and the table in docs/reliability.md
    python tests/crash/matrix.py --seed 17        plays one seed again, and says what is done
    python tests/crash/matrix.py --sample         a few fixed schedules that reach every failpoint

A seed's schedule is always the same. What threads and kernels make of it is not: a strike in the middle of a step hits
what is there at that microsecond.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from warmth import warm_up  # first: it keeps libraries from starting threads

# isort: split
from actor import small_disk_refused
from matrix_table import table
from play import Result
from schedules import Schedule, sample, schedule
from stage import open_stage, play_all
from world import World

from benchmarks.figures import write_table

_ADVICE = "play it again with: .venv/bin/python tests/crash/matrix.py --seed {}"


def main() -> int:
    chosen = _arguments()
    warm_up()
    if refused := small_disk_refused():
        print(f"no small disk on this machine, so none is filled: {refused}")
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="crash-matrix-") as folder,
        open_stage(Path(folder), 1 if chosen.seed else chosen.workers, small=chosen.sample) as (world, slots),
    ):
        print(f"the world is made ({time.monotonic() - started:.0f} s)", flush=True)
        schedules = _schedules(chosen, world)
        results = list(_told(play_all(world, schedules, slots), len(schedules), in_full=bool(chosen.seed)))
    seconds = time.monotonic() - started
    if chosen.write:
        command = f"make crash-matrix SEEDS={chosen.seeds} FIRST={chosen.first}"
        write_table("crash-matrix", table(results, command, f"seed {chosen.first}", seconds))
    print(table(results, " ".join(sys.argv), "the first", seconds))
    return int(any(result.problems for result in results))


def _schedules(chosen: argparse.Namespace, world: World) -> Sequence[Schedule]:
    if chosen.sample:
        return list(sample(world))
    seeds = [chosen.seed] if chosen.seed else range(chosen.first, chosen.first + chosen.seeds)
    return [schedule(seed, world) for seed in seeds]


def _told(results: Iterable[Result], total: int, *, in_full: bool) -> Iterable[Result]:
    """Pass the results on, and say how it goes."""
    for number, result in enumerate(results, 1):
        if in_full or result.problems:
            print(f"schedule {result.schedule} ({result.scenario}), {result.seconds:.1f} s", *result.steps, sep="\n  ")
        for problem in result.problems:
            print(f"  PROBLEM: {problem}")
        if result.problems:
            print(f"  {_ADVICE.format(result.schedule)}")
        if number % 25 == 0 or result.problems:
            print(f"{number} of {total} schedules", flush=True)
        yield result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Disturb runs at every durable step, and compare with a twin.")
    parser.add_argument("--seeds", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="this one only, told in full")
    parser.add_argument("--sample", action="store_true", help="the fixed schedules of `make test`")
    parser.add_argument("--workers", type=int, default=2, help="schedules at once (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
