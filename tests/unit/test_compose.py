"""docker-compose.yml, asked for what breaks each of its rules: as it is, and with a fault planted that must be seen."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from compose_rules import (
    COMPONENT,
    components_unlike_the_laptops,
    containers_nobody_asks,
    containers_out_of_order,
    containers_that_could_do_harm,
    databases_unlike_the_laptops,
    deadlines_that_some_do_not_know,
    folders_that_are_not_volumes,
    images_that_are_not_made_once,
    images_that_may_change,
    outboxes_without_the_rules,
    passwords_outside_the_environment,
    passwords_that_are_written_down,
    ports_beyond_the_loopback,
    settings_that_are_none,
    settings_that_tasks_do_not_get,
    strings,
    variables_that_nothing_explains,
)

from pipeline.settings import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)

Plant = Callable[[dict[str, Any]], object]


def _set(service: str, key: str, value: Any) -> Plant:
    return lambda compose: compose["services"][service].__setitem__(key, value)


def _tell(service: str, variable: str, value: str | None) -> Plant:
    return lambda compose: compose["services"][service]["environment"].__setitem__(variable, value)


RULES: dict[Callable[[dict[str, Any]], list[str]], list[Plant]] = {
    settings_that_are_none: [_tell("scheduler", "TILLROLL_LOOK_BACK", "3")],
    settings_that_tasks_do_not_get: [lambda c: c["services"]["scheduler"]["environment"].pop("TILLROLL_LOOKBACK")],
    deadlines_that_some_do_not_know: [
        lambda c: c["services"]["dashboard"]["environment"].pop("TILLROLL_FRESH_BY"),
        _tell("sentinel", "TILLROLL_SCHEDULE_FROM", "2026-01-01"),
    ],
    variables_that_nothing_explains: [
        _tell("shop", "POSTGRES_DB", "${DATABASE:-shop}"),
        _tell("scheduler", "TILLROLL_SOURCE_URL", "${TILLROLL_SOURCE_URL:-postgresql://${HOST}/shop}"),
        _tell("scheduler", "HTTPS_PROXY", None),
    ],
    passwords_that_are_written_down: [
        _tell("shop", "POSTGRES_PASSWORD", "postgres"),
        _tell("shop", "POSTGRES_PASSWORD", "${SHOP_DATABASE_PASSWORD:-postgres}"),
        _tell("shop", "POSTGRES_PASSWORD", "${SHOP_DATABASE_PASSWORD}"),
        _tell("api-server", "TILLROLL_AIRFLOW_DATABASE_URL", "postgresql://airflow:airflow@airflow-database/airflow"),
        _tell("scheduler", "TILLROLL_SOURCE_URL", "${TILLROLL_SOURCE_URL:-postgresql://tillroll:pw@shop/shop}"),
    ],
    passwords_outside_the_environment: [
        _set("shop", "command", ["postgres", "-c", "password=${SHOP_DATABASE_PASSWORD:?run it}"]),
        _set("scheduler", "build", {"context": ".", "args": {"X": "${SHOP_DATABASE_PASSWORD:?run it}"}}),
    ],
    ports_beyond_the_loopback: [
        _set("shop", "ports", ["5433:5432"]),
        _set("api-server", "ports", ["0.0.0.0:8080:8080"]),
        _set("inbox", "ports", [2525]),
    ],
    containers_that_could_do_harm: [
        _set("shop", "user", "root"),
        _set("scheduler", "user", "0:0"),
        lambda compose: compose["services"]["inbox"].pop("user"),
        _set("api-server", "read_only", False),
        _set("api-server", "cap_drop", []),
    ],
    folders_that_are_not_volumes: [
        _set("shop", "volumes", ["./data:/var/lib/postgresql"]),
        _set("shop", "volumes", ["/var/lib/postgresql"]),
        _set("scheduler", "volumes", ["./config:/opt/tillroll/config"]),
        lambda compose: compose["volumes"].__setitem__("left-over", None),
    ],
    outboxes_without_the_rules: [
        _set("sentinel", "volumes", ["alerts:/var/lib/tillroll/alerts"]),
        _set("dag-processor", "volumes", ["alerts:/var/lib/tillroll/alerts", "./config:/opt/tillroll/config:ro"]),
    ],
    images_that_may_change: [
        _set("shop", "image", "postgres"),
        _set("shop", "image", "postgres:latest"),
        _set("shop", "image", "postgres:18"),
        _set("inbox", "image", "tillroll:latest"),
        _set("inbox", "image", "tillroll:0.0.9"),
    ],
    images_that_are_not_made_once: [
        _set("scheduler", "build", {"context": ".", "dockerfile": "airflow/Dockerfile"}),
        _set("airflow-init", "build", {"context": ".", "dockerfile": "Dockerfile"}),
        lambda compose: compose["services"]["airflow-init"].pop("build"),
        lambda compose: compose["services"]["inbox"].pop("pull_policy"),
    ],
    containers_nobody_asks: [
        lambda compose: compose["services"]["inbox"].pop("healthcheck"),
        _set("scheduler", "healthcheck", {"test": ["CMD", "python", "-I", "docker/health.py"]}),
        _set("scheduler", "healthcheck", {"test": ["CMD", "curl", "http://api-server:8080"]}),
        _set("shop", "healthcheck", {"test": ["CMD-SHELL", "pg_isready -q"]}),
    ],
    containers_out_of_order: [
        _set("api-server", "depends_on", ["airflow-init"]),
        _set("scheduler", "depends_on", {"shop": {"condition": "service_started"}}),
        _set("scheduler", "depends_on", {"airflow-init": {"condition": "service_healthy"}}),
    ],
    components_unlike_the_laptops: [
        lambda compose: compose["services"].pop("dag-processor"),
        _set("inbox", "command", [*COMPONENT, "triggerer"]),
    ],
    databases_unlike_the_laptops: [
        _set("shop", "image", "postgres:17.9-bookworm"),
        _tell("airflow-database", "POSTGRES_INITDB_ARGS", "--encoding=UTF8"),
    ],
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_there_are_no(rule: Callable[[dict[str, Any]], list[str]]) -> None:
    assert rule(COMPOSE) == []


@pytest.mark.parametrize(
    ("rule", "plant"),
    [
        pytest.param(rule, plant, id=f"{rule.__name__}-{n}")
        for rule, plants in RULES.items()
        for n, plant in enumerate(plants)
    ],
)
def test_a_planted_fault_is_seen(rule: Callable[[dict[str, Any]], list[str]], plant: Plant) -> None:
    compose = copy.deepcopy(COMPOSE)
    plant(compose)

    assert rule(compose) != []


def test_there_are_services_to_hold_to_the_rules() -> None:
    databases, servers = {"shop", "airflow-database"}, {"inbox", "sentinel", "dashboard"}

    assert set(COMPOSE["services"]) == {
        *databases, *servers, "airflow-init", "api-server", "dag-processor", "scheduler",
    }  # fmt: skip


def test_what_is_asked_for_by_url_is_a_service() -> None:
    hosts = {host for text in strings(COMPOSE) for host in re.findall(r"(?:://|@)([a-z-]+):", text)}

    assert hosts - {"tillroll", "airflow"} == {"shop", "airflow-database", "inbox", "api-server"}
