"""`zoo doctor`: what works here, and why the rest does not."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Try what pictures and training need, without the network, and say what is amiss."""
    from zoo.diagnosis import diagnose
    from zoo.errors import InputError

    findings = list(diagnose())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        width = max(len(finding.about) for finding in findings)
        for finding in findings:
            click.echo(f"{finding.state:7} {finding.about:{width}}  {finding.found}")
            if finding.advice:
                click.echo(f"{'':7} {'':{width}}  {finding.advice}.")
    for finding in findings:
        if finding.state == "broken":
            raise InputError(f"{finding.about}: {finding.found}. {finding.advice or 'Mend it'}")
