"""`identify doctor`: whether the installation, the plugins and the store are sound."""

from __future__ import annotations

import attrs
import click

from identify_core.cli.invocation import Invocation, json_option, store_option
from identify_core.errors import RunError

MARKS = {"good": ("ok", "green"), "notice": ("note", "yellow"), "problem": ("PROBLEM", "bold red")}


@click.command("doctor")
@store_option
@json_option
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> int:
    """Check the installation, the plugins and the store.

    Exit status 1 where something is wrong.
    """
    from identify_core.cli.root import VERBS
    from identify_core.doctor import diagnose

    verbs = [verb for section in VERBS.values() for verb in section]
    found = []
    for diagnosis in diagnose(invocation.registry, lambda: invocation.store_path, verbs=verbs):
        found.append(diagnosis)
        if not as_json:
            _print(diagnosis.topic, *MARKS[diagnosis.verdict], diagnosis.text, diagnosis.hint)
    is_healthy = all(diagnosis.verdict != "problem" for diagnosis in found)
    if as_json:
        from identify_core.cli.output import print_json

        print_json("doctor", {"healthy": is_healthy, "diagnoses": [attrs.asdict(each) for each in found]})
    return 0 if is_healthy else RunError.exit_code


def _print(topic: str, mark: str, style: str, text: str, hint: str) -> None:
    from rich.text import Text

    from identify_core.cli.output import stdout_console

    console = stdout_console()
    console.print(Text.assemble((f"{mark:8}", style), (f"{topic:13}", "bold"), text))
    if hint:
        console.print(Text(f"{'':21}{hint}", style="dim"))
