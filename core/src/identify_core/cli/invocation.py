"""Invocation: what the options before the verb say, handed to every verb as click's context object."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

if TYPE_CHECKING:
    from identify_core.discovery import PluginStatus
    from identify_core.plugins import Registry

DEFAULT_STORE = Path("identify-store")
STORE_VARIABLE = "IDENTIFY_STORE"

F = TypeVar("F", bound=Callable[..., Any])


@attrs.define(kw_only=True)
class Invocation:
    """The options before the verb.

    A verb takes it with `@click.pass_obj`.

    Args:
        store_path: the folder that holds the runs.
        strict_plugins: whether an unusable plugin is an error.
        disabled: plugins or distributions that are switched off by flag.
        debug: whether expected errors show their traceback too.
    """

    store_path: Path = DEFAULT_STORE
    strict_plugins: bool = False
    disabled: tuple[str, ...] = ()
    debug: bool = False

    def registry(self, only: Collection[str] | None = None) -> Registry:
        """The registry under these options; `only` limits which plugins are imported."""
        from identify_core.plugins import load_registry

        return load_registry(disabled=self.disabled, only=only, strict=self.strict_plugins)

    def discover(self, *, check_requirements: bool = True) -> tuple[PluginStatus, ...]:
        """Every installed plugin under these options, from metadata alone."""
        from identify_core.configuration import disabled_plugins
        from identify_core.discovery import discover

        return discover(disabled_plugins(self.disabled), check_requirements=check_requirements)


def _set_store(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Invocation).store_path = value


def store_option(function: F) -> F:
    """Add `--store PATH` to a verb, with the same meaning as before the verb; read it from `Invocation.store_path`."""
    return click.option(
        "--store",
        type=click.Path(file_okay=False, path_type=Path),
        callback=_set_store,
        expose_value=False,
        help=f"Folder that holds the runs.  [default: {DEFAULT_STORE}, or ${STORE_VARIABLE}]",
    )(function)


def json_option(function: F) -> F:
    """Add `--json` to a verb, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(function)
