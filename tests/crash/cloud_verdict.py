"""What a reader may have seen, and what a schedule may leave: held to a twin that nobody disturbed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Sight = Mapping[str, Any]


def wrong_sights(sights: Iterable[Sight], twin: Sequence[Sight], *, in_order: bool = True) -> list[str]:
    """What nobody should have seen.

    Rows are those that the ledger tells of. Where the ledger has forgotten a table, because its columns are about to
    change, they are those of one of the twin's states, or none. And the ledger, over all tables, is the twin's after
    one of its runs, never before an earlier one again. Where runs of several days overlap, there are states that the
    twin never had: then rows may be those of any ledger that was seen.
    """
    sights = list(sights)
    published = [state["rows"] for state in twin] + ([] if in_order else [sight["ledger"] for sight in sights])
    wrong, reached = [], 0
    for sight in sights:
        wrong += _unlike_ledger(sight, published)
        if in_order:
            states = [number for number, state in enumerate(twin) if number >= reached and _is_of(sight, state)]
            if not states:
                wrong.append(f"a ledger that is no state of the twin's from {reached} on: {sight['ledger']}")
            else:
                reached = states[0]
    return wrong


def _unlike_ledger(sight: Sight, published: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for name in sight["rows"].keys() | sight["ledger"].keys():
        rows = sight["rows"].get(name, {})
        if name in sight["ledger"]:
            if rows != sight["ledger"][name]:
                yield f"{name} has rows {rows}, and its ledger says {sight['ledger'][name]}"
            if [e for e in sight["entries"] if e.startswith(f"{name} ")] != [f"{name} {sight['schemas'].get(name)}"]:
                yield f"{name} has other columns than its ledger says"
        elif rows and rows not in [state.get(name) for state in published]:
            yield f"{name}, which is not in the ledger, has rows that were never published: {rows}"


def _is_of(sight: Sight, state: Sight) -> bool:
    """Whether what the ledger tells of is this state, as far as it tells."""
    return all(entries == state["ledger"].get(name) for name, entries in sight["ledger"].items())


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], place: str = "") -> list[str]:
    """Where two descriptions differ, each place with both sides, cut short."""
    found = []
    for key in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(key), theirs.get(key)
        if one == other:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found += differences(one, other, f"{place}{key}/")
        else:
            found.append(f"{place}{key}: {str(one)[:300]} instead of {str(other)[:300]}")
    return found
