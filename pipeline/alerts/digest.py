"""A digest: many alerts as one, led by the one that came first, which the others may follow from."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from pipeline.alerts.alert import Alert, worst

# How many of the others are named.
LONGEST_LIST = 100
OTHERS = "The others, in order"


def digest(alerts: Sequence[Alert]) -> Alert:
    """One alert about all of these; a single one is itself."""
    first, *others = sorted(alerts, key=lambda alert: alert.raised_at)
    if not others:
        return first
    urgent, evidence = first.parted()
    topics = Counter(alert.topic for alert in alerts)
    return Alert(
        key=sha256("\n".join(sorted(alert.key for alert in alerts)).encode()).hexdigest()[:16],
        topic="digest",
        title=f"{len(alerts)} alerts, the first: {first.title}",
        raised_at=others[-1].raised_at,
        facts=(("Alerts", str(len(alerts))), ("About", _most(topics)), *first.facts),
        sections=(*urgent, (OTHERS, _listed(others)), *evidence),
        severity=worst(alerts),
        follows=first.follows if all(alert.follows == first.follows for alert in others) else "",
        is_over=all(alert.is_over for alert in alerts),
        ends=tuple(dict.fromkeys(key for alert in alerts for key in alert.ends)),
    )


def _most(topics: Counter[str]) -> str:
    named = [f"{topic} ({count})" if count > 1 else topic for topic, count in topics.most_common(5)]
    return ", ".join(named) + (f" and {len(topics) - 5} more" if len(topics) > 5 else "")


def _listed(alerts: Sequence[Alert]) -> str:
    lines = [f"- {alert.raised_at:%H:%M:%S} {alert.title}" for alert in alerts[:LONGEST_LIST]]
    if len(alerts) > LONGEST_LIST:
        lines += [f"… and {len(alerts) - LONGEST_LIST} more:", "    tillroll alerts list"]
    return "\n".join(lines)
