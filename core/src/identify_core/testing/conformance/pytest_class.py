"""PluginConformance: the conformance checks as tests, one for each check and component, in a class of two lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from identify_core.testing.conformance.bench import Bench, registry_of
from identify_core.testing.conformance.catalogue import CHECKS
from identify_core.testing.conformance.questions import items, perform
from identify_core.testing.conformance.record import IMPORT_SECONDS, SMOKE_SECONDS, Settings

_BENCH = pytest.StashKey[Bench]()


class PluginConformance:
    """What every plugin keeps, as tests. Subclass it in a test module:

        class TestSpirals(PluginConformance):
            plugin = "spirals"

    Each check of each component is a test of its own, `TestSpirals::test_conformance[model-rows model:mlp]`, and `-k`
    chooses among them. A test that fails says what is wrong and what to do. `identify check-plugin --list` says what is
    checked.

    What the attributes below say can stand in a file `conformance.toml` next to the plugin's module as well, where the
    shell reads it too.

    Attributes:
        plugin: the plugin's name.
        plugin_file: the file of a plugin that is one file; empty for an installed one.
        options: item to options over the defaults, such as `{"dataset:molecules": {"folder": "tests/data"}}`, for
            components that cannot be tried without.
        skip: a check, an item or `"check item"` to the reason why it cannot be asked, such as
            `{"dataset:molecules": "needs the official files"}`; the reason is reported.
        shapes: model, as an item, to ((inputs), (outputs)) that it is built for, where no dataset of the plugin fits.
        encode: model, as an item, to a function (module, x) -> outputs, where it is not called with its inputs alone.
        tolerance: evaluator, as an item, to how far its value may move where it should stay, relative to
            max(1, |value|).
        import_seconds: CPU time that importing the plugin's module may take beyond the core's.
        smoke_seconds: CPU time that the smoke preset may take.
    """

    plugin: ClassVar[str]
    plugin_file: ClassVar[str | Path] = ""
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    skip: ClassVar[Mapping[str, str]] = {}
    shapes: ClassVar[Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]] = {}
    encode: ClassVar[Mapping[str, Callable[[Any, Any], Any]]] = {}
    tolerance: ClassVar[Mapping[str, float]] = {}
    import_seconds: ClassVar[float] = IMPORT_SECONDS
    smoke_seconds: ClassVar[float] = SMOKE_SECONDS

    @classmethod
    def settings(cls) -> Settings:
        """The class's attributes as a record.

        Raises:
            pytest.UsageError: the class does not say which plugin it is about.
        """
        if not isinstance(getattr(cls, "plugin", None), str):
            raise pytest.UsageError(f'{cls.__name__} does not say which plugin it is about: plugin = "..."')
        return Settings(
            plugin=cls.plugin,
            plugin_file=Path(cls.plugin_file) if cls.plugin_file else None,
            options=cls.options,
            skip=cls.skip,
            shapes=cls.shapes,
            encode={item: _function(each) for item, each in cls.encode.items()},
            tolerance=cls.tolerance,
            import_seconds=cls.import_seconds,
            smoke_seconds=cls.smoke_seconds,
        )

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each check and item."""
        if {"check", "item"} <= set(metafunc.fixturenames):
            settings = self.settings()
            # Only records are looked at while tests are collected: nothing is made or run.
            bench = Bench(settings, registry_of(settings), Path())
            cases = [(check.name, item) for check in CHECKS.values() for item in items(bench, check)]
            metafunc.parametrize(("check", "item"), cases, ids=[" ".join(case) for case in cases])

    def test_conformance(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, check: str, item: str
    ) -> None:
        """The rule holds."""
        bench = _bench_of(request, self.settings(), tmp_path_factory)
        result = perform(bench, CHECKS[check], item)
        if result.status == "skipped":
            pytest.skip(result.reason)
        if result.complaints:
            said = "\n".join(f"- {complaint}" for complaint in result.complaints)
            pytest.fail(f"{CHECKS[check].question} ({item} of {self.plugin})\n{said}", pytrace=False)


def _bench_of(request: pytest.FixtureRequest, settings: Settings, folders: pytest.TempPathFactory) -> Bench:
    """The plugin with what its checks share, kept with the class: the smoke runs are made once for all its tests."""
    node = request.node.getparent(pytest.Class)
    if _BENCH not in node.stash:
        folder = folders.mktemp(f"conformance-{settings.plugin}")
        node.stash[_BENCH] = Bench(settings, registry_of(settings), folder)
    bench: Bench = node.stash[_BENCH]
    return bench


def _function(function: Any) -> Callable[[Any, Any], Any]:
    """A function that a class body holds, not bound to anything."""
    plain: Callable[[Any, Any], Any] = function
    return plain
