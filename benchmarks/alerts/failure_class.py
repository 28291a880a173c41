"""A class of failures: how one of them is provoked, and what has to come of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmarks.alerts.mail_server import Arrived
from benchmarks.alerts.site import Site, wait_for

# Detection included, where it is not said otherwise.
LONGEST_WAIT_S = 120.0


@dataclass(frozen=True)
class FailureClass:
    """`provoke` makes it fail and returns the moment from which people wait, which is that of `since`.

    `title` is how the alert's title begins, and of no other's in the same installation. `messages` have to tell of it,
    through `channel`.
    """

    name: str
    title: str
    since: str
    provoke: Callable[[Site], datetime]
    messages: int = 1
    channel: str = "mail"

    def heard(self, site: Site) -> list[Arrived]:
        """What tells of it, as it arrived; a digest that names it is one."""
        arrived = site.mail.arrived if self.channel == "mail" else site.webhook.arrived
        return [message for message in arrived if any(title.startswith(self.title) for title in message.titles)]


@dataclass(frozen=True)
class Outcome:
    """What came of one failure. `waited_s` is None where nothing arrived; `problem` says what should not be."""

    of: FailureClass
    messages: int
    waited_s: float | None
    problem: str


def play(site: Site, of: FailureClass) -> datetime | str:
    """Provoke one, alone, and wait until it is heard of. Returns the moment people wait from, or what went wrong."""
    site.wait_until_alone()
    try:
        since = of.provoke(site)
        if of.messages:
            wait_for(f"{of.title} arrives", lambda: of.heard(site))
    except Exception as error:  # noqa: BLE001 - the other classes are looked at all the same
        return f"{type(error).__name__}: {error}"
    return since


def judge(site: Site, of: FailureClass, played: datetime | str) -> Outcome:
    """What came of it, once nothing more can come."""
    heard = of.heard(site)
    if isinstance(played, str):
        return Outcome(of, len(heard), None, played)
    waited_s = (heard[0].at - played).total_seconds() if heard else None
    return Outcome(of, len(heard), waited_s, _problem(of, len(heard), waited_s))


def _problem(of: FailureClass, messages: int, waited_s: float | None) -> str:
    if messages != of.messages:
        return f"{messages} messages, and not {of.messages}"
    if waited_s is not None and waited_s > LONGEST_WAIT_S:
        return f"it took {waited_s:.0f} s, more than {LONGEST_WAIT_S:.0f}"
    return ""


def unexpected(site: Site, classes: Sequence[FailureClass]) -> list[str]:
    """Titles that reached people by mail, and that no class accounts for."""
    titles = [title for message in site.mail.arrived for title in message.titles]
    return [title for title in titles if not any(title.startswith(of.title) for of in classes)]
