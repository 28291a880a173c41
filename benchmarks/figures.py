"""Figures: puts a measured table into its place in docs/reliability.md, so that no figure there is typed by hand.

A table stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`.
"""

from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"


def write_table(name: str, markdown: str, page: Path = PAGE) -> None:
    """Replace what stands at this place of the page.

    Raises:
        ValueError: the page has no such place, or several.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    text = page.read_text("utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{page} has not exactly one place for {name!r}")
    before, rest = text.split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}{markdown.strip()}\n{end}{after}", "utf-8")
