"""The bench: a plugin under test, the options and the spec with which each of its components is tried."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from identify_core.errors import IdentifyError, PluginError, UsageError
from identify_core.plugins import PluginStatus, Registered, Registry, load_registry
from identify_core.spec import Chosen, Mismatches, ResolvedSpec, load_spec, option_fields, structure
from identify_core.spec.choice import chosen_with
from identify_core.suggestions import did_you_mean
from identify_core.testing.conformance.catalogue import CHECKS
from identify_core.testing.conformance.record import NotApplicable, Settings
from identify_core.testing.conformance.shipped import with_shipped

if TYPE_CHECKING:
    from identify_core.testing.conformance.runs import Runs

SMOKE = "smoke"
_TABLES = ("dataset", "model", "objective")


def item_of(registered: Registered) -> str:
    """A component as `kind:name`."""
    return f"{registered.kind}:{registered.name}"


@attrs.frozen(kw_only=True)
class Trial:
    """With what a component is tried.

    Args:
        chosen: the component with its options.
        spec: the preset that the options are of, else the smoke preset; None where the plugin has neither.
    """

    chosen: Chosen
    spec: ResolvedSpec | None


class Bench:
    """A plugin with all that its checks share; what is expensive is made at first use.

    Args:
        settings: which plugin, and what its author says of it.
        registry: where it is registered, next to the plugins that its presets need.
        folder: for stores and scratch files; it exists.
    """

    def __init__(self, settings: Settings, registry: Registry, folder: Path) -> None:
        self.settings = settings
        self.registry = registry
        self.folder = folder
        self.shared: dict[Any, Any] = {}
        status = self.status
        if status is not None and settings.plugin_file is None:
            self.settings = with_shipped(settings, status.module)
        self._refuse_wrong_settings()

    @property
    def plugin(self) -> str:
        """The plugin's name."""
        return self.settings.plugin

    @property
    def status(self) -> PluginStatus | None:
        """What the registry says of the plugin; None where there is none of that name."""
        owners = [each for each in self.registry.plugins if each.name == self.plugin]
        return next((each for each in owners if each.loaded), owners[0] if owners else None)

    def components(self, *kinds: str) -> tuple[Registered, ...]:
        """What the plugin offers of these kinds."""
        return tuple(each for each in self.registry.components(plugin=self.plugin) if each.kind in kinds)

    @cached_property
    def presets(self) -> Mapping[str, ResolvedSpec | IdentifyError]:
        """Each preset by name as a spec, or what is wrong with it; the smoke preset first."""
        names = [each.name for each in self.components("preset")]
        found: dict[str, ResolvedSpec | IdentifyError] = {}
        for name in sorted(names, key=lambda each: each != SMOKE):
            try:
                found[name] = load_spec(self.registry, plugin=self.plugin, preset=name)
            except IdentifyError as error:
                found[name] = error
        return found

    @cached_property
    def smoke(self) -> ResolvedSpec:
        """The smoke preset.

        Raises:
            NotApplicable: the plugin has none, or it is wrong.
        """
        spec = self.presets.get(SMOKE)
        if spec is None:
            raise NotApplicable(f"the plugin has no preset {SMOKE!r}")
        if isinstance(spec, IdentifyError):
            raise NotApplicable(f"the preset {SMOKE!r} is wrong; presets-valid says why")
        return spec

    @cached_property
    def runs(self) -> Runs:
        """The runs of the smoke preset.

        Raises:
            NotApplicable: there is no valid smoke preset.
        """
        from identify_core.testing.conformance.runs import Runs

        return Runs(self.smoke, self.registry, self.folder / "runs")

    def trial(self, registered: Registered) -> Trial:
        """The options of the author, else of the smoke preset, else the defaults, else of the first preset that fits.

        Raises:
            NotApplicable: options have no default, and nothing gives them.
        """
        item = item_of(registered)
        given = self.settings.options.get(item)
        valid = [spec for spec in self.presets.values() if isinstance(spec, ResolvedSpec)]
        uses = [(spec, chosen) for spec in valid for chosen in _components(spec) if _is(chosen, registered)]
        smoke = self.presets.get(SMOKE)
        companion = smoke if isinstance(smoke, ResolvedSpec) else (valid[0] if valid else None)
        if given is not None:
            return Trial(chosen=self._choose(registered, given), spec=uses[0][0] if uses else companion)
        if uses and uses[0][0].name == getattr(smoke, "name", None):
            return Trial(chosen=uses[0][1], spec=uses[0][0])
        try:
            missing = required_options(registered.component.options)
        except PluginError as error:
            raise NotApplicable("its options cannot be read; options-types says why") from error
        if not missing:
            return Trial(chosen=self._choose(registered, {}), spec=companion)
        if uses:
            return Trial(chosen=uses[0][1], spec=uses[0][0])
        example = ", ".join(f'"{name}": ...' for name in missing)
        raise NotApplicable(
            f"its options {', '.join(missing)} have no default and no preset gives them: to try it, say "
            f'options = {{"{item}": {{{example}}}}} in the class, or --set {registered.kind}.{registered.name}.'
            f"{missing[0]}=... in the shell"
        )

    def scratch(self, *parts: str) -> Path:
        """A new empty folder."""
        folder = self.folder.joinpath(*(part.replace(":", "-") for part in parts))
        number = sum(1 for _ in folder.parent.glob(f"{folder.name}-*"))
        path = folder.with_name(f"{folder.name}-{number}")
        path.mkdir(parents=True)
        return path

    def _choose(self, registered: Registered, given: Mapping[str, Any]) -> Chosen:
        try:
            options = structure(dict(given), registered.component.options)
        except Mismatches as error:
            raise NotApplicable(f"its options do not fit: {error}") from error
        except PluginError as error:
            raise NotApplicable("its options cannot be read; options-types says why") from error
        label = registered.name if registered.kind == "evaluator" else registered.kind
        return chosen_with(self.registry, registered, options, label)

    def _refuse_wrong_settings(self) -> None:
        items = ["plugin", SMOKE, *(item_of(each) for each in self.registry.components(plugin=self.plugin))]
        loaded = self.status is not None and self.status.loaded
        for key, reason in self.settings.skip.items():
            if not str(reason or "").strip():
                raise UsageError(f"skip of {key!r} has no reason", hint="say in words why it cannot be checked")
            for word in key.split(" "):
                if loaded and word not in CHECKS and word not in items:
                    raise UsageError(
                        f"skip names {word!r}, which is neither a check nor an item of {self.plugin}",
                        hint=did_you_mean(word, [*CHECKS, *items]),
                    )
        for name in ("options", "shapes", "encode", "tolerance"):
            for key in getattr(self.settings, name):
                if loaded and key not in items:
                    raise UsageError(
                        f"{name} names {key!r}, which {self.plugin} does not offer", hint=did_you_mean(key, items)
                    )


def registry_of(settings: Settings) -> Registry:
    """Every plugin that is installed, since presets may name components of others, and the file that is checked."""
    return load_registry(files=() if settings.plugin_file is None else (settings.plugin_file,))


def required_options(options: type) -> list[str]:
    """The names of the options that have no default."""
    return [field.name for field in option_fields(options) if field.default is attrs.NOTHING]


def _components(spec: ResolvedSpec) -> list[Chosen]:
    return [each for each in (spec.dataset, spec.model, spec.objective, *spec.evaluators) if each is not None]


def _is(chosen: Chosen, registered: Registered) -> bool:
    return (chosen.registered.kind, chosen.registered.qualified_name) == (registered.kind, registered.qualified_name)
