"""The mail about a failure: what it says, in text and in HTML, and that any text fits in."""

import dataclasses
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from html.parser import HTMLParser

import pytest

from pipeline.alerts.failure import Failure
from pipeline.alerts.mail import compose

FAILURE = Failure(
    dag="gcs_to_bq_staging",
    task="publish",
    day="2025-01-03",
    run="asset_triggered__2025-01-04T00:00:12+00:00_x",
    attempt=3,
    error="pipeline.errors.AuditError",
    message="transaction 2025-01-03: 9 rows differ",
    traceback='Traceback (most recent call last):\n  File "load.py", line 7\nAuditError: 9 rows differ',
    remedy="Run postgres_to_gcs again.",
    guidance="- Do not publish by hand.",
    started_at=datetime(2025, 1, 4, 0, 0, 10, tzinfo=UTC),
    failed_at=datetime(2025, 1, 4, 0, 1, 12, 500_000, tzinfo=UTC),
    log_url="http://127.0.0.1:8080/dags/gcs_to_bq_staging/runs/r/tasks/publish?try_number=3",
    evidence="select * from staging.transaction where amount < 9;",
)

FACTS = [
    FAILURE.dag,
    FAILURE.task,
    FAILURE.day,
    FAILURE.error,
    FAILURE.message,
    "line 7",
    "2025-01-04 00:00:10 UTC",
    "2025-01-04 00:01:12 UTC, after 62.5 s",
    FAILURE.log_url,
    FAILURE.remedy,
    FAILURE.guidance,
    FAILURE.evidence,
    "tillroll backfill --from 2025-01-03 --to 2025-01-03 --reprocess",
]


def sent(failure: Failure) -> EmailMessage:
    """The mail as a reader's program gets it: through bytes."""
    message = compose(failure.alert(), "tillroll@example.org", ["a@example.org", "b@example.org"])
    return BytesParser(policy=default).parsebytes(message.as_bytes())


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read_html(html: str) -> _Text:
    parser = _Text()
    parser.feed(html)
    return parser


@pytest.mark.parametrize("fact", FACTS)
def test_text_and_html_say_what_there_is_to_know(fact: str) -> None:
    message = sent(FAILURE)
    assert fact in part(message, "plain")
    assert fact in read_html(part(message, "html")).text


def test_headers() -> None:
    message = sent(FAILURE)
    assert message["Subject"] == "[Tillroll] FAILED gcs_to_bq_staging.publish for 2025-01-03"
    assert message["From"] == "tillroll@example.org"
    assert message["To"] == "a@example.org, b@example.org"
    assert message["Date"].datetime == FAILURE.failed_at.replace(microsecond=0)


def test_the_same_failure_is_the_same_message_and_another_try_is_not() -> None:
    again = dataclasses.replace(FAILURE, message="reported by somebody else")
    other = dataclasses.replace(FAILURE, attempt=4)
    assert sent(FAILURE)["Message-ID"] == sent(again)["Message-ID"] != sent(other)["Message-ID"]
    assert sent(FAILURE)["Message-ID"].endswith("@example.org>")


def test_html_is_escaped() -> None:
    failure = dataclasses.replace(FAILURE, message="<script>alert('x')</script> & <b>co", dag='a"><i>')
    html = read_html(part(sent(failure), "html"))
    assert not html.tags & {"script", "b", "i"}
    assert "<script>alert('x')</script> & <b>co" in html.text


@pytest.mark.parametrize(
    "text", ["naïve café ☕ 你好", "bytes that are no UTF-8: \udcff\udcfe", "x" * 5_000, "two\r\nlines\x00"]
)
def test_any_text_can_be_sent(text: str) -> None:
    raw = compose(
        dataclasses.replace(FAILURE, message=text, day=text).alert(), "tillroll@localhost", ["x@y"]
    ).as_bytes()
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.splitlines())
    assert "FAILED" in BytesParser(policy=default).parsebytes(raw)["Subject"]


def test_text_comes_back_as_it_was() -> None:
    message = sent(dataclasses.replace(FAILURE, message="naïve café ☕"))
    assert "naïve café ☕" in part(message, "plain")


def test_plain_english_is_readable_without_a_mail_program() -> None:
    raw = compose(FAILURE.alert(), "tillroll@localhost", ["x@y"]).as_bytes().decode("ascii")
    assert FAILURE.log_url in raw
    assert "Subject: [Tillroll] FAILED gcs_to_bq_staging.publish for 2025-01-03" in raw


def test_what_is_not_known_is_said_to_be() -> None:
    bare = dataclasses.replace(FAILURE, message="", traceback="", remedy="", guidance="", started_at=None)
    text = part(sent(bare), "plain")
    assert "Started    unknown" in text
    assert "(the exception has no text)" in text
    assert "may have been killed" in text
