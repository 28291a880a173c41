"""`make crash-matrix-cloud SEEDS=100`: play many schedules, and write what came of them into docs/reliability.md.

A schedule follows from its number alone: `--first N --seeds 1` plays one again.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cloud_arena import arena
from cloud_faults import FAULTS, KINDS
from cloud_played import Played
from cloud_schedules import TOGETHER, WHEN, Place

from benchmarks.figures import PAGE, write_table
from emulators.servers import running
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.settings import Settings


def main() -> int:
    """Play, write, and say by the exit code whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many schedules")
    parser.add_argument("--first", type=int, default=0, help="the first one's number")
    parser.add_argument("--chains", type=int, default=0, help="of how many of them the whole chain, with dbt")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the table goes")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tillroll-cloud-") as name:
        schedules = _played(Path(name), range(options.first, options.first + options.seeds), options.chains)
    lasted = time.monotonic() - began
    write_table("crash-matrix-cloud", table(schedules, lasted), options.page)
    return 1 if any(played.wrong for played in schedules) else 0


def _played(folder: Path, seeds: range, chains: int) -> list[Played]:
    """The schedules of these seeds, and of the first of them the whole chain, too."""
    settings = Settings(_env_file=None, data_dir=folder / "data", host="127.0.0.1", postgres_port=0)
    schedules: list[Played] = []

    def add(played: Played) -> None:
        schedules.append(played)
        sys.stdout.write(_line(played) + "\n")
        sys.stdout.flush()

    with EmbeddedPostgres(settings, fsync="off").running() as postgres, running(folder / "google") as servers:
        os.environ.update(servers.environment())
        with arena(postgres.url("postgres"), folder, servers) as places:
            twin = places.twin()
            for seed in seeds:
                add(places.play(seed, twin))
                add(places.play_marts(seed, twin))
            if chains:
                chain_twin = places.chain_twin()
                for seed in seeds[:chains]:
                    add(places.play_chain(seed, chain_twin))
    return schedules


def table(schedules: Sequence[Played], seconds: float) -> str:
    """What many schedules came to."""
    met = Counter(place for played in schedules for outcome in played.outcomes for place in outcome.met)
    ends = Counter(outcome.words for played in schedules for outcome in played.outcomes)
    wrong = sorted({played.seed for played in schedules if played.wrong})
    seeds = sorted({played.seed for played in schedules})
    chains = len(schedules) - 2 * len(seeds)
    caption = (
        f"{datetime.now(UTC):%Y-%m-%d}, `make crash-matrix-cloud SEEDS={len(seeds)} CHAINS={chains} FIRST={seeds[0]}`, "
        f"{seconds / 60:.0f} minutes: {len(seeds)} schedules of four days, as many of three datamarts, {chains} of the "
        f"whole chain. {_sum(met, WHEN)} runs were killed; {_sum(met, FAULTS)} met faults, of which "
        f"{ends['told to run again']} said to run again, and the others got through or were killed too. Readers looked "
        f"{sum(p.looks for p in schedules):,} times."
    )
    lines = [
        caption,
        "",
        f"**Not as the twin, or seen and not published: {f'seeds {wrong}' if wrong else 'none'}.**",
        "",
        *_grid("killed", sorted({place for place, when in met if when in WHEN}), WHEN, met),
        "",
        *_grid("request", [kind for kind in KINDS if any(met[kind, fault] for fault in FAULTS)], list(FAULTS), met),
        "",
        "| two at once | what they said | schedules |",
        "|---|---|---|",
        *(f"| {how} | {words} | {n} |" for (how, words), n in sorted(met.items()) if how in TOGETHER),
    ]
    return "\n".join(lines)


def _sum(met: Counter[Place], whats: Collection[str]) -> int:
    return sum(count for (_, what), count in met.items() if what in whats)


def _grid(corner: str, places: Sequence[str], columns: Sequence[str], met: Counter[Place]) -> list[str]:
    rows = (f"| {place} | {' | '.join(str(met[place, column] or '') for column in columns)} |" for place in places)
    return [f"| {corner} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|", *rows]


def _line(played: Played) -> str:
    told = "; ".join(f"{d}: {o.words}" for d, o in zip(played.plan, played.outcomes, strict=True))
    return "\n  ".join([f"{played.seed}: {told}", *(f"WRONG: {text}" for text in played.wrong)])


if __name__ == "__main__":
    sys.exit(main())
