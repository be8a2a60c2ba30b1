"""A project of a test: a folder with its own store, in which specs are written and run in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from identify_core.plugins import Registry
    from identify_core.store import Store, StoredRun


@attrs.frozen(kw_only=True)
class Project:
    """A folder in which a test works.

    Args:
        path: the folder.
        environment: the variables of processes that work in it.
    """

    path: Path
    environment: dict[str, str] = attrs.field(factory=dict, repr=False)

    @property
    def store(self) -> Store:
        """The store in the folder, which the command line there means too."""
        from identify_core.store import Store

        return Store(self.path / "identify-store")

    def write_spec(self, text: str, name: str = "spec.toml") -> Path:
        """Write a spec file into the folder."""
        file = self.path / name
        file.write_text(text, encoding="utf-8")
        return file

    def registry(self, extra: Mapping[str, object] | None = None) -> Registry:
        """The installed plugins and the toy plugin.

        Args:
            extra: plugin objects that are not installed, by name.

        Raises:
            UsageError: a configuration file is wrong.
        """
        from identify_core.plugins import load_registry
        from identify_core.testing import toy_plugin

        return load_registry(extra={"toy": toy_plugin, **(extra or {})})

    def run(
        self,
        plugin: str | None = None,
        *,
        preset: str | None = None,
        spec: Path | str | None = None,
        overrides: Sequence[str] = (),
        extra: Mapping[str, object] | None = None,
    ) -> StoredRun:
        """Run a spec in this process, without progress.

        Args:
            plugin: whose components short names mean; a spec that names its plugin needs none.
            preset: a preset of the plugin; its first one where neither this nor a spec is given.
            spec: a spec file, or its text.
            overrides: values to replace, as `--set` takes them: "objective.steps=5".
            extra: plugin objects that are not installed, by name.

        Returns:
            The finished run.

        Raises:
            IdentifyError: the spec is wrong or the run failed.
            AssertionError: an evaluator failed; the message says which and why.
        """
        from identify_core.contexts.display import SilentDisplay
        from identify_core.reports.page import finished_page
        from identify_core.runs.engine import RunSurroundings, execute
        from identify_core.spec import load_spec
        from identify_core.store import StoredRun

        file = self.write_spec(spec) if isinstance(spec, str) else spec
        resolved = load_spec(self.registry(extra), plugin=plugin, file=file, preset=preset, overrides=overrides)
        surroundings = RunSurroundings(store=self.store, display=SilentDisplay(), render=finished_page)
        outcome = execute(resolved, surroundings)
        assert not outcome.failures, f"evaluators failed: {outcome.failures}"
        return StoredRun.open(outcome.folder)
