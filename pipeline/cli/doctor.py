"""Command `doctor`: would everything work, and what is to be done where it would not?"""

from collections import Counter
from dataclasses import asdict
from json import dumps

import typer

from pipeline.cli.app import app
from pipeline.cli.console import err, out
from pipeline.cli.options import Json
from pipeline.settings import Settings

MARKS = {"ok": "[green]ok  [/green]", "warn": "[yellow]warn[/yellow]", "fail": "[red]fail[/red]"}


@app.command()
def doctor(json: Json = False) -> None:
    """Check settings, connections, permissions and servers, and name the remedy of what is wrong.

    Exit code 0: all works, perhaps with warnings. 1: something fails. 2: what fails is the configuration.

    Example:  tillroll doctor --json
    """
    from rich.markup import escape

    from pipeline.doctor import examine
    from pipeline.finding import Finding, Verdict

    findings: list[Finding] = []
    for finding in examine(Settings.load()):
        findings.append(finding)
        if not json:
            out.print(f"{MARKS[finding.verdict]}  {finding.check:<11}  {escape(finding.detail)}")
            if finding.remedy:
                out.print(f"{'':19}[dim]remedy: {escape(finding.remedy)}[/dim]")
    if json:
        print(dumps([asdict(finding) for finding in findings], indent=1))
    failed = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    counts = Counter(finding.verdict.value for finding in findings)
    err.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in MARKS))
    if failed:
        raise typer.Exit(2 if any(finding.wrong_use for finding in failed) else 1)
