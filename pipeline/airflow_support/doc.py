"""A DAG's page: the docstring of its file, in Markdown, with these sections."""

import re

PURPOSE = "Purpose"
SCHEDULE = "Schedule"
WHEN_IT_FAILS = "When it fails"

SECTIONS = (PURPOSE, SCHEDULE, WHEN_IT_FAILS)


def section(doc: str, title: str) -> str:
    """The text under the heading `### title`, up to the next heading; empty where there is none.

    A paragraph or an item is one line: where a file breaks it says nothing to who reads it elsewhere.
    """
    found = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^### |\Z)", doc, re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<=\S)\n(?! *- |\n| {4})\s*(?=\S)", " ", found[1].strip()) if found else ""
