"""A measured table lands in its own place of the page, and nowhere else."""

from pathlib import Path

import pytest

from benchmarks.figures import PAGE, write_table


def test_a_table_replaces_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n<!-- one: begin -->\n<!-- one: end -->\n<!-- two: begin -->\nold\n<!-- two: end -->\nend\n")

    write_table("one", "| 1 |\n", page)
    write_table("two", "new", page)

    assert page.read_text() == (
        "# Page\n<!-- one: begin -->\n| 1 |\n<!-- one: end -->\n<!-- two: begin -->\nnew\n<!-- two: end -->\nend\n"
    )


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")

    with pytest.raises(ValueError, match="one"):
        write_table("one", "| 1 |", page)


def test_every_place_of_the_page_is_there_once() -> None:
    text = PAGE.read_text("utf-8")

    for name in ("crash-matrix", "crash-matrix-cloud", "types", "corruption", "scale"):
        assert (text.count(f"<!-- {name}: begin -->"), text.count(f"<!-- {name}: end -->")) == (1, 1)
