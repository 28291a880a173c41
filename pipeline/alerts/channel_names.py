"""What the outbox calls the ways to people.

`mail` is mail to everybody in TILLROLL_ALERT_TO, whoever that is when it is sent. A route's mail has a name that says
who it is for: to send it later, nobody needs the rules as they were.
"""

from collections.abc import Iterable

MAIL = "mail"
_MAIL_FOR = "mail:"


def mail_for(recipients: Iterable[str]) -> str:
    """The name of the mail to these addresses."""
    return _MAIL_FOR + ",".join(recipients)


def recipients_in(name: str) -> tuple[str, ...]:
    """The addresses in such a name; none where it is another's."""
    return tuple(name.removeprefix(_MAIL_FOR).split(",")) if name.startswith(_MAIL_FOR) else ()
