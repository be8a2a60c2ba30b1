"""`[requires]`: the versions that a spec needs of plugins and distributions, judged from metadata alone.

    [requires]
    identify-genni = ">=0.1,<0.2"
    measures = ""                    # a plugin by its own name; any version will do

What is unmet is said before anything else of a spec is looked at, because all else may be wrong only for that reason.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from identify_core.errors import SpecError
from identify_core.plugins.status import PluginStatus
from identify_core.saying import say
from identify_core.spec.layers import Layer, Origin, read_file_layer, read_overrides
from identify_core.spec.problems import Problem

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

PREFIX = "identify-"


@attrs.frozen(kw_only=True)
class Unmet:
    """A requirement that is not met.

    Args:
        message: what is needed and what there is.
        install: what to give to pip; empty where that does not help.
    """

    message: str
    install: str = ""


def malformed_bounds(requires: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each bound that cannot be read, as (distribution or plugin, sentence)."""
    for name, text in requires.items():
        if _bound(text) is None:
            yield name, f'{say(text)} is not a version bound such as ">=0.1"'


def refuse_unmet(layers: Sequence[Layer], plugins: Iterable[PluginStatus]) -> None:
    """Make requirements that are not met one error.

    Args:
        layers: of a spec, lowest first; what is malformed in them is left to those who structure the spec.
        plugins: the plugins that are there.

    Raises:
        SpecError: some are not met; `problems` has one sentence for each, and the hint the command that installs them.
    """
    wanted: dict[str, tuple[object, Origin]] = {}
    for layer in layers:
        table = layer.values.get("requires")
        if isinstance(table, Mapping):
            wanted |= {name: (text, layer.origin(("requires", name))) for name, text in table.items()}
    problems, installs = [], []
    known = tuple(plugins)
    for name, (text, origin) in wanted.items():
        unmet = _judge(name, text, known) if isinstance(text, str) else None
        if unmet is not None:
            problems.append(str(Problem(path=("requires", name), message=unmet.message, origin=origin)))
            installs += [unmet.install] if unmet.install else []
    if problems:
        hint = f"pip install {shlex.join(installs)}" if installs else ""
        raise SpecError("the spec needs what is not there", problems=problems, hint=hint)


def refuse_unmet_in_file(
    file: Path | None, overrides: Sequence[str], discover: Callable[[], Iterable[PluginStatus]]
) -> None:
    """The same for a spec file before any plugin is imported.

    Args:
        file: the spec file.
        overrides: `--set` texts over it.
        discover: finds the plugins from metadata; called only where something is required.

    Raises:
        SpecError: as for `refuse_unmet`, or the file or an override cannot be read.
    """
    layers = [*([read_file_layer(file)] if file is not None else []), read_overrides(overrides)]
    if any("requires" in layer.values for layer in layers):
        refuse_unmet(layers, discover())


def _judge(name: str, text: str, plugins: Sequence[PluginStatus]) -> Unmet | None:
    bound = _bound(text)
    if bound is None:
        return None
    owners = [plugin for plugin in plugins if plugin.name == name]
    usable = next((plugin for plugin in owners if plugin.status == "available"), None)
    if usable is not None and usable.file is not None:
        said = f"the spec needs {name} {bound}, but it is the file {usable.file.path}, which has no version"
        return Unmet(message=said) if text.strip() else None
    if owners and usable is None:
        reasons = " and ".join(sorted({f"{plugin.status}: {plugin.reason}" for plugin in owners}))
        too_old = all(plugin.status == "incompatible" for plugin in owners)
        install = f"{owners[0].distribution}{bound}" if too_old else ""
        return Unmet(message=f"the spec needs the plugin {name!r}, which is {reasons}", install=install)
    distribution = usable.distribution if usable is not None else name
    version = _version(distribution)
    if version is None and usable is not None:  # an object that was handed over, as in a notebook
        return None
    if version is None:
        # A plugin's own name is not a distribution's: it would install whatever the index has under that name.
        install = f"{name}{bound}" if name.startswith(PREFIX) else ""
        message = (
            f"the spec needs {name} {bound}".rstrip() + ", but no plugin or distribution of that name is installed"
        )
        return Unmet(message=message, install=install)
    if not bound.contains(version, prereleases=True):
        message = f"the spec needs {distribution} {bound}, but {version} is installed"
        return Unmet(message=message, install=f"{distribution}{bound}")
    return None


def _bound(text: str) -> SpecifierSet | None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def suggested_bounds(owners: Iterable[tuple[str, str]]) -> dict[str, str]:
    """For each (distribution, version) the bound that admits what is compatible: one minor release while it is 0.x."""
    from packaging.version import InvalidVersion, Version

    bounds = {}
    for distribution, text in owners:
        try:
            version = Version(text)
        except InvalidVersion:
            continue
        below = f"{version.major}.{version.minor + 1}" if version.major == 0 else str(version.major + 1)
        bounds[distribution] = f">={version.major}.{version.minor},<{below}"
    return dict(sorted(bounds.items()))
