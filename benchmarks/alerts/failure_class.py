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

    Where all came to a good end it returns None, and nobody is to hear of it; else one message has to tell of it,
    through `channel`. `title` is how the alert's title begins, and of no other's in the same installation.
    """

    name: str
    title: str
    since: str
    provoke: Callable[[Site], datetime | None]
    channel: str = "mail"

    def heard(self, site: Site) -> list[Arrived]:
        """What tells of it, as it arrived; a digest that names it is one."""
        arrived = site.mail.arrived if self.channel == "mail" else site.webhook.arrived
        return [message for message in arrived if any(title.startswith(self.title) for title in message.titles)]


@dataclass(frozen=True)
class Outcome:
    """What came of one failure. `waited_s` is None where nothing arrived; `problem` says what should not be."""

    of: FailureClass
    expected: int
    messages: int
    waited_s: float | None
    problem: str


Played = datetime | None | Exception


def play(site: Site, of: FailureClass) -> Played:
    """Provoke one, alone, and wait until it is heard of. Returns what `provoke` did, or what went wrong."""
    site.wait_until_alone()
    try:
        since = of.provoke(site)
        if since:
            wait_for(f"{of.title} arrives", lambda: of.heard(site))
    except Exception as error:  # noqa: BLE001 - the other classes are looked at all the same
        return error
    return since


def judge(site: Site, of: FailureClass, played: Played) -> Outcome:
    """What came of it, once nothing more can come."""
    heard = of.heard(site)
    if isinstance(played, Exception):
        return Outcome(of, 1, len(heard), None, f"{type(played).__name__}: {played}")
    expected = 1 if played else 0
    waited_s = (heard[0].at - played).total_seconds() if heard and played else None
    return Outcome(of, expected, len(heard), waited_s, _problem(expected, len(heard), waited_s))


def _problem(expected: int, messages: int, waited_s: float | None) -> str:
    if messages != expected:
        return f"{messages} messages, and not {expected}"
    if waited_s is not None and waited_s > LONGEST_WAIT_S:
        return f"it took {waited_s:.0f} s, more than {LONGEST_WAIT_S:.0f}"
    return ""


def unexpected(site: Site, classes: Sequence[FailureClass]) -> list[str]:
    """Titles that reached people by mail, and that no class accounts for."""
    titles = [title for message in site.mail.arrived for title in message.titles]
    return [title for title in titles if not any(title.startswith(of.title) for of in classes)]
