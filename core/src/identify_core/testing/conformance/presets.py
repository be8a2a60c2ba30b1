"""Checks of presets: valid, cited, and readable as the commented spec that `identify init` writes."""

from __future__ import annotations

from collections.abc import Iterator

from identify_core.errors import IdentifyError
from identify_core.plugins import Registered
from identify_core.spec import ResolvedSpec, load_spec
from identify_core.spec.template import write_template
from identify_core.testing.conformance.bench import SMOKE, Bench
from identify_core.testing.conformance.record import NotApplicable


def is_valid(bench: Bench, registered: Registered) -> Iterator[str]:
    """It loads as `identify run --preset` would load it."""
    found = bench.presets[registered.name]
    if isinstance(found, IdentifyError):
        problems = "; ".join(getattr(found, "problems", ())) or found.hint
        yield f"{found.message}: {problems}: mend {registered.component.resource}"


def is_cited(bench: Bench, registered: Registered) -> Iterator[str]:
    """An experiment has a source; the smoke preset need not be one."""
    if registered.name != SMOKE and not registered.component.source.strip():
        yield 'the preset names no source: say whose experiment it is, source="Author, year, section"'


def can_be_written(bench: Bench, registered: Registered) -> Iterator[str]:
    """What `identify init` writes explains every option and is the same spec again."""
    spec = bench.presets[registered.name]
    if not isinstance(spec, ResolvedSpec):
        raise NotApplicable("the preset is wrong; presets-valid says why")
    file = bench.scratch("init", registered.name) / "spec.toml"
    file.write_text(write_template(spec), encoding="utf-8")
    try:
        again = load_spec(bench.registry, plugin=bench.plugin, file=file)
    except IdentifyError as error:
        problems = "; ".join(getattr(error, "problems", ()))
        yield f"the spec that `identify init` writes is refused: {error.message}: {problems}; options-toml says more"
        return
    if again.hash != spec.hash:
        yield (
            "the spec that `identify init` writes is another one: an option does not survive being written; "
            "options-toml says which"
        )
