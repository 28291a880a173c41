"""Who hears of an alert, how bad it is, and when it waits: what the rules in config/alerts.yml decide."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.alerts.alert import Alert
from pipeline.alerts.routing import Routing
from pipeline.alerts.routing_file import load_routing, usable_routing
from pipeline.errors import ConfigurationError
from pipeline.settings import ROOT, Settings

# A Wednesday in winter: Berlin is an hour ahead.
NOON = datetime(2025, 1, 8, 12, tzinfo=UTC)
FAILED = Alert(
    key="a1",
    topic="gcs_to_bq_staging.publish",
    title="FAILED",
    raised_at=NOON,
    facts=(),
    sections=(),
    dag="gcs_to_bq_staging",
    tags=("tillroll", "warehouse"),
)
DOWN = replace(FAILED, topic="server Airflow scheduler", severity="critical", dag="", tags=())
CHANNELS = ("mail", "slack")


def settings(folder: Path, text: str) -> Settings:
    file = folder / "alerts.yml"
    file.write_text(text, encoding="utf-8")
    return Settings(_env_file=None, alerts=file, alert_to=("ops@example.org",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def routing(folder: Path, text: str) -> Routing:
    return load_routing(settings(folder, text), CHANNELS)


def heard(routing: Routing, alert: Alert) -> list[str]:
    return [way.channel for way in routing.ways(routing.judged(alert))]


def test_as_it_is_the_file_sends_everything_everywhere_at_once() -> None:
    shipped = load_routing(Settings(_env_file=None), CHANNELS)

    assert shipped.judged(FAILED) == FAILED
    assert heard(shipped, FAILED) == heard(shipped, DOWN) == list(CHANNELS)
    assert shipped.quiet_until(FAILED, NOON) is None


def test_the_examples_in_the_file_are_right(folder: Path) -> None:
    text = (ROOT / "config" / "alerts.yml").read_text("utf-8")
    examples = re.findall(r"^# (?:severities|routes|quiet_hours):\n(?:# .*\n)+", text, re.MULTILINE)
    shown = load_routing(
        settings(folder, re.sub("^# ", "", "".join(examples), flags=re.MULTILINE)), [*CHANNELS, "pagerduty"]
    )

    assert shown.judged(FAILED).severity == "critical"
    assert heard(shown, DOWN) == [*CHANNELS, "pagerduty"]
    assert heard(shown, replace(FAILED, dag="bq_transform_core", tags=("dbt",))) == [
        "mail:analysts@example.org,lead@example.org"
    ]
    assert len(shown.rules.quiet_hours) == 2


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ("dag: gcs_to_bq_staging", True),
        ("dag: 'gcs_*'", True),
        ("dag: [ingest_to_postgres, gcs_to_bq_staging]", True),
        ("dag: gcs", False),
        ("tag: warehouse", True),
        ("tag: [dbt, lake]", False),
        ("topic: '*.publish'", True),
        ("dag: 'gcs_*', tag: dbt", False),
        ("dag: 'gcs_*', tag: warehouse, topic: gcs_to_bq_staging.publish", True),
    ],
)
def test_a_rule_is_for_the_alerts_that_it_names(folder: Path, rule: str, fits: bool) -> None:
    rules = routing(folder, f"severities: [{{{rule}, severity: warning}}]")

    assert rules.judged(FAILED).severity == ("warning" if fits else "error")


def test_no_pattern_for_dags_is_for_an_alert_about_none(folder: Path) -> None:
    rules = routing(folder, "severities: [{dag: '*', severity: info}, {tag: '*', severity: info}]")

    assert rules.judged(DOWN).severity == "critical"
    assert rules.judged(FAILED).severity == "info"


def test_the_first_rule_that_fits_says_how_bad_it_is(folder: Path) -> None:
    rules = routing(folder, "severities: [{tag: warehouse, severity: critical}, {severity: info}]")

    assert [rules.judged(alert).severity for alert in (FAILED, DOWN)] == ["critical", "info"]


ROUTES = """
routes:
  - {name: on call, at_least: critical, channels: slack, also: true}
  - {name: warehouse, tag: warehouse, to: [anna@example.org, bob@example.org]}
  - {name: never, dag: gcs_to_bq_staging, to: carl@example.org}
"""


def test_a_route_takes_an_alert_from_everybody_else_unless_it_is_also(folder: Path) -> None:
    rules = routing(folder, ROUTES)

    assert heard(rules, FAILED) == ["mail:anna@example.org,bob@example.org"]
    assert heard(rules, replace(FAILED, severity="critical")) == ["slack", "mail:anna@example.org,bob@example.org"]
    assert heard(rules, DOWN) == ["mail", "slack"]
    assert heard(rules, replace(FAILED, tags=(), dag="postgres_to_gcs")) == ["mail", "slack"]


def test_a_rule_decides_how_bad_an_alert_is_before_a_route_asks(folder: Path) -> None:
    rules = routing(folder, f"severities: [{{tag: warehouse, severity: critical}}]\n{ROUTES}")

    assert "slack" in heard(rules, FAILED)


def test_nobody_hears_of_it_twice(folder: Path) -> None:
    rules = routing(
        folder,
        """
        routes:
          - {name: one, to: [anna@example.org, ops@example.org, anna@example.org], also: true}
          - {name: two, to: [bob@example.org, anna@example.org], channels: [slack], also: true}
        """,
    )

    assert heard(rules, FAILED) == ["mail", "slack", "mail:anna@example.org", "mail:bob@example.org"]


def test_all_ways_and_those_of_a_route_can_be_asked_for(folder: Path) -> None:
    rules = routing(folder, ROUTES)

    assert [way.channel for way in rules.every_way()] == [
        "mail", "slack", "mail:anna@example.org,bob@example.org", "mail:carl@example.org",
    ]  # fmt: skip
    assert [way.channel for way in rules.ways_of("never")] == ["mail:carl@example.org"]
    with pytest.raises(ConfigurationError, match=r"no route is called 'nobody'(.*\n)*.*on call, warehouse, never"):
        rules.ways_of("nobody")


NIGHT = "{from: 22:00, to: 07:00, timezone: Europe/Berlin}"
WEEKEND = "{from: '00:00', to: '00:00', timezone: Europe/Berlin, days: [sat, sun]}"


def moment(day: int, clock: str, month: int = 1) -> datetime:
    return datetime.fromisoformat(f"2025-{month:02}-{day:02}T{clock}:00+00:00")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (moment(8, "20:59"), None),
        (moment(8, "21:00"), moment(9, "06:00")),
        (moment(9, "05:59"), moment(9, "06:00")),
        (moment(9, "06:00"), None),
        (moment(10, "22:00"), moment(13, "06:00")),  # Friday's night, the weekend and Sunday's night
        (moment(11, "12:00"), moment(13, "06:00")),
        (moment(8, "20:00", month=7), moment(9, "05:00", month=7)),  # in summer Berlin is two hours ahead
        (moment(29, "22:00", month=3), moment(31, "05:00", month=3)),  # the clock goes forward on that Sunday
    ],
)
def test_alerts_wait_until_people_are_awake_where_they_live(folder: Path, now: datetime, until: datetime) -> None:
    rules = routing(folder, f"quiet_hours: [{NIGHT}, {WEEKEND}]")

    assert rules.quiet_until(FAILED, now) == until
    assert rules.quiet_until(DOWN, now) is None  # critical: it goes through


def test_quiet_hours_are_for_the_alerts_that_they_name(folder: Path) -> None:
    night = moment(8, "23:00")
    rules = routing(folder, "quiet_hours: [{from: 22:00, to: 07:00, tag: dbt, at_once: warning}]")
    late = replace(FAILED, tags=("dbt",), severity="info")

    assert rules.quiet_until(late, night) == moment(9, "07:00")
    assert rules.quiet_until(replace(late, severity="warning"), night) is None
    assert rules.quiet_until(replace(late, tags=()), night) is None


def test_no_alert_waits_for_hours_that_never_end(folder: Path) -> None:
    rules = routing(folder, "quiet_hours: [{from: '00:00', to: 12:00}, {from: 12:00, to: '00:00'}]")

    assert rules.quiet_until(FAILED, NOON) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a list", "valid dictionary"),
        ("routes: {}", "routes: "),
        ("rotues: []", "rotues: Extra inputs"),
        ("routes: [{name: a}]", r"routes, number 1 \(a\): it leads to nobody"),
        (
            "routes: [{name: a, to: b@c}, {name: d, to: [e@f, nobody]}]",
            r"routes, number 2 \(d\), to, number 2: it is no mail address",
        ),
        ("routes: [{name: a, to: 'b@c, d@e'}]", r"routes, number 1 \(a\), to, number 1: "),
        ("routes: [{name: a, to: b@c, sevrity: error}]", r"number 1 \(a\), sevrity: Extra inputs"),
        ("routes: [{name: a, to: b@c}, {name: a, to: b@c}]", "two routes are called 'a'"),
        ("routes: [{name: a, channels: [slakc]}]", "route 'a': there is no channel 'slakc'.*\n.*mail, slack"),
        ("routes: [{name: a, channels: ['slack://token']}]", "channels, number 1: .* URLs are for TILLROLL_ALERT_URLS"),
        ("severities: [{dag: x}]", "severities, number 1, severity: Field required"),
        ("severities: [{severity: bad}]", "severities, number 1, severity: .*'critical', 'error', 'warning'"),
        ("quiet_hours: [{from: 25:00, to: 07:00}]", "quiet_hours, number 1, from: "),
        ("quiet_hours: [{from: 22, to: 07:00}]", "quiet_hours, number 1, from: "),
        ("quiet_hours: [{from: 22:00, to: 07:00, timezone: Europe/Berln}]", "timezone: Europe/Berln"),
        ("quiet_hours: [{from: 22:00, to: 07:00, days: [Monday]}]", "days, number 1: "),
        ("quiet_hours: [{from: 22:00, to: 22:00}]", "they never end"),
        ("routes: []\nroutes: []", "'routes' stands twice"),
        ("routes: [", "cannot read"),
        ("routes: 2025-13-45", "cannot read"),
        ("[" * 400, "cannot read"),
    ],
)
def test_a_mistake_is_named_and_costs_no_alert(
    folder: Path, text: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = settings(folder, text)

    with pytest.raises(ConfigurationError, match=said) as refused:
        load_routing(wrong, CHANNELS)
    assert "alerts.yml" in refused.value.message
    assert "TILLROLL_ALERT_TO hears of all" in refused.value.remedy
    assert heard(usable_routing(wrong, CHANNELS), FAILED) == list(CHANNELS)
    assert "alerts.yml" in caplog.text
    assert "token" not in caplog.text


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    gone = settings(folder, "").model_copy(update={"alerts": folder / "gone.yml"})

    with pytest.raises(ConfigurationError, match=r"gone\.yml"):
        load_routing(gone, CHANNELS)


def test_an_empty_file_has_no_rules(folder: Path) -> None:
    assert heard(routing(folder, "# nothing"), FAILED) == list(CHANNELS)
