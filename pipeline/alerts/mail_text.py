"""An alert as plain text that reads well at 80 columns: what happened, what to do, then the evidence."""

from collections.abc import Iterator, Sequence
from textwrap import indent, wrap

from pipeline.alerts.alert import Alert, Pair
from pipeline.alerts.prose import Block, blocks

WIDTH = 78
_INDENT = "  "
_LABEL = 10


def text_of(alert: Alert) -> str:
    """The whole mail's text."""
    urgent, evidence = alert.parted()
    parts = [alert.title, *map(_section, urgent), _facts(alert.shown_facts), *map(_section, evidence)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _facts(facts: Sequence[Pair]) -> str:
    width = max([_LABEL, *(len(name) for name, _ in facts)])
    return "\n".join(f"{_INDENT}{name:<{width}} {value}" for name, value in facts)


def _section(section: Pair) -> str:
    title, _ = section
    return "\n".join([title, *(line for block in blocks(section) for line in _lines(block))])


def _lines(block: Block) -> Iterator[str]:
    """Words are never cut: a command or a URL is copied from here."""
    if block.kind == "code":
        yield indent(block.text, _INDENT * 2)
        return
    first = _INDENT + ("- " if block.kind == "item" else "")
    yield from wrap(
        block.text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
