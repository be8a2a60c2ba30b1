"""Importing, validating and collecting one plugin by itself, so that a broken one harms no other.

Whatever a plugin raises, SystemExit too, becomes its status. One thing cannot be survived: code that ends the process
itself, with `os._exit` or a fault in a C extension. `identify list-plugins` runs no plugin and so names it even then;
`--disable-plugin` leaves it out.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any, get_args

import attrs
import pluggy

from identify_core.components import Check, Command, Component, Dataset, Evaluator, Model, Objective, Preset
from identify_core.errors import IdentifyError, Interrupted, PluginError
from identify_core.hookspecs import PROJECT, IdentifySpecs
from identify_core.plugins.discovery import ENTRY_POINT_GROUP
from identify_core.plugins.preset_files import presets_in
from identify_core.plugins.status import PluginFile, PluginStatus
from identify_core.rungs import RUNGS
from identify_core.scores import Role, invariance_of
from identify_core.stdout import kept_for_results
from identify_core.suggestions import did_you_mean

Offer = Component | Preset | Command | Check

# Each component hook with the record that it yields.
COLLECTING_HOOKS: Mapping[str, type[Offer]] = {
    "identify_datasets": Dataset,
    "identify_models": Model,
    "identify_objectives": Objective,
    "identify_evaluators": Evaluator,
    "identify_presets": Preset,
    "identify_commands": Command,
    "identify_checks": Check,
}
OBSERVER_HOOKS = ("identify_run_started", "identify_run_logged", "identify_run_finished")
PATIENCE = 2.0
"""Seconds after which the user is told which plugin is being waited for."""


@attrs.frozen(kw_only=True)
class Registered:
    """A component with the plugin that owns it.

    Args:
        owner: the plugin's name.
        distribution: the distribution that ships the plugin.
        version: that distribution's version.
        component: the record that the plugin yielded.
        file: the file that is the plugin; None for what is installed.
    """

    owner: str
    distribution: str
    version: str
    component: Any
    file: PluginFile | None = None

    @property
    def name(self) -> str:
        """The short name."""
        name: str = self.component.name
        return name

    @property
    def kind(self) -> str:
        """What it is: dataset, model, objective, evaluator, preset, command or check."""
        kind: str = self.component.kind
        return kind

    @property
    def qualified_name(self) -> str:
        """`owner:name`, which is unique within a kind."""
        return f"{self.owner}:{self.name}"


@attrs.frozen(kw_only=True)
class Observer:
    """One plugin's implementation of one observer hook; a call runs that plugin's code alone.

    Args:
        owner: the plugin's name.
        hook: the hook's name.
    """

    owner: str
    hook: str
    _manager: pluggy.PluginManager

    def __call__(self, **arguments: Any) -> None:
        """Call it with all arguments of the hook; it receives those that it names.

        Whatever it raises comes through: the caller drops it then.
        """
        getattr(self._manager.hook, self.hook)(**arguments)


@attrs.frozen(kw_only=True)
class LoadedPlugin:
    """What one plugin offers, in the order in which it yields it."""

    status: PluginStatus
    offers: tuple[Registered, ...]
    manager: pluggy.PluginManager

    def observers(self, hook: str) -> tuple[Observer, ...]:
        """Its implementation of an observer hook, if it has one."""
        if not getattr(self.manager.hook, hook).get_hookimpls():
            return ()
        return (Observer(owner=self.status.name, hook=hook, manager=self.manager),)


def load_plugin(status: PluginStatus, plugin: object | None = None) -> LoadedPlugin | PluginStatus:
    """Import, validate and collect a plugin; where that fails, its status with the reason.

    Args:
        status: an available plugin.
        plugin: the plugin object itself where it is not to be imported.
    """
    try:
        with kept_for_results(), _long_waits_explained(status):
            loaded = _import(status) if plugin is None else plugin
            return _collect(attrs.evolve(status, loaded=True), loaded)
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"interrupted while the plugin {status.name!r} ({status.owner}) was being loaded",
            hint=f"if it never ends, leave it out with --disable-plugin {status.name}" if status.file is None else "",
        ) from error
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, SystemExit too, and must stop nobody
        return attrs.evolve(status, status="broken", reason=_reason(error, status.file))


@contextlib.contextmanager
def _long_waits_explained(status: PluginStatus) -> Iterator[None]:
    """Say on stderr which plugin is being loaded where that takes long: it may never end."""

    def say() -> None:
        way_out = "Ctrl-C stops it" if status.file else f"--disable-plugin {status.name} leaves it out"
        sys.stderr.write(
            f"loading the plugin {status.name!r} ({status.owner}) has taken {PATIENCE:g} s so far; {way_out}\n"
        )
        sys.stderr.flush()

    timer = threading.Timer(PATIENCE, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _import(status: PluginStatus) -> object:
    if status.file is not None:
        from identify_core.plugins.files import import_plugin_file

        return import_plugin_file(status.file)
    loaded: object = EntryPoint(name=status.name, value=status.module, group=ENTRY_POINT_GROUP).load()
    return loaded


def _reason(error: BaseException, file: PluginFile | None) -> str:
    if isinstance(error, IdentifyError):
        return f"{error.message}; {error.hint}" if error.hint else error.message
    try:
        said = " ".join(str(error).split())  # on one line, whatever the plugin or pluggy made of it
    except Exception:  # noqa: BLE001 - an exception of the plugin's own may not even be able to say what it is
        said = "(it cannot be shown)"
    reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if file is None:
        return reason
    from identify_core.plugins.files import line_of

    return f"{reason}{line_of(error, file)}"


def _collect(status: PluginStatus, plugin: object) -> LoadedPlugin:
    # One manager a plugin: a plugin that fails validation may stay half registered in its manager, which is dropped
    # with it, and a call of one plugin's hook cannot lose another's results.
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(IdentifySpecs)
    _refuse_unmarked_hooks(plugin)
    manager.register(plugin, name=status.name)
    _refuse_unknown_hooks(manager)
    if status.file is not None and not manager.get_hookcallers(plugin):
        raise PluginError("it implements no hook", hint="mark a function such as identify_datasets with @hookimpl")
    offers: list[Registered] = []
    for hook, record in COLLECTING_HOOKS.items():
        collected = _call(manager, hook, record)
        if record is Preset and not manager.hook.identify_presets.get_hookimpls():
            collected.extend(presets_in(getattr(plugin, "__package__", None) or ""))
        _refuse_repeated_names(collected)
        offers.extend(
            Registered(
                owner=status.name,
                distribution=status.distribution,
                version=status.version,
                component=offer,
                file=status.file,
            )
            for offer in collected
        )
    return LoadedPlugin(status=status, offers=tuple(offers), manager=manager)


def _refuse_unmarked_hooks(plugin: object) -> None:
    for hook in (*COLLECTING_HOOKS, *OBSERVER_HOOKS):
        implementation = getattr(plugin, hook, None)
        if callable(implementation) and not hasattr(implementation, f"{PROJECT}_impl"):
            raise PluginError(f"{hook} is not marked with @hookimpl, so it would never be called")


def _refuse_unknown_hooks(manager: pluggy.PluginManager) -> None:
    known = (*COLLECTING_HOOKS, *OBSERVER_HOOKS)
    for name, caller in sorted(vars(manager.hook).items()):
        if name not in known and any(not each.optionalhook for each in caller.get_hookimpls()):
            raise PluginError(f"there is no hook {name!r}", hint=did_you_mean(name, known))


def _call(manager: pluggy.PluginManager, hook: str, record: type[Offer]) -> list[Offer]:
    offers: list[Offer] = []
    # pluggy calls the implementation that was registered last first; the plugin's own order is the reverse.
    for result in reversed(getattr(manager.hook, hook)()):
        if not isinstance(result, Iterable) or isinstance(result, (str, bytes)):
            raise PluginError(f"{hook} must yield {record.__name__} records, not return {_described(result)}")
        for offer in result:
            if not isinstance(offer, record):
                raise PluginError(f"{hook} must yield {record.__name__} records, not {_described(offer)}")
            _refuse_unknown_rungs(offer)
            offers.append(offer)
    return offers


def _described(value: object) -> str:
    return f"the {type(value).__name__} {value!r}" if isinstance(value, (str, int, float)) else type(value).__name__


def _refuse_unknown_rungs(offer: Offer) -> None:
    rungs: tuple[str, ...] = ()
    if isinstance(offer, Evaluator):
        rungs = tuple(each for role in get_args(Role) for each in invariance_of(offer.invariant_to, role))
    elif isinstance(offer, Objective) and offer.identified_up_to:
        rungs = (offer.identified_up_to,)
    for rung in rungs:
        if rung not in RUNGS:
            raise PluginError(
                f"the {offer.kind} {offer.name!r} names an unknown rung {rung!r}", hint=did_you_mean(rung, RUNGS)
            )


def _refuse_repeated_names(offers: list[Offer]) -> None:
    seen: set[str] = set()
    for offer in offers:
        if offer.name in seen:
            raise PluginError(f"it offers two {offer.kind}s with the name {offer.name!r}")
        seen.add(offer.name)
