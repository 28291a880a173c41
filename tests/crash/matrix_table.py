"""The table of the matrix: by failpoint and fault how often it came, and whether all ended as in the twin."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from faults import KINDS
from play import Result
from sites import LAPTOP


def table(results: Sequence[Result], command: str, first: str, seconds: float) -> str:
    """Markdown, led by a line that says how it came about."""
    struck = Counter((one.failpoint, one.kind) for result in results for one in result.struck if one.reached)
    bad = {one.failpoint for result in results if result.problems for one in result.struck if one.reached}
    missed = sum(not one.reached for result in results for one in result.struck)
    looks = sum(result.looks for result in results)
    failed = sum(bool(result.problems) for result in results)
    kinds = [kind for kind in KINDS if any(name == kind for _, name in struck)]
    said = (
        f"{datetime.now(UTC):%Y-%m-%d}, `{command}`: {len(results):,} schedules from {first} on, "
        f"{sum(struck.values()):,} faults came, {missed:,} were too late; {seconds / 60:.0f} minutes. "
        f"{len(results) - failed:,} ended as the twin, {failed:,} did not. Readers looked {looks:,} times."
    )
    lines = [
        said,
        "",
        "| failpoint | " + " | ".join(kinds) + " | result |",
        "|---" * (len(kinds) + 2) + "|",
    ]
    for name in LAPTOP:
        counts = [str(struck[name, kind] or "") for kind in kinds]
        result = "DIFFERS" if name in bad else "as the twin" if any(counts) else "not struck"
        lines.append(f"| `{name}` | " + " | ".join(counts) + f" | {result} |")
    return "\n".join(lines)
