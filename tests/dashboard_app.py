"""The dashboard run as Streamlit runs it, without a browser: a page at an address, and what is on it."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.report import load_report
from dashboard.theme import APP

FIRST_PAGE = load_report().pages[0].name


@contextmanager
def forgotten() -> Iterator[None]:
    """Nothing that the dashboard keeps for the whole process is of another test, or is left to another."""
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(page: str, **address: str | list[str]) -> AppTest:
    """The page, as somebody sees who opens this address."""
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params.update(address)
    app.run()
    if page != FIRST_PAGE:
        found = [name for name, about in app._registered_pages.items() if about["url_pathname"] == page]
        app._page_hash = found[0]
        app.run()
    assert not app.exception, app.exception
    return app


def card(app: AppTest, label: str) -> str:
    """The number on a scorecard."""
    return next(str(metric.value) for metric in app.metric if metric.label == label)


def said(app: AppTest) -> str:
    """All that the page says in words."""
    parts = [*app.title, *app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(part.value) for part in parts)
