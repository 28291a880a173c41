"""An alert: what somebody has to hear, whatever found it. How it is shown is the matter of each channel."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that went wrong. Texts are masked by whoever builds it; times are aware.

    `key` names what failed: whoever reports it, and however often, it is the same alert. `topic` is what the mails of
    one trouble have in common (`gcs_to_bq_staging.publish`). `title` is the subject line without its mark. `facts` are
    names and values; `sections` titles and texts, in reading order. `follows` is the key of the alert that this one
    goes on about: that it is over, for instance.
    """

    key: str
    topic: str
    title: str
    raised_at: datetime
    facts: tuple[Pair, ...]
    sections: tuple[Pair, ...]
    follows: str = ""

    def told(self, say: Callable[[str], str]) -> "Alert":
        """The same, every text of it put through `say`: to mask what is secret."""
        return replace(self, title=say(self.title), facts=told(self.facts, say), sections=told(self.sections, say))

    def to_json(self) -> str:
        """The alert as one JSON document."""
        return json.dumps({**asdict(self), "raised_at": self.raised_at.isoformat()})

    @classmethod
    def from_json(cls, text: str) -> "Alert":
        """The alert that `to_json` wrote."""
        found = json.loads(text)
        found["raised_at"] = datetime.fromisoformat(found["raised_at"])
        return cls(**{**found, "facts": _pairs(found["facts"]), "sections": _pairs(found["sections"])})


def told(pairs: Sequence[Pair], say: Callable[[str], str]) -> tuple[Pair, ...]:
    """The pairs, their second texts put through `say`."""
    return tuple((name, say(text)) for name, text in pairs)


def _pairs(items: Sequence[Sequence[str]]) -> tuple[Pair, ...]:
    return tuple((name, value) for name, value in items)
