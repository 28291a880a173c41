"""The command line. `main` is the `tillroll` program; each module here adds its commands to `app`."""

from importlib import import_module

from pipeline.cli.app import app

# In the order in which `tillroll --help` lists their commands.
_MODULES = (
    "servers",
    "chain",
    "backfill",
    "steps",
    "audit",
    "report",
    "cost",
    "looker",
    "status",
    "discover",
    "doctor",
    "alerts",
    "alerts_trial",
)


def main() -> None:
    """Run the program; ends the process with the command's exit code."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    app()
