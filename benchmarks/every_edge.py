"""Every type at its edges, put through both warehouses, and what came of each value: `make types`.

Each value goes from PostgreSQL through the lake into DuckDB and into the emulated BigQuery, and through Google's own
evaluator of GoogleSQL; it is read back and compared with PostgreSQL's. The table goes into docs/reliability.md.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import pytest

from benchmarks.figures import write_table
from emulators.servers import running
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.settings import ROOT, Settings

# The suite that `make test` runs.
sys.path[:0] = [str(ROOT / "tests" / "warehouse"), str(ROOT / "tests")]

from emulated_cloud import EmulatedCloud  # noqa: E402
from type_edges import BEYOND_THE_EMULATOR  # noqa: E402
from type_matrix import EXACT, Case, Outcome, TypeMatrix, wrong  # noqa: E402

_SHOWN = 40
# Types of the matrix's own schema, and of extensions.
_NAMED = {
    "rate": "a domain of `numeric(6,3)`",
    "mood": "an enum",
    "address": "a composite",
    "public.citext": "`citext`",
    "public.hstore": "`hstore`",
}


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for the values of a type that share their fate."""
    results: dict[Case, dict[str, str]] = {}
    for outcome in outcomes:
        results.setdefault(outcome.case, {})[outcome.place] = outcome.result
    lines = ["| type | values | DuckDB | BigQuery |", "|---|---|---|---|"]
    for (declared, *fate), cases in groupby(results, lambda case: (case.declared, *_fate(case, results[case]))):
        values = " · ".join(_shown(case.edge.says) for case in cases)
        lines.append(f"| {_NAMED.get(declared, f'`{declared}`')} | {values} | {' | '.join(fate)} |")
    return "\n".join([*lines, "", *_caption(outcomes)])


def _fate(case: Case, results: Mapping[str, str]) -> tuple[str, str]:
    """What came of a value in DuckDB and in BigQuery, where the emulator and Google's evaluator must agree."""
    if case.declared in BEYOND_THE_EMULATOR:
        return results["DuckDB"], f"{results['Google']} ¹"
    both = sorted({results["BigQuery"], results["Google"]})
    return results["DuckDB"], " or ".join(both)


def _shown(says: str) -> str:
    if not says:
        return "empty"
    text = says if len(says) <= _SHOWN else f"{says[: _SHOWN - 9]}…{says[-8:]}"
    return f"`{text.replace('|', '¦')}`" if "`" not in text else text


def _caption(outcomes: Sequence[Outcome]) -> Iterator[str]:
    of_laptop = Counter(o.result.partition(":")[0] for o in outcomes if o.place == "DuckDB")
    types, failed = len({o.case.declared for o in outcomes}), len(wrong(outcomes))
    yield (
        f"{datetime.now(UTC).date()}, `make types` (no seed: every value is named): {of_laptop.total()} values of "
        f"{types} types, each in a row that is NULL else. **{of_laptop[EXACT]} arrive exactly, {of_laptop['rejected']} "
        f"are rejected with the reason; {failed} of {len(outcomes)} readings are anything else.** A long value shows "
        "its ends, and a vertical bar is `¦`."
    )
    yield (
        "BigQuery: the emulator, and Google's evaluator of GoogleSQL over the same CSV. ¹ The evaluator alone, as the "
        "emulated `BIGNUMERIC` is narrower than Google's."
    )


def measured() -> list[Outcome]:
    """All values, in all places."""
    with tempfile.TemporaryDirectory(prefix="tillroll-types-") as place, pytest.MonkeyPatch.context() as patch:
        folder = Path(place)
        postgres = EmbeddedPostgres(Settings(data_dir=folder / "postgres"), fsync="off")
        with postgres.running() as server, running(folder / "google") as servers:
            for name, setting in servers.environment().items():
                patch.setenv(name, setting)
            matrix = TypeMatrix(server.url("postgres"), folder)
            return [*matrix.on_laptop(), *matrix.in_cloud(EmulatedCloud(servers, "types")), *matrix.by_google()]


def main() -> None:
    """Measure, write the table, and fail where a value came otherwise than it must."""
    outcomes = measured()
    write_table("types", table(outcomes))
    for declared, value, found in wrong(outcomes):
        print(f"{declared}: {value}: {found}", file=sys.stderr)
    print(f"{len(outcomes)} readings, {len(wrong(outcomes))} otherwise than they must be: docs/reliability.md")
    sys.exit(bool(wrong(outcomes)))


if __name__ == "__main__":
    main()
