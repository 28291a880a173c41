"""An alert as HTML for mail programs: what happened, what to do, then the evidence.

They differ in what they keep: styles stand in each element, the layout is one column, and nothing is fetched. Text has
no colour of its own and boxes are only tinted, so that all of it is readable on a dark page too; what has a colour
has both, of the letters and of what they stand on.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from textwrap import shorten

from pipeline.alerts.alert import Alert, Pair, Severity
from pipeline.alerts.prose import Block, blocks

_SANS = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
_MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"
_TINT = "rgba(127,127,127,.14)"
_LINE = "rgba(127,127,127,.35)"
_BREAK = "overflow-wrap:anywhere;word-break:break-word"
# White letters are read on each: their contrast is 5 to 1 at least.
COLOURS: Mapping[Severity, str] = {"critical": "#8c1210", "error": "#b3261e", "warning": "#8a5a00", "info": "#1f5fa8"}
OVER = "#1b6e3c"
BUTTON = "#1f5fa8"
_OVER = "RESOLVED"
# What a title leads with: FAILED, DOWN, SCHEMA CHANGED: …
_MARK = re.compile(rf"({_OVER}|[A-Z][A-Z ]+(?=:)|[A-Z]{{3,}}(?= )):? (.+)", re.DOTALL)
_LOG = "Log"


def html_of(alert: Alert) -> str:
    """The whole document."""
    urgent, evidence = alert.parted()
    parts = [_preview(alert), _head(alert), *map(_section, urgent), _button(alert.facts), _facts(alert.shown_facts)]
    body = "\n".join(filter(None, [*parts, *map(_section, evidence)]))
    return f"""<!DOCTYPE html>
<html lang="en" style="color-scheme:light dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(alert.title)}</title>
</head>
<body style="margin:0;padding:0">
<div style="max-width:640px;margin:0 auto;padding:16px;font:15px/1.5 {_SANS};{_BREAK}">
{body}
</div>
</body>
</html>
"""


def _preview(alert: Alert) -> str:
    """What lists of mails show after the subject: not the subject again."""
    text = alert.sections[0][1] if alert.sections else ""
    return f'<div style="display:none;max-height:0;overflow:hidden">{escape(shorten(text, 160))}</div>'


def _head(alert: Alert) -> str:
    mark, rest = _marked(alert)
    colour = OVER if mark == _OVER else COLOURS[alert.severity]
    return (
        f'<div style="padding:14px 16px;border-radius:6px;background:{colour};color:#ffffff">'
        f'<div style="font-size:13px;font-weight:700;letter-spacing:.06em">{escape(mark)}</div>'
        f'<h1 style="margin:0;font-size:20px;line-height:1.3;font-weight:600">{escape(rest)}</h1></div>'
    )


def _marked(alert: Alert) -> tuple[str, str]:
    """The word that the title leads with, and the rest; where it leads with none, how bad it is."""
    found = _MARK.fullmatch(alert.title)
    return (found[1], found[2]) if found else (alert.severity.upper(), alert.title)


def _button(facts: Sequence[Pair]) -> str:
    """The log's address, as something to press."""
    url = next((value for name, value in facts if name == _LOG and _is_link(value)), "")
    if not url:
        return ""
    style = "display:inline-block;padding:10px 20px;color:#ffffff;font-weight:600;text-decoration:none"
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:20px 0 0"><tr>'
        f'<td bgcolor="{BUTTON}" style="border-radius:6px;background:{BUTTON}">'
        f'<a href="{escape(url)}" style="{style}">Open the log</a></td></tr></table>'
    )


def _facts(facts: Sequence[Pair]) -> str:
    cell = f"padding:6px 0;border-bottom:1px solid {_LINE};vertical-align:top;text-align:left"
    rows = "\n".join(
        f'<tr><th scope="row" style="{cell};padding-right:16px;font-weight:600;white-space:nowrap">{escape(name)}</th>'
        f'<td style="{cell};{_BREAK}">{_linked(value)}</td></tr>'
        for name, value in facts
    )
    style = "margin:20px 0 0;width:100%;border-collapse:collapse;font-size:14px"
    return f'<table cellpadding="0" cellspacing="0" border="0" style="{style}">\n{rows}\n</table>' if rows else ""


def _section(section: Pair) -> str:
    title, _ = section
    body = "\n".join(_html_blocks(section))
    return f'<h2 style="margin:22px 0 6px;font-size:15px;font-weight:700">{escape(title)}</h2>\n{body}'


def _html_blocks(section: Pair) -> Iterator[str]:
    for kind, group in groupby(blocks(section), lambda block: block.kind):
        if kind == "item":
            items = "".join(f'<li style="margin:0 0 4px">{_inline(item)}</li>' for item in group)
            yield f'<ul style="margin:0 0 8px;padding-left:20px">{items}</ul>'
        elif kind == "code":
            yield from map(_code, group)
        else:
            yield from (f'<p style="margin:0 0 8px">{_inline(paragraph)}</p>' for paragraph in group)


def _code(block: Block) -> str:
    style = (
        f"margin:0 0 8px;padding:10px 12px;border-left:3px solid {_LINE};background:{_TINT};"
        f"font:13px/1.45 {_MONO};white-space:pre-wrap;{_BREAK}"
    )
    return f'<pre style="{style}">{escape(block.text)}</pre>'


def _inline(block: Block) -> str:
    """A line with its `code`, and the *case* that an item leads with, as Markdown has them; all else is text."""
    code = f'<code style="font:13px {_MONO};background:{_TINT};padding:1px 4px;border-radius:3px">'
    marked = re.sub(r"`([^`]+)`", rf"{code}\1</code>", escape(block.text))
    return re.sub(r"^\*([^*]+)\*", r"<em>\1</em>", marked) if block.kind == "item" else marked


def _linked(value: str) -> str:
    text = escape(value)
    return f'<a href="{text}">{text}</a>' if _is_link(value) else text


def _is_link(value: str) -> bool:
    return value.startswith(("http://", "https://"))
