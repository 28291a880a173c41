"""Fingerprints compared: what is absent has no rows, and every difference is named."""

from datetime import date

import pytest

from pipeline.audit import Difference, compare, listed, require_equal
from pipeline.errors import AuditError
from pipeline.fingerprint import EMPTY, Fingerprint, Partition

DAY = Partition("sale", date(2025, 1, 1))
WHOLE = Partition("customer")


def test_labels_are_for_people() -> None:
    assert DAY.label == "sale 2025-01-01"
    assert WHOLE.label == "customer (whole)"
    assert str(Fingerprint(3, 255)) == "3 rows, checksum ff"


def test_equal_sides_do_not_differ() -> None:
    both = {DAY: Fingerprint(2, 7), WHOLE: Fingerprint(1, 5)}

    assert compare(both, dict(reversed(both.items()))) == []


def test_a_partition_without_rows_equals_an_absent_one() -> None:
    assert compare({DAY: EMPTY}, {}) == []
    assert compare({}, {DAY: EMPTY}) == []


@pytest.mark.parametrize(
    ("source", "warehouse"),
    [
        (Fingerprint(2, 7), Fingerprint(2, 8)),
        (Fingerprint(2, 7), Fingerprint(3, 7)),
        (Fingerprint(2, 7), EMPTY),
        (EMPTY, Fingerprint(2, 7)),
    ],
)
def test_a_difference_in_either_half_on_either_side_is_seen(source: Fingerprint, warehouse: Fingerprint) -> None:
    assert compare({DAY: source}, {DAY: warehouse}) == [Difference(DAY, source, warehouse)]


def test_differences_come_in_order_of_table_and_day() -> None:
    days = [Partition("sale", date(2025, 1, day)) for day in (10, 9, 1)]

    found = compare(dict.fromkeys([*days, WHOLE], Fingerprint(1, 1)), {})

    assert [difference.partition for difference in found] == [WHOLE, *reversed(days)]


def test_differences_stop_a_publication_and_are_named() -> None:
    require_equal([])
    with pytest.raises(
        AuditError, match=r"1 loaded partition\(s\) differ .* sale 2025-01-01: source 2 rows"
    ) as stopped:
        require_equal([Difference(DAY, Fingerprint(2, 7), EMPTY)])
    assert "Nothing was published" in stopped.value.remedy


def test_a_long_list_is_cut() -> None:
    assert listed(map(str, range(3))) == "0; 1; 2"
    assert listed(map(str, range(12))).endswith("8; 9 … and 2 more")
