"""The table of the matrix: by class of failure whether people heard of it, how often, and after how long."""

from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks.alerts.failure_class import Outcome

_HEAD = ("| failure | arrived | messages | seconds | since |", "|---|---|---|---|---|")


def table(outcomes: Sequence[Outcome], unexpected: Sequence[str], seconds: float) -> str:
    """Markdown, with a line below that says how it came about."""
    good = sum(not outcome.problem for outcome in outcomes)
    said = (
        f"{datetime.now(UTC):%Y-%m-%d}, `make alert-matrix`: **{good} of {len(outcomes)} as they should be**, "
        f"{len(unexpected)} mails that nobody expected{_listed(unexpected)}; {seconds / 60:.0f} minutes."
    )
    return "\n".join([*_HEAD, *map(row, outcomes), "", said])


def row(outcome: Outcome) -> str:
    """One class, as a line of the table."""
    of = outcome.of
    arrived = "yes" if outcome.messages else "NO" if outcome.expected else "nothing to hear: it ended well"
    waited = "" if outcome.waited_s is None else f"{outcome.waited_s:.1f}"
    problem = f" **FAILED: {_cell(outcome.problem)}**" if outcome.problem else ""
    since = of.since if outcome.expected else ""
    return f"| {of.name}{problem} | {arrived} | {outcome.messages} | {waited} | {since} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:300]


def _listed(titles: Sequence[str]) -> str:
    return f" ({', '.join(map(_cell, titles))})" if titles else ""
