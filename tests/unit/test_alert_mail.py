"""The mail about a failure: what it says, in text and in HTML, and that any text fits in."""

import dataclasses
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from html import escape
from html.parser import HTMLParser

import pytest

from pipeline.alerts.alert import Alert, Severity
from pipeline.alerts.failure import Failure
from pipeline.alerts.mail import compose
from pipeline.alerts.mail_html import BUTTON, COLOURS, OVER

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
    rerun="tillroll backfill --from 2025-01-03 --to 2025-01-03 --reprocess",
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
    FAILURE.guidance.removeprefix("- "),
    FAILURE.evidence,
    FAILURE.rerun,
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


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("tillroll@example.org", "example.org"),
        ("Tillroll <alerts@example.org>", "example.org"),
        ('"Tillroll, alerts" <alerts@example.org>', "example.org"),
        ("", "tillroll"),
    ],
)
def test_the_message_id_is_at_the_senders_domain(sender: str, domain: str) -> None:
    message = compose(dataclasses.replace(FAILURE.alert(), follows="a1"), sender, ["a@example.org"])

    assert message["Message-ID"] == f"<alert.{FAILURE.key}@{domain}>"
    assert message["In-Reply-To"] == message["References"] == f"<alert.a1@{domain}>"


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


def test_what_happened_and_what_to_do_come_before_the_facts_and_the_evidence() -> None:
    for kind in ("plain", "html"):
        text = part(sent(FAILURE), kind)
        order = [FAILURE.message, FAILURE.remedy, FAILURE.run, "reprocess", "line 7"]
        assert sorted(order, key=text.rindex) == order


def test_a_terminal_of_80_columns_shows_prose_whole_and_cuts_no_command() -> None:
    long = "- " + "the till is counted again " * 12
    text = part(sent(dataclasses.replace(FAILURE, guidance=long, remedy="x" * 200)), "plain")
    about = text[text.index("What to do") : text.index("  DAG ")]
    assert [line for line in about.splitlines() if len(line) > 78] == ["  " + "x" * 200]
    assert "    tillroll backfill --from 2025-01-03 --to 2025-01-03 --reprocess\n" in text


def test_html_shows_code_as_code_and_items_as_a_list() -> None:
    guidance = "- *The audit differs*: run `postgres_to_gcs`.\n- Do not publish `<by hand>`."
    html = part(sent(dataclasses.replace(FAILURE, guidance=guidance)), "html")
    assert html.count("<li") == 2
    assert "<em>The audit differs</em>: run <code" in html
    assert ">&lt;by hand&gt;</code>" in html
    code = re.findall(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL)
    retry = "tillroll backfill --from 2025-01-03 --to 2025-01-03 --reprocess"
    assert code == [escape(FAILURE.evidence), retry, escape(FAILURE.traceback)]


def test_a_sentence_that_a_text_breaks_is_whole_and_lines_of_their_own_stay_so() -> None:
    whole = "Correct them in the source, and the next run brings them back; until then marts lack them."
    wrapped = f"{whole.replace(' lack', chr(10) + 'lack')}\nSee there."
    html = part(sent(dataclasses.replace(FAILURE, remedy=wrapped, message="table a differs\ntable b differs")), "html")
    paragraphs = re.findall(r"<p [^>]*>(.*?)</p>", html, re.DOTALL)
    assert paragraphs[:4] == ["table a differs", "table b differs", whole, "See there."]


def test_what_is_there_to_be_pasted_is_whole() -> None:
    query = "select * from staging.sale where cast(created_at as date) = '2025-01-03' and note <> '*' and a = `b`;"
    message = sent(dataclasses.replace(FAILURE, evidence=query))
    assert f"\n    {query}\n" in part(message, "plain")
    assert f">{escape(query)}</pre>" in part(message, "html")


def test_asterisks_of_an_error_stay() -> None:
    error = "count(*) of select a.*, *** of b is *not* 1"
    assert error in read_html(part(sent(dataclasses.replace(FAILURE, message=error)), "html")).text


def test_the_log_is_behind_a_button_and_a_log_that_is_no_link_is_text() -> None:
    assert ">Open the log</a>" in part(sent(FAILURE), "html")
    html = part(sent(dataclasses.replace(FAILURE, log_url="javascript:alert(1)")), "html")
    assert "href" not in html
    assert "javascript:alert(1)" in read_html(html).text


def test_nothing_is_fetched_and_every_style_stands_in_its_element() -> None:
    html = part(sent(FAILURE), "html")
    assert not read_html(html).tags & {"img", "link", "script", "style", "iframe"}
    assert re.findall(r'(?:src|href)="([^"]*)"', html) == [escape(FAILURE.log_url)] * 2
    assert "url(" not in html


@pytest.mark.parametrize("colour", [*COLOURS.values(), OVER, BUTTON])
def test_white_letters_are_read_on_every_colour(colour: str) -> None:
    """Contrast as WCAG 2.2 computes it; 4.5 to 1 is asked for."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("title", "severity", "colour", "mark", "rest"),
    [
        ("FAILED dag.task for 2025-01-03", "error", COLOURS["error"], "FAILED", "dag.task for 2025-01-03"),
        ("DOWN Airflow web", "critical", COLOURS["critical"], "DOWN", "Airflow web"),
        ("3 rows are rejected", "warning", COLOURS["warning"], "WARNING", "3 rows are rejected"),
        ("SCHEMA CHANGED: sale", "warning", COLOURS["warning"], "SCHEMA CHANGED", "sale"),
        ("RESOLVED SCHEMA CHANGED: sale", "warning", OVER, "RESOLVED", "SCHEMA CHANGED: sale"),
        ("RESOLVED DOWN Airflow web", "critical", OVER, "RESOLVED", "DOWN Airflow web"),
    ],
)
def test_the_head_says_how_bad_it_is(title: str, severity: Severity, colour: str, mark: str, rest: str) -> None:
    alert = Alert("k", "t", title, FAILURE.failed_at, (), (("What to do", "Look."),), severity=severity)
    message = compose(alert, "tillroll@localhost", ["x@y"])
    html = part(message, "html")
    assert message["Importance"] == ("high" if severity == "critical" else None)
    assert re.search(rf"Severity +{severity}\n", part(message, "plain"))
    assert f"background:{colour};color:#ffffff" in html
    assert f">{mark}</div><h1" in html
    assert f">{rest}</h1>" in html
