"""The command line. `main` is the `tillroll` program; each module here adds its commands to `app`."""

from importlib import import_module
from pkgutil import iter_modules

from pipeline.cli.app import app


def main() -> None:
    """Run the program; ends the process with the command's exit code."""
    for module in iter_modules(__path__, f"{__name__}."):
        import_module(module.name)
    app()
