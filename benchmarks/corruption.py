"""Faults planted between COPY and publish, and how many are caught: `make corruption PLANTS=1000 SEED=1`.

Every plant is a publication of its own, tried, refused, healed as its error says, and held to what the source has. What
came of them goes into docs/reliability.md. A single plant is run again by its number.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import write_table
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.settings import ROOT, Settings

# The suite that `make test` runs a sample of.
sys.path[:0] = [str(ROOT / "tests" / "warehouse"), str(ROOT / "tests")]

from corruption import CAUGHT, PLACES, UNCHANGED, Corruption, Verdict  # noqa: E402
from corruption_shop import CorruptionShop  # noqa: E402


def table(verdicts: Sequence[Verdict], seed: int) -> str:
    """Kinds by places: caught of planted."""
    kinds = list(dict.fromkeys(kind for _, kinds in PLACES.values() for kind in kinds))
    planted = Counter((v.kind, v.place) for v in verdicts)
    good = Counter((v.kind, v.place) for v in verdicts if v.outcome in {CAUGHT, UNCHANGED})
    lines = [
        f"| fault | {' | '.join(PLACES)} |",
        f"|---|{'---|' * len(PLACES)}",
        *(f"| {kind} | {' | '.join(_cell(good[kind, p], planted[kind, p]) for p in PLACES)} |" for kind in kinds),
    ]
    return "\n".join([*lines, "", _caption(verdicts, seed)])


def _cell(good: int, planted: int) -> str:
    return f"{good} of {planted}" if planted else ""


def _caption(verdicts: Sequence[Verdict], seed: int) -> str:
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    faults = len(verdicts) - outcomes[UNCHANGED]
    return (
        f"{datetime.now(UTC).date()}, `make corruption PLANTS={len(verdicts)} SEED={seed}`: **{outcomes[CAUGHT]} of "
        f"{faults} faults caught**, each by an error that names table and day, with nothing changed for readers, and "
        f"healed as the error says. {outcomes[UNCHANGED]} plants changed no value (the last line): of these, the "
        "source's values were published."
    )


def planted(numbers: Iterable[int], seed: int) -> list[Verdict]:
    """Plant the faults of these numbers, in a shop of its own."""
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="tillroll-corruption-") as place:
        folder = Path(place)
        with EmbeddedPostgres(Settings(data_dir=folder / "postgres"), fsync="off").running() as server:
            corruption = Corruption(CorruptionShop.built(server.url("shop"), folder / "shop"), folder / "plants")
            for number in numbers:
                verdicts.append(corruption.run(seed, number, heal=True))
                if verdicts[-1].outcome not in {CAUGHT, UNCHANGED}:
                    print(verdicts[-1], flush=True)
    return verdicts


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--plants", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", type=int, help="run one plant again, and write no table")
    chosen = arguments.parse_args()
    if chosen.only is not None:
        print(*planted([chosen.only], chosen.seed))
        return 0
    verdicts = planted(range(chosen.plants), chosen.seed)
    text = table(verdicts, chosen.seed)
    print(text)
    write_table("corruption", text)
    return int(any(v.outcome not in {CAUGHT, UNCHANGED} for v in verdicts))


if __name__ == "__main__":
    sys.exit(main())
