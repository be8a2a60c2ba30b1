"""What is installed, judged from distribution metadata alone: no plugin code runs here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import Any, Literal

import attrs

from identify_core.configuration import disabled_plugins
from identify_core.errors import PluginError, UsageError
from identify_core.names import NAME_PATTERN
from identify_core.suggestions import did_you_mean
from identify_core.version import __version__

ENTRY_POINT_GROUP = "identify"
_CORE = "identify-core"

Status = Literal["available", "disabled", "broken", "incompatible", "shadowed"]


@attrs.frozen(kw_only=True)
class PluginStatus:
    """One plugin of one distribution.

    Args:
        name: the entry point's name, which is the plugin's.
        module: what the entry point names, `package.module` or `package.module:object`.
        distribution: the distribution that ships it.
        version: that distribution's version.
        summary: that distribution's one-line summary.
        status: from metadata a plugin is available, disabled, incompatible or shadowed; that it is broken is mostly
            known only once it has been imported.
        reason: why it is not available, in words.
        loaded: whether its code has been imported and its components collected.
    """

    name: str
    module: str
    distribution: str
    version: str
    summary: str = ""
    status: Status = "available"
    reason: str = ""
    loaded: bool = False

    @property
    def owner(self) -> str:
        """The distribution with its version, for messages."""
        return f"{self.distribution} {self.version}"


def discover(disabled: Iterable[str] = (), *, check_requirements: bool = True) -> tuple[PluginStatus, ...]:
    """Every installed plugin, sorted by name, then by distribution.

    Args:
        disabled: names of plugins or distributions that a flag switches off; those that the environment or a
            configuration file switches off are off as well.
        check_requirements: whether to find out which are incompatible; `--help` spares the time of parsing versions.

    Raises:
        UsageError: a name in `disabled` is that of no plugin, or a configuration file is wrong.
    """
    flags = tuple(disabled)
    reasons = disabled_plugins(flags)
    found = [
        _judge(entry_point, distribution, reasons, check_requirements)
        for distribution in _distributions()
        for entry_point in distribution.entry_points
        if entry_point.group == ENTRY_POINT_GROUP
    ]
    _refuse_unknown_flags(flags, found)
    return _mark_shadowed(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution, plugin.module)))


def refuse_unusable(plugins: Iterable[PluginStatus]) -> None:
    """Make plugins that cannot be used an error, for `--strict-plugins`.

    Raises:
        PluginError: a plugin is broken, incompatible or shadowed; the message names them all.
    """
    unusable = [plugin for plugin in plugins if plugin.status in ("broken", "incompatible", "shadowed")]
    if unusable:
        reasons = "; ".join(f"{plugin.name} is {plugin.status}: {plugin.reason}" for plugin in unusable)
        raise PluginError(f"plugins cannot be used: {reasons}", hint="without --strict-plugins they are left out")


def _refuse_unknown_flags(flags: tuple[str, ...], found: Iterable[PluginStatus]) -> None:
    known = {plugin.name for plugin in found} | {plugin.distribution for plugin in found}
    for flag in flags:
        if flag not in known:
            raise UsageError(f"there is no plugin {flag!r} to disable", hint=did_you_mean(flag, known))


def _distributions() -> list[metadata.Distribution]:
    """The distributions with a plugin, each once: where sys.path holds several of one name, the first is the one used.

    An editable install beside an old copy, or a left-over .dist-info, must not look like two owners of one name.
    """
    names = {_normalised(distribution) for distribution in metadata.distributions() if _may_have_plugin(distribution)}
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


def _normalised(distribution: metadata.Distribution) -> str:
    name: Any = distribution.metadata["Name"]  # None where a .dist-info has lost its METADATA
    return _canonical(name or "")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _judge(
    entry_point: metadata.EntryPoint,
    distribution: metadata.Distribution,
    disabled: Mapping[str, str],
    check_requirements: bool,
) -> PluginStatus:
    name: Any = distribution.metadata["Name"]
    version: Any = distribution.metadata["Version"]
    plugin = PluginStatus(
        name=entry_point.name,
        module=entry_point.value,
        distribution=name,
        version=version or "of unknown version",
        summary=distribution.metadata["Summary"] or "",
    )
    reason = disabled.get(plugin.name) or _disabled_distribution(plugin, disabled)
    if reason:
        return attrs.evolve(plugin, status="disabled", reason=reason)
    if not NAME_PATTERN.fullmatch(plugin.name):
        reason = f"its name {plugin.name!r} must be lower-case words joined by hyphens"
        return attrs.evolve(plugin, status="broken", reason=reason)
    return _judge_requirements(plugin, distribution.requires or ()) if check_requirements else plugin


def _disabled_distribution(plugin: PluginStatus, disabled: Mapping[str, str]) -> str:
    canonical = _canonical(plugin.distribution)
    return next((reason for name, reason in disabled.items() if _canonical(name) == canonical), "")


def _judge_requirements(plugin: PluginStatus, requirements: Iterable[str]) -> PluginStatus:
    from packaging.requirements import InvalidRequirement, Requirement

    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            reason = f"its metadata are wrong: Requires-Dist {text!r}: {str(error).splitlines()[0]}"
            return attrs.evolve(plugin, status="broken", reason=reason)
        if _canonical(requirement.name) != _CORE:
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
            owner = f"{distribution.metadata['Name']} {distribution.metadata['Version']}"
            installed = _first_on_path(requirement.name)
            if installed is None:
                yield f"{owner} requires {requirement.name}, which is not installed"
            elif not requirement.specifier.contains(installed.metadata["Version"], prereleases=True):
                found = installed.metadata["Version"]
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
