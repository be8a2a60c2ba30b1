"""What is installed, judged from distribution metadata alone: no plugin code runs here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs

from identify_core.errors import PluginError, UsageError
from identify_core.names import NAME_PATTERN, canonical_name
from identify_core.plugins.configuration import EVERY, Switches, read_switches
from identify_core.plugins.status import PluginStatus, Status
from identify_core.suggestions import did_you_mean
from identify_core.version import __version__

ENTRY_POINT_GROUP = "identify"
_CORE = "identify-core"


def discover(
    disabled: Iterable[str] = (),
    *,
    enabled: Iterable[str] = (),
    files: Iterable[Path] = (),
    check_requirements: bool = True,
) -> tuple[PluginStatus, ...]:
    """Every installed plugin and every plugin file, sorted by name, then by distribution.

    Args:
        disabled: names of plugins or distributions that flags switch off, `*` for all; what the environment and the
            configuration files say counts as well, as `identify_core.plugins.configuration` explains.
        enabled: those that flags switch on.
        files: single files that are plugins; nothing switches them off.
        check_requirements: whether to find out which are incompatible; `--help` spares the time of parsing versions.

    Raises:
        UsageError: a flag names no plugin, or a configuration file is wrong.
        PluginError: a plugin file is not there, or its name is taken.
    """
    off, on = tuple(disabled), tuple(enabled)
    switches = read_switches(off, on)
    installed = [
        _judge(plugin, distribution.requires or (), switches, check_requirements)
        for distribution in _distributions()
        for plugin in _read_plugins(distribution)
    ]
    _refuse_unknown_flags(off, installed, "disable")
    _refuse_unknown_flags(on, installed, "enable")
    found = [*installed, *_plugin_files(files, installed)]
    return _mark_shadowed(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution, plugin.module)))


def _plugin_files(files: Iterable[Path], installed: Iterable[PluginStatus]) -> list[PluginStatus]:
    named = tuple(files)
    if not named:
        return []
    from identify_core.plugins.files import read_plugin_files

    return read_plugin_files(named, installed)


def refuse_unusable(plugins: Iterable[PluginStatus]) -> None:
    """Make plugins that cannot be used an error, for `--strict-plugins`.

    Raises:
        PluginError: a plugin is broken, incompatible or shadowed; the message names them all.
    """
    unusable = [plugin for plugin in plugins if plugin.status in ("broken", "incompatible", "shadowed")]
    if unusable:
        reasons = "; ".join(f"{plugin.name} is {plugin.status}: {plugin.reason}" for plugin in unusable)
        raise PluginError(f"plugins cannot be used: {reasons}", hint="without --strict-plugins they are left out")


def _refuse_unknown_flags(flags: tuple[str, ...], found: Iterable[PluginStatus], what: str) -> None:
    names = {each for plugin in found for each in (plugin.name, plugin.distribution)}
    known = {canonical_name(name) for name in names}
    for flag in flags:
        if flag != EVERY and canonical_name(flag) not in known:
            raise UsageError(f"there is no plugin {flag!r} to {what}", hint=did_you_mean(flag, names))


def _distributions() -> list[metadata.Distribution]:
    """The distributions with a plugin, each once: where sys.path holds several of one name, the first is the one used.

    An editable install next to an old copy, or a left-over .dist-info, must not look like two owners of one name.
    """
    with_plugin = (distribution for distribution in metadata.distributions() if _may_have_plugin(distribution))
    names = {canonical_name(_field(distribution, "Name")) for distribution in with_plugin}
    first_ones = (_first_on_path(name) for name in sorted(names))
    return [distribution for distribution in first_ones if distribution is not None and _may_have_plugin(distribution)]


def _first_on_path(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):  # a left-over of an interrupted uninstallation
        return None


def _may_have_plugin(distribution: metadata.Distribution) -> bool:
    # Most distributions have no such group: a look at the text spares parsing their entry points and metadata.
    try:
        text = distribution.read_text("entry_points.txt")
    except (OSError, UnicodeDecodeError):  # somebody else's unreadable metadata; nothing can be said about it
        return False
    return text is not None and f"[{ENTRY_POINT_GROUP}]" in text.replace(" ", "")


def _field(distribution: metadata.Distribution, name: str) -> str:
    """A field of the core metadata; empty where it is missing, or METADATA is missing or cannot be read."""
    try:
        fields: Any = distribution.metadata
        return str(fields[name]) if fields is not None and name in fields else ""
    except (OSError, ValueError, TypeError):  # newer Pythons refuse where older ones give an empty message
        return ""


def _read_plugins(distribution: metadata.Distribution) -> Iterator[PluginStatus]:
    """The plugins of a distribution, not yet judged beyond what their entry points say."""
    plugin = PluginStatus(
        name=canonical_name(_field(distribution, "Name")),
        module="",
        distribution=_field(distribution, "Name"),
        version=_field(distribution, "Version") or "of unknown version",
        summary=_field(distribution, "Summary"),
    )
    try:
        entry_points = [each for each in distribution.entry_points if each.group == ENTRY_POINT_GROUP]
    except (TypeError, ValueError) as error:
        yield attrs.evolve(plugin, status="broken", reason=f"its entry_points.txt cannot be read: {error}")
        return
    for each in entry_points:
        reason = ""
        if not NAME_PATTERN.fullmatch(each.name):
            reason = f"its name {each.name!r} must be lower-case words joined by hyphens"
        elif not each.pattern.match(each.value):
            reason = f"its entry point {each.value!r} must be 'package.module' or 'package.module:object'"
        status: Status = "broken" if reason else "available"
        yield attrs.evolve(plugin, name=each.name, module=each.value, status=status, reason=reason)


def _judge(
    plugin: PluginStatus, requirements: Iterable[str], switches: Switches, check_requirements: bool
) -> PluginStatus:
    reason = switches.why_disabled(plugin.name, plugin.distribution)
    if reason:
        return attrs.evolve(plugin, status="disabled", reason=reason)
    if plugin.status != "available" or not check_requirements:
        return plugin
    return _judge_requirements(plugin, requirements)


def _judge_requirements(plugin: PluginStatus, requirements: Iterable[str]) -> PluginStatus:
    from packaging.requirements import InvalidRequirement, Requirement

    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            reason = f"its metadata are wrong: Requires-Dist {text!r}: {str(error).splitlines()[0]}"
            return attrs.evolve(plugin, status="broken", reason=reason)
        if canonical_name(requirement.name) != _CORE:
            continue
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and not requirement.specifier.contains(__version__, prereleases=True):
            reason = f"{plugin.owner} requires {_CORE} {requirement.specifier}, but {_CORE} {__version__} is running"
            return attrs.evolve(plugin, status="incompatible", reason=reason)
    return plugin


def unmet_requirements() -> Iterator[str]:
    """What identify-core and each plugin require and is missing or of another version, one sentence each."""
    from packaging.requirements import InvalidRequirement, Requirement

    core = _first_on_path(_CORE)
    for distribution in (*([core] if core is not None else ()), *_distributions()):
        for text in distribution.requires or ():
            try:
                requirement = Requirement(text)
            except InvalidRequirement:  # such a plugin is broken already
                continue
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            owner = f"{_field(distribution, 'Name')} {_field(distribution, 'Version')}"
            installed = _first_on_path(requirement.name)
            if installed is None:
                yield f"{owner} requires {requirement.name}, which is not installed"
                continue
            found = _field(installed, "Version")
            if not found or not requirement.specifier.contains(found, prereleases=True):
                found = found or "an unknown version"
                yield f"{owner} requires {requirement.name} {requirement.specifier}, but {found} is installed"


def _mark_shadowed(plugins: list[PluginStatus]) -> tuple[PluginStatus, ...]:
    """Mark every owner of a name that several usable plugins share: none of them may win by accident."""
    owners: dict[str, list[PluginStatus]] = {}
    for plugin in plugins:
        if plugin.status == "available":
            owners.setdefault(plugin.name, []).append(plugin)

    def mark(plugin: PluginStatus) -> PluginStatus:
        rivals = owners.get(plugin.name, [])
        if plugin.status != "available" or len(rivals) < 2:
            return plugin
        names = " and ".join(rival.owner for rival in rivals)
        return attrs.evolve(plugin, status="shadowed", reason=f"the name {plugin.name!r} belongs to {names}")

    return tuple(mark(plugin) for plugin in plugins)
