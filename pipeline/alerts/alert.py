"""An alert: what somebody has to hear, whatever found it. How it is shown is the matter of each channel."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal, get_args

Pair = tuple[str, str]

# The section that says so comes before the facts.
TO_DO = "What to do"
# Sections that begin so hold what a person pastes somewhere.
TO_SEE = "To see "

# How bad it is, the worst first. critical: nothing works until somebody acts. error: what should have happened did not.
# warning: it did, and somebody should look at it. info: good to know.
Severity = Literal["critical", "error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Work:
    """What failed, and can succeed later: a task (of a mapped one, one of it), or a whole run.

    Where there is a `day`, a later run for it does the same work; where there is none, only the same run does.
    """

    dag: str
    task: str
    map_index: int
    day: str
    run: str

    @property
    def name(self) -> str:
        """What tells it from other work."""
        return "\n".join([self.dag, self.task, str(self.map_index), self.day or self.run])


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that went wrong. Texts are masked by whoever builds it; times are aware.

    `key` names what failed: whoever reports it, and however often, it is the same alert. `topic` is what the mails of
    one trouble have in common (`gcs_to_bq_staging.publish`). `title` is the subject line without its mark. `facts` are
    names and values; `sections` titles and texts, in reading order. `follows` is the key of the alert that this one
    goes on about; `is_over` says that that is over, and `ends` names the messages of which nothing lasts any more.
    `work` is what failed, where it can succeed later. `dag` is the DAG that it is about and `tags` are that DAG's;
    both are empty where it is about none.
    """

    key: str
    topic: str
    title: str
    raised_at: datetime
    facts: tuple[Pair, ...]
    sections: tuple[Pair, ...]
    follows: str = ""
    work: Work | None = None
    severity: Severity = "error"
    dag: str = ""
    tags: tuple[str, ...] = ()
    is_over: bool = False
    ends: tuple[str, ...] = ()

    def told(self, say: Callable[[str], str]) -> "Alert":
        """The same, every text of it put through `say`: to mask what is secret."""
        return replace(self, title=say(self.title), facts=told(self.facts, say), sections=told(self.sections, say))

    def parted(self) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
        """The sections that come first, up to what is to be done (else the first alone), and the evidence."""
        at = next((number for number, (title, _) in enumerate(self.sections, 1) if title == TO_DO), 1)
        return self.sections[:at], self.sections[at:]

    @property
    def shown_facts(self) -> tuple[Pair, ...]:
        """The facts as people see them, with how bad it is."""
        return (*self.facts, ("Severity", self.severity))

    def is_as_bad_as(self, least: Severity) -> bool:
        """Whether it is so bad, or worse."""
        return SEVERITIES.index(self.severity) <= SEVERITIES.index(least)

    def to_json(self) -> str:
        """The alert as one JSON document."""
        return json.dumps({**asdict(self), "raised_at": self.raised_at.isoformat()})

    @classmethod
    def from_json(cls, text: str) -> "Alert":
        """The alert that `to_json` wrote. What it did not write yet, in alerts of long ago, has its default."""
        found = json.loads(text)
        found["raised_at"] = datetime.fromisoformat(found["raised_at"])
        found.update({name: tuple(found.get(name, ())) for name in ("tags", "ends")})
        found["work"] = Work(**found["work"]) if found.get("work") else None
        return cls(**{**found, "facts": _pairs(found["facts"]), "sections": _pairs(found["sections"])})


def worst(alerts: Iterable[Alert]) -> Severity:
    """How bad the worst of them is; of at least one."""
    return min((alert.severity for alert in alerts), key=SEVERITIES.index)


def written(moment: datetime) -> str:
    """A moment as people read it, in UTC and to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def told(pairs: Sequence[Pair], say: Callable[[str], str]) -> tuple[Pair, ...]:
    """The pairs, their second texts put through `say`."""
    return tuple((name, say(text)) for name, text in pairs)


def _pairs(items: Sequence[Sequence[str]]) -> tuple[Pair, ...]:
    return tuple((name, value) for name, value in items)
