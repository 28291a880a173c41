"""Serve the dashboard, as the process manager and a container start it:  python -m dashboard.serve"""

import sys

from pipeline.embedded import ports
from pipeline.errors import TillrollError
from pipeline.settings import Settings


def options(settings: Settings) -> dict[str, object]:
    """Streamlit's settings: where it listens, and those of the theme."""
    from dashboard.theme import OPTIONS

    return {
        **OPTIONS,
        "server.address": settings.host,
        "server.port": ports.port(settings, "dashboard"),
    }


def main() -> None:
    """Serve until told to stop."""
    from streamlit.web import bootstrap

    from dashboard.theme import APP

    _ask_nobody_outside()

    try:
        chosen = options(Settings.load())
    except TillrollError as error:
        sys.exit(f"error: {error}")
    flags = {name.replace(".", "_"): value for name, value in chosen.items()}
    bootstrap.load_config_options(flags)
    bootstrap.run(str(APP), False, [], flags)


def _ask_nobody_outside() -> None:
    """To judge a request from another site, Streamlit asks a server of Amazon's which address this machine has."""
    from streamlit import net_util

    net_util.get_external_ip = lambda: None


if __name__ == "__main__":
    main()
