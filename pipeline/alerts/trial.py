"""An alert that is only a test."""

from datetime import datetime
from uuid import uuid4

from pipeline.alerts.alert import Alert


def trial_alert(now: datetime) -> Alert:
    """An alert that says it is a test; each is another one, so that no mail program hides it as a copy."""
    return Alert(
        key=uuid4().hex[:16],
        topic="test",
        title="TEST: alerts reach you",
        raised_at=now,
        facts=(("Sent by", "tillroll alerts test"),),
        sections=(("What to do", "Nothing. Had something failed, you would have heard of it this way."),),
    )
