"""The root command: a table of verbs that are imported when they are called, and the exit status of every outcome."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from identify_core.cli.invocation import Invocation, store_option
from identify_core.cli.output import print_error, print_failure, print_text, print_warning
from identify_core.cli.plugin_groups import plugin_group, plugin_summaries
from identify_core.errors import IdentifyError, Interrupted, UsageError
from identify_core.suggestions import did_you_mean
from identify_core.terminal import OutputError, end_results, lingering_threads, prepare_streams
from identify_core.version import __version__

# section -> verb -> help; the module is the verb's name with underscores, its command the attribute `command`.
# The help stands here so that `--help` and completion import no verb.
VERBS: Mapping[str, Mapping[str, str]] = {
    "Plugins": {
        "list-plugins": "List the installed plugins and their status.",
        "describe": "Describe a plugin, a component, a preset or a rung.",
        "new-plugin": "Write a new plugin, complete and ready to be changed.",
        "check-plugin": "Check that a plugin keeps the rules of every plugin.",
    },
    "Specs": {
        "init": "Write a commented spec from a preset.",
        "validate": "Check a spec and say everything that is wrong with it.",
        "schema": "Print the JSON schema of a plugin's specs.",
    },
    "Runs": {
        "run": "Run a spec: train the replicates and evaluate them.",
        "resume": "Continue a run that was interrupted.",
        "sweep": "Run every combination of some values.",
        "study": "Do all that one file names: runs, comparisons, tables.",
        "evaluate": "Run an evaluator on a stored run.",
        "compare": "Compare the representations of runs and arrays.",
        "import": "Put representations made elsewhere into the store.",
        "runs": "List, show, remove, prune, verify and export runs.",
        "plot": "Draw the figures of a stored run again.",
        "report": "Write a stored run as one self-contained page.",
    },
    "Environment": {
        "doctor": "Check the installation, the plugins and the store.",
    },
}


PATIENCE_WITH_THREADS = 2.0
"""Seconds that a thread of a plugin may take to end after the verb has."""


class VerbGroup(click.Group):
    """Built-in verbs from the table, then each plugin's own group of commands; a verb always wins over a plugin."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the table, then the plugins."""
        return [*_summaries(), *(name for name in plugin_summaries(ctx) if name not in _summaries())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb's module, or make a plugin's group."""
        if cmd_name in _summaries():
            # `import` is a keyword of the language and cannot name a module that anybody imports.
            name = "import_" if cmd_name == "import" else cmd_name.replace("-", "_")
            module = importlib.import_module(f"identify_core.cli.{name}")
            command: click.Command = module.command
            return command
        return plugin_group(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; an unknown one fails with the nearest name."""
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise UsageError(f"there is no command {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs and the plugins without importing any of them."""
        for section, verbs in VERBS.items():
            with formatter.section(section):
                formatter.write_dl(list(verbs.items()))
        plugins = [(name, text) for name, text in plugin_summaries(ctx).items() if name not in _summaries()]
        if plugins:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(plugins)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        """Complete from the table, without importing any verb."""
        from click.shell_completion import CompletionItem

        options = click.Command.shell_complete(self, ctx, incomplete)
        helps = {**plugin_summaries(ctx), **_summaries()}
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [*(CompletionItem(name, help=helps[name]) for name in names), *options]


def _summaries() -> dict[str, str]:
    return {verb: text for verbs in VERBS.values() for verb, text in verbs.items()}


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    setattr(context.ensure_object(Invocation), str(parameter.name), value)


def _log_from(_: click.Context, __: click.Parameter, level: str | None) -> None:
    """Let the standard logging of libraries and plugins be seen; without the option Python shows warnings alone."""
    if level is not None:
        import logging

        logging.basicConfig(
            level=level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True
        )


# What follows may be a plugin's own group, which is looked up before `root` is called: these are kept as they are read.
KEPT: Mapping[str, Any] = {"callback": _keep, "expose_value": False, "is_eager": True}


@click.command(
    cls=VerbGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Where another program owns the name identify: python -m identify_core",
)
@click.version_option(__version__, prog_name="identify", message="%(prog)s %(version)s (identify-core)")
@store_option
@click.option(
    *("--plugin-file", "plugin_files"),
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take a Python file with hooks for a plugin; may be repeated.",
    **KEPT,
)
@click.option(
    *("--disable-plugin", "disabled"),
    multiple=True,
    metavar="NAME",
    help="Leave a plugin out, or with '*' all that are not enabled; may be repeated.",
    **KEPT,
)
@click.option(
    *("--enable-plugin", "enabled"),
    multiple=True,
    metavar="NAME",
    help="Take a plugin that is switched off; may be repeated.",
    **KEPT,
)
@click.option("--strict-plugins", is_flag=True, help="Fail where a plugin is broken, incompatible or shadowed.", **KEPT)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    metavar="LEVEL",
    help="Show what libraries log, from this level up, on stderr: debug, info, warning or error.",
    **{**KEPT, "callback": _log_from},
)
@click.option("--debug", is_flag=True, help="Show the traceback of expected errors too.", **KEPT)
@click.pass_context
def root(context: click.Context) -> None:
    """How much of what a neural network learned is determined, and how much is arbitrary?"""
    if context.invoked_subcommand is None:
        print_text(context.get_help())


def run_command_line(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; expected errors become messages on stderr.

    Args:
        arguments: what follows the program's name; None for those of the process.
    """
    invocation = Invocation()
    try:
        os.getcwd()
    except OSError:
        print_failure("the working folder is gone", hint="change to a folder that is there")
        return UsageError.exit_code
    try:
        result = root.main(
            args=None if arguments is None else list(arguments),
            prog_name="identify",
            standalone_mode=False,
            obj=invocation,
        )
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "identify"
        print_failure(error.format_message(), hint=f"{command} --help says what it takes")
        return UsageError.exit_code
    except click.ClickException as error:
        print_failure(error.format_message())
        return UsageError.exit_code
    except (click.Abort, KeyboardInterrupt):
        print_failure("interrupted")
        return Interrupted.exit_code
    except IdentifyError as error:
        if invocation.debug:
            traceback.print_exception(error)
        print_error(error)
        return error.exit_code
    # A verb says so with ctx.exit(status), or by returning it.
    return result if type(result) is int else 0


def main() -> NoReturn:
    """The console script `identify`."""
    prepare_streams()
    try:
        status = run_command_line()
        end_results()
    except OutputError as error:
        print_error(error)
        status = error.exit_code
    if names := lingering_threads(PATIENCE_WITH_THREADS):
        print_warning(f"left behind, because it does not end: the thread {', '.join(names)}")
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
