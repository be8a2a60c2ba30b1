"""Checks of a plugin's records: what it offers, what it says of it, and whether it cites what it claims."""

from __future__ import annotations

from collections.abc import Iterator

from identify_core.plugins import Registered
from identify_core.testing.conformance.bench import SMOKE, Bench

_LONGEST = 160


def offers(bench: Bench) -> Iterator[str]:
    """There is something to offer, and whoever can run has a preset that shows it in seconds."""
    components = bench.registry.components(plugin=bench.plugin)
    if not components and not bench.registry.observers():
        yield (
            "the plugin offers nothing: yield records from its hooks, such as identify_datasets, each marked with "
            "@hookimpl"
        )
    if bench.components("objective") and SMOKE not in [each.name for each in bench.components("preset")]:
        yield (
            f"the plugin has an objective but no preset {SMOKE!r}: ship a spec that shows everything once in seconds "
            f'on a CPU, Preset(name="{SMOKE}", ...), so that anybody can try it'
        )


def has_summary(bench: Bench, registered: Registered) -> Iterator[str]:
    """A listing can show it."""
    summary = registered.component.summary
    if not summary.strip():
        yield 'its summary is empty: say in one line what it is, summary="..."; listings and the docs show it'
    elif "\n" in summary or len(summary) > _LONGEST:
        yield (
            f"its summary has {len(summary)} characters on {len(summary.splitlines())} lines: say it in one line of at "
            f"most {_LONGEST}"
        )


def cites_claims(bench: Bench, registered: Registered) -> Iterator[str]:
    """Up to what its latents are identified is a theorem, and a theorem has a source."""
    component = registered.component
    if component.identified_up_to and not component.source.strip():
        yield (
            f"it claims that its latents are identified up to {component.identified_up_to!r} and names no source: "
            'source="Author, year, theorem"'
        )
