"""The registry: every plugin with its status, every component with its owner, and the resolution of names."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import attrs

from identify_core.components import Preset
from identify_core.errors import PluginError, UsageError
from identify_core.plugins.discovery import discover, refuse_unusable
from identify_core.plugins.loading import OBSERVER_HOOKS, LoadedPlugin, Observer, Registered, load_plugin
from identify_core.plugins.status import PluginStatus
from identify_core.rungs import RUNGS
from identify_core.saying import echo
from identify_core.suggestions import did_you_mean
from identify_core.version import __version__


@attrs.frozen(kw_only=True)
class Registry:
    """What the installed plugins offer.

    Args:
        plugins: every plugin that is installed, sorted by name, whatever its status.
    """

    plugins: tuple[PluginStatus, ...]
    _loaded: tuple[LoadedPlugin, ...]

    def plugin(self, name: str) -> PluginStatus:
        """The available plugin of that name.

        Raises:
            PluginError: there is none, or it is disabled, broken, incompatible or shadowed; the message says why.
        """
        owners = [plugin for plugin in self.plugins if plugin.name == name]
        for plugin in owners:
            if plugin.status == "available":
                return plugin
        if not owners:
            names = [plugin.name for plugin in self.plugins if plugin.status == "available"]
            raise PluginError(
                f"there is no plugin {echo(name)!r}",
                hint=_hint_of_a_file(name) or self.elsewhere(name) or did_you_mean(name, names),
            )
        reasons = sorted({f"it is {plugin.status}: {plugin.reason}" for plugin in owners})
        statuses = {plugin.status for plugin in owners}
        hint = ""
        if "shadowed" in statuses:
            hint = "uninstall one of them, or switch one off: --disable-plugin DISTRIBUTION"
        elif "disabled" in statuses:
            hint = f"switch it on: --enable-plugin {name}"
        raise PluginError(f"the plugin {name!r} cannot be used: {'; '.join(reasons)}", hint=hint)

    def components(self, kind: str | None = None, *, plugin: str | None = None) -> tuple[Registered, ...]:
        """Everything offered, of one kind or of one plugin where given; by plugin name, then in the plugin's order."""
        return tuple(
            offer
            for loaded in self._loaded
            for offer in loaded.offers
            if (kind is None or offer.kind == kind) and (plugin is None or offer.owner == plugin)
        )

    def presets(self, plugin: str) -> tuple[Preset, ...]:
        """A plugin's presets, in its own order.

        Raises:
            PluginError: the plugin cannot be used.
        """
        self.plugin(plugin)
        return tuple(offer.component for offer in self.components("preset", plugin=plugin))

    def resolve(self, kind: str, name: str, plugin: str | None = None) -> Registered:
        """The component that a name means.

        A qualified name `owner:name` means that plugin's; a short one means the running plugin's own, else the only one
        of that name anywhere.

        Args:
            kind: dataset, model, objective, evaluator, preset, command or check.
            name: short or qualified.
            plugin: the running plugin.

        Raises:
            UsageError: nobody offers it.
            PluginError: several plugins offer it, or its owner cannot be used.
        """
        owner, colon, short = name.partition(":")
        if colon:
            self.plugin(owner)
            return self._own(kind, short, owner)
        candidates = [offer for offer in self.components(kind) if offer.name == name]
        own = [offer for offer in candidates if offer.owner == plugin]
        if len(own) == 1 or len(candidates) == 1:
            return (own or candidates)[0]
        if candidates:
            owners = ", ".join(f"{each.qualified_name} ({each.distribution} {each.version})" for each in candidates)
            raise PluginError(
                f"several plugins offer the {kind} {name!r}: {owners}",
                hint=f"write the qualified name, such as {candidates[0].qualified_name!r}",
            )
        raise self._unknown(kind, name, plugin)

    def _own(self, kind: str, name: str, owner: str) -> Registered:
        offers = self.components(kind, plugin=owner)
        for offer in offers:
            if offer.name == name:
                return offer
        raise UsageError(
            f"the plugin {echo(owner)!r} offers no {kind} {echo(name)!r}",
            hint=did_you_mean(name, [offer.name for offer in offers]),
        )

    def elsewhere(self, name: str) -> str:
        """A hint for a name that is something else than was asked for: a rung, a preset, a component, a plugin."""
        if name in RUNGS:
            return f"{name!r} is a rung of the equivalence ladder: describe rung {name}, or --expect {name}"
        found = [offer for offer in self.components() if offer.name == name]
        if found:
            kind = found[0].component.kind
            owners = ", ".join(dict.fromkeys(offer.owner for offer in found if offer.component.kind == kind))
            return f"{name!r} is {'an' if kind[0] in 'aeiou' else 'a'} {kind} of {owners}"
        return f"{name!r} is a plugin" if any(plugin.name == name for plugin in self.plugins) else ""

    def _unknown(self, kind: str, name: str, plugin: str | None) -> UsageError:
        offers = sorted(self.components(kind), key=lambda offer: not getattr(offer.component, "standard", False))
        # A foreign name is only found where it is unambiguous, so the suggestion is qualified unless it is one's own.
        valid = {offer.name if offer.owner == plugin else offer.qualified_name: offer.name for offer in offers}
        close = self.elsewhere(name) or did_you_mean(name, valid.values())
        for shown, short in valid.items():
            if close == f"did you mean {short!r}?":
                close = f"did you mean {shown!r}?"
                break
        else:
            close = self.elsewhere(name) or did_you_mean(name, valid)
        absent = [each.name for each in self.plugins if each.status in ("broken", "incompatible", "shadowed")]
        note = f"not searched, because they cannot be used: {', '.join(sorted(set(absent)))}" if absent else ""
        return UsageError(f"there is no {kind} {echo(name)!r}", hint="; ".join(part for part in (close, note) if part))

    def observers(self, hook: str | None = None) -> tuple[Observer, ...]:
        """The implementations of one observer hook, or of all of them, each callable by itself.

        Raises:
            ValueError: there is no such observer hook.
        """
        if hook is not None and hook not in OBSERVER_HOOKS:
            raise ValueError(f"there is no observer hook {hook!r}; there are: {', '.join(OBSERVER_HOOKS)}")
        hooks = OBSERVER_HOOKS if hook is None else (hook,)
        return tuple(observer for loaded in self._loaded for each in hooks for observer in loaded.observers(each))


def load_registry(
    *,
    disabled: Iterable[str] = (),
    enabled: Iterable[str] = (),
    files: Iterable[Path] = (),
    only: Collection[str] | None = None,
    strict: bool = False,
    extra: Mapping[str, object] | None = None,
) -> Registry:
    """Import every plugin that can be used and collect what it offers.

    What the environment and the configuration files say about plugins counts as well.

    Args:
        disabled: plugins or distributions to leave out.
        enabled: those to take although a variable or a file leaves them out.
        files: single files that are plugins, as `--plugin-file` names them.
        only: names of the plugins to import; the others keep the status that their metadata give them.
        strict: whether a broken, incompatible or shadowed plugin is an error.
        extra: plugin objects that are not installed, by name, as in a test or a notebook.

    Raises:
        UsageError: a name in `disabled` or `enabled` is that of no plugin, or a configuration file is wrong.
        PluginError: a plugin file cannot be used, or `strict`, and a plugin cannot be used.
        Interrupted: the user stopped it while a plugin was being loaded; the message says which.
    """
    found = discover(disabled, enabled=enabled, files=files)
    objects = dict(extra or {})
    found = tuple(plugin for plugin in found if plugin.name not in objects) + tuple(
        PluginStatus(name=name, module=_module_name(plugin), distribution=name, version=__version__)
        for name, plugin in objects.items()
    )
    plugins: list[PluginStatus] = []
    loaded: list[LoadedPlugin] = []
    for status in sorted(found, key=lambda plugin: (plugin.name, plugin.distribution)):
        if status.status != "available" or (only is not None and status.name not in only):
            plugins.append(status)
            continue
        result = load_plugin(status, objects.get(status.name))
        if isinstance(result, LoadedPlugin):
            loaded.append(result)
            plugins.append(result.status)
        else:
            plugins.append(result)
            _refuse_broken_file(result)
    registry = Registry(plugins=tuple(plugins), loaded=tuple(loaded))
    if strict:
        refuse_unusable(registry.plugins)
    return registry


def _refuse_broken_file(plugin: PluginStatus) -> None:
    """A file that the user named must work: unlike what happens to be installed, it cannot be left out."""
    if plugin.file is not None:
        raise PluginError(
            f"the plugin file {plugin.distribution.removeprefix('(file) ')} cannot be used: {plugin.reason}",
            hint="put it right, or leave --plugin-file away",
        )


def _module_name(plugin: object) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__))


def _hint_of_a_file(name: str) -> str:
    """For a spec that stands where a plugin is named."""
    if name.lower().endswith(".toml"):
        return f"a spec is named with --spec {shlex.quote(name)}"
    if name.lower().endswith((".yaml", ".yml", ".json")):
        return "a spec is a TOML file: `identify init PLUGIN` writes one"
    return ""
