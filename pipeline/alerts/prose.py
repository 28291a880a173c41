"""The texts of an alert's sections, as blocks that text and HTML both are made of.

A line is a paragraph of its own, but for one that was broken in mid-sentence, which goes on in the next. A line that
begins with `- ` is an item of a list; lines that are indented by four spaces are code, as in Markdown, and so are all
of a traceback and what is there to be pasted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from pipeline.alerts.alert import TO_SEE, Pair

Kind = Literal["paragraph", "item", "code"]

_CODE = " " * 4
_ITEM = "- "
# A line of a traceback is indented, and so is not told from others by itself.
_TRACEBACK = re.compile(r'^Traceback \(most recent call last\)|^\s+File ".*", line \d+', re.MULTILINE)

# Texts are broken at widths from here on.
_BROKEN_OFF = re.compile(r"(?<=[^\n]{74}[^\n.:;!?])\n(?=[^\s-])")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or an item, which is one line however long, or code, which keeps its lines."""

    kind: Kind
    text: str


def blocks(section: Pair) -> Iterator[Block]:
    """The blocks of a section's text, in order."""
    title, text = section
    if title.startswith(TO_SEE) or _TRACEBACK.search(text):
        yield Block("code", text)
        return
    for kind, lines in groupby(_BROKEN_OFF.sub(" ", text).splitlines(), _kind):
        if kind == "code":
            yield Block(kind, "\n".join(line.removeprefix(_CODE) for line in lines).strip("\n"))
        else:
            yield from (Block(kind, line.strip().removeprefix(_ITEM)) for line in lines if line.strip())


def _kind(line: str) -> Kind:
    if line.startswith(_CODE):
        return "code"
    return "item" if line.lstrip().startswith(_ITEM) else "paragraph"
