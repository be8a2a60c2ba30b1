"""Invocation: what the options before the verb say, handed to every verb as click's context object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

if TYPE_CHECKING:
    from identify_core.plugins import Registry
    from identify_core.plugins.status import PluginStatus
    from identify_core.tasks import Loading

F = TypeVar("F", bound=Callable[..., Any])


@attrs.define(kw_only=True)
class Invocation:
    """The options before the verb; a verb takes it with `@click.pass_obj`.

    Args:
        store: the folder that `--store` named, before or after the verb; None where it was not given.
        strict_plugins: whether an unusable plugin is an error.
        disabled: plugins or distributions that are switched off by flag.
        enabled: those that are switched on by flag.
        plugin_files: single files that are plugins.
        debug: whether expected errors show their traceback too.
    """

    store: Path | None = None
    strict_plugins: bool = False
    disabled: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
    plugin_files: tuple[Path, ...] = ()
    debug: bool = False

    @property
    def store_path(self) -> Path:
        """The folder that holds the runs, whether or not it is there; relative if it is below the working directory.

        Raises:
            UsageError: identify.toml is wrong.
        """
        from identify_core.store import find_store_path

        path = find_store_path(self.store)
        here = Path.cwd()
        return path.relative_to(here) if self.store is None and path.is_relative_to(here) else path

    @property
    def loading(self) -> Loading:
        """What `load_registry` takes in other processes, in plain types: `disabled`, `enabled` and `files`."""
        return {
            "disabled": list(self.disabled),
            "enabled": list(self.enabled),
            "files": [str(file.absolute()) for file in self.plugin_files],
        }

    def registry(self, only: Collection[str] | None = None, *, extra: Mapping[str, object] | None = None) -> Registry:
        """The registry under these options.

        Args:
            only: names of the plugins to import; None for all.
            extra: plugin objects that are not installed, by name.
        """
        from identify_core.plugins import load_registry

        return load_registry(
            disabled=self.disabled,
            enabled=self.enabled,
            files=self.plugin_files,
            only=only,
            strict=self.strict_plugins,
            extra=extra,
        )

    def registry_for_spec(self, file: Path | None, overrides: Sequence[str] = ()) -> Registry:
        """The registry for a spec, whose `[requires]` is looked at before any plugin is imported.

        Raises:
            SpecError: the spec needs versions that are not there, or cannot be read.
        """
        from identify_core.spec.requires import refuse_unmet_in_file

        refuse_unmet_in_file(file, overrides, self.discover)
        return self.registry()

    def registry_for(self, document: Mapping[str, Any], again: str, *, kinds: Collection[str] = ()) -> Registry:
        """The registry for work on a stored run, which needs the plugin files that the run was made with.

        Args:
            document: the run's run.json.
            again: the verb and what follows it, for the hint.
            kinds: of components that the work needs; all of the run's where empty.

        Raises:
            PluginError: a plugin file of the run was not named.
        """
        from identify_core.cli.output import print_warning
        from identify_core.plugins.files import refuse_missing_files

        registry = self.registry()
        for sentence in refuse_missing_files(document, registry.plugins, again=again, kinds=kinds):
            print_warning(sentence)
        return registry

    def discover(self, *, check_requirements: bool = True) -> tuple[PluginStatus, ...]:
        """Every installed plugin and plugin file under these options, without running any."""
        from identify_core.plugins.discovery import discover, refuse_unusable

        plugins = discover(
            self.disabled, enabled=self.enabled, files=self.plugin_files, check_requirements=check_requirements
        )
        if self.strict_plugins:
            refuse_unusable(plugins)
        return plugins


def _set_store(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Invocation).store = value


def store_option(function: F) -> F:
    """Add `--store FOLDER` to a command, before or after the verb; it is read from `Invocation.store_path`."""
    return click.option(
        "--store",
        type=click.Path(path_type=Path),
        callback=_set_store,
        expose_value=False,
        metavar="FOLDER",
        help="Folder that holds the runs.  [default: $IDENTIFY_STORE, identify.toml, or identify-store]",
    )(function)


def json_option(function: F) -> F:
    """Add `--json` to a verb, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(function)


def quiet_option(function: F) -> F:
    """Add `--quiet` to a verb that shows progress."""
    return click.option("--quiet", is_flag=True, help="Show no progress.")(function)


def spec_options(function: F) -> F:
    """Add what names a spec: the plugin, `--spec` (as `file`), `--preset` and `--set` (as `overrides`)."""
    from identify_core.cli.completing import complete_keys, complete_plugins, complete_presets

    for add in reversed(
        (
            click.argument("plugin", required=False, shell_complete=complete_plugins),
            click.option("--spec", "file", type=click.Path(path_type=Path), help="The spec file."),
            click.option(
                "--preset",
                shell_complete=complete_presets,
                help="The preset below the file.  [default: the plugin's first, without --spec]",
            ),
            click.option(
                *("--set", "overrides"),
                shell_complete=complete_keys,
                multiple=True,
                metavar="KEY=VALUE",
                help="Replace one value, as in objective.steps=2000; may be repeated.",
            ),
        )
    ):
        function = add(function)
    return function


def force_option(function: F) -> F:
    """Add `--force` to a verb that refuses a spec beyond this machine's memory."""
    return click.option("--force", is_flag=True, help="Go on although the spec needs more memory than there is.")(
        function
    )


def _refuse_no_time(_: click.Context, __: click.Parameter, seconds: float) -> float:
    if not seconds >= 0:  # NaN too
        raise click.BadParameter(f"{seconds:g} is not a number of seconds: it must be at least 0")
    return seconds


def trust_option(function: F) -> F:
    """Add `--trust-code` to a verb that does what a stored spec says, as the argument `trusted`."""
    return click.option(
        *("--trust-code", "trusted"),
        multiple=True,
        metavar="NAME",
        help="An object to import, or a file to read, that a stored spec from elsewhere names; may be repeated.",
    )(function)


def tracking_options(function: F) -> F:
    """Add who is told of a run and how often it is saved, as `track` and `checkpoint_every`."""
    track = click.option(
        "--track",
        multiple=True,
        envvar="IDENTIFY_TRACK",
        metavar="TRACKER",
        help="tensorboard, wandb or mlflow; may be repeated.",
    )
    checkpoint_every = click.option(
        "--checkpoint-every",
        type=float,
        default=30.0,
        show_default=True,
        callback=_refuse_no_time,
        help="Seconds between checkpoints; inf for none but the last.",
    )
    return track(checkpoint_every(function))
