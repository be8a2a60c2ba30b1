"""`identify schema`: print the JSON Schema of spec files."""

from __future__ import annotations

import click

from identify_core.cli.completing import complete_plugins
from identify_core.cli.invocation import Invocation
from identify_core.cli.output import print_json_text


@click.command("schema")
@click.argument("plugin", required=False, shell_complete=complete_plugins)
@click.pass_obj
def command(invocation: Invocation, plugin: str | None) -> None:
    """Print the JSON Schema (draft 2020-12) of spec files, for editors: those of a PLUGIN, or of every plugin.

    \b
    identify schema genni > genni.schema.json
    #:schema ./genni.schema.json       as a spec's first line, for editors that use Taplo
    """
    from identify_core.spec.schema import make_schema

    print_json_text(make_schema(invocation.registry(), plugin))
