"""Each plugin's own group of commands, `identify PLUGIN COMMAND`; only the plugin that is called is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from identify_core.cli.invocation import Invocation
from identify_core.cli.output import print_text
from identify_core.errors import PluginError, UsageError
from identify_core.suggestions import did_you_mean
from identify_core.terminal import shown

if TYPE_CHECKING:
    from identify_core.plugins import Registered


def plugin_summaries(context: click.Context) -> dict[str, str]:
    """Name of each usable plugin with its one-line summary, from metadata alone."""
    try:
        plugins = context.ensure_object(Invocation).discover(check_requirements=False)
    except (PluginError, UsageError):
        # a wrong flag, plugin file or configuration file must not take `--help` away; every verb reports it
        return {}
    return {plugin.name: shown(plugin.summary) for plugin in plugins if plugin.status == "available"}


def plugin_group(context: click.Context, name: str) -> click.Command | None:
    """The group of the plugin `name`; None where no plugin has that name.

    Raises:
        PluginError: there is such a plugin, but it cannot be used.
    """
    invocation = context.ensure_object(Invocation)
    if name not in {plugin.name for plugin in invocation.discover()}:
        return None
    registry = invocation.registry(only=(name,))
    plugin = registry.plugin(name)
    return PluginGroup(name, plugin.summary, registry.components("command", plugin=name))


class PluginGroup(click.Group):
    """The commands that one plugin offers.

    Args:
        name: the plugin's name.
        summary: one line for its help.
        offers: its commands.
    """

    def __init__(self, name: str, summary: str, offers: tuple[Registered, ...]) -> None:
        run = f"Run its studies with: identify run {name}"
        super().__init__(
            name,
            callback=_help_without_command,
            invoke_without_command=True,
            help=f"{shown(summary)}\n\n{run}" if summary else run,
        )
        self._offers = {offer.name: offer for offer in offers}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the plugin's own order."""
        return list(self._offers)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's target.

        Raises:
            PluginError: the target is not a click command.
        """
        offer = self._offers.get(cmd_name)
        if offer is None:
            return None
        from identify_core.components import load_target

        command = load_target(offer.component.target)
        if not isinstance(command, click.Command):
            raise PluginError(
                f"the command {offer.qualified_name!r} must be a click command, not {type(command).__name__}"
            )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; an unknown one fails with the nearest name."""
        if args[0] not in self._offers and not ctx.resilient_parsing and not args[0].startswith("-"):
            hint = did_you_mean(args[0], self._offers) or "this plugin offers no commands"
            raise UsageError(f"the plugin {self.name!r} has no command {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any of them."""
        if self._offers:
            with formatter.section("Commands"):
                formatter.write_dl([(name, shown(offer.component.summary)) for name, offer in self._offers.items()])


@click.pass_context
def _help_without_command(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        print_text(context.get_help())
