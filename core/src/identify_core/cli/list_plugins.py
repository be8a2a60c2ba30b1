"""`identify list-plugins`: what is installed and whether it can be used, from metadata alone."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import click

from identify_core.cli.invocation import Invocation, json_option
from identify_core.cli.output import print_text
from identify_core.plugins.status import PluginStatus
from identify_core.version import __version__

STYLES = {"available": "green", "disabled": "dim", "broken": "bold red", "incompatible": "red", "shadowed": "yellow"}


@click.command("list-plugins")
@click.option("--check", is_flag=True, help="Import every plugin, to find out which are broken.")
@json_option
@click.pass_obj
def command(invocation: Invocation, check: bool, as_json: bool) -> None:
    """List the installed plugins and their status.

    Without --check no plugin is imported: a plugin is then available as far as its metadata tell.
    """
    plugins = invocation.registry().plugins if check else invocation.discover()
    if as_json:
        from identify_core.cli.output import print_json

        rows = [attrs.asdict(plugin) for plugin in plugins]
        print_json("plugins", {"core": __version__, "checked": check, "plugins": rows})
    elif plugins:
        _print(plugins)
    else:
        print_text("no plugins are installed", err=True)


def _print(plugins: Iterable[PluginStatus]) -> None:
    from rich.text import Text

    from identify_core.cli.output import print_table

    print_table(
        ("plugin", "status", "distribution", ""),
        [
            (
                Text(plugin.name, style="bold"),
                Text(plugin.status, style=STYLES[plugin.status]),
                plugin.owner,
                plugin.reason or plugin.summary,
            )
            for plugin in plugins
        ],
    )
