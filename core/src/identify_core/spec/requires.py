"""`[requires]`: the versions that a spec needs of plugins and distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata

from identify_core.spec.structure import say


def broken_requirements(requires: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each bound that is malformed or not kept, as (distribution or plugin, sentence)."""
    if not requires:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    for name, text in requires.items():
        try:
            bound = SpecifierSet(text)
        except InvalidSpecifier:
            yield name, f'{say(text)} is no version bound such as ">=0.1"'
            continue
        distribution = _distribution_of(name)
        if distribution is None:
            yield name, "neither a plugin nor a distribution of that name is installed"
            continue
        version = metadata.version(distribution)
        if not bound.contains(version, prereleases=True):
            yield name, f"the spec needs {distribution} {bound}, but {version} is installed"


def _distribution_of(name: str) -> str | None:
    """A plugin's distribution, or the distribution of that name; None where there is neither."""
    for entry_point in metadata.entry_points(group="identify"):
        if entry_point.name == name and entry_point.dist is not None:
            return entry_point.dist.name
    try:
        return metadata.distribution(name).name
    except (metadata.PackageNotFoundError, ValueError):
        return None
