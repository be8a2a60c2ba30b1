"""What a name means: the running plugin's own, else the only one, else an error that names every candidate."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core import Dataset, Model, PluginError, Preset, UsageError, hookimpl
from identify_core.plugins import Registry, load_registry
from identify_core.testing.fixtures import InstallDistribution, Project


def offering(datasets: Iterable[str] = (), models: Iterable[str] = (), presets: Iterable[str] = ()) -> object:
    """A plugin with components of the given names."""

    class Plugin:
        @hookimpl
        def identify_datasets(self) -> Iterable[Dataset]:
            return [Dataset(name=name, summary="", target="a:b") for name in datasets]

        @hookimpl
        def identify_models(self) -> Iterable[Model]:
            return [Model(name=name, summary="", target="a:b") for name in models]

        @hookimpl
        def identify_presets(self) -> Iterable[Preset]:
            return [Preset(name=name, summary="", resource="a:b.toml") for name in presets]

    return Plugin()


def registry_of(plugins: Mapping[str, object]) -> Registry:
    return load_registry(only=tuple(plugins), extra=plugins)


@pytest.fixture
def registry(project: Project) -> Registry:
    return registry_of(
        {
            "a": offering(["rings", "teacher"], ["fcn"], ["smoke"]),
            "b": offering(["teacher", "spirals"], ["rings"]),
            "c": offering(),
        }
    )


def test_ones_own_name_wins(registry: Registry) -> None:
    assert registry.resolve("dataset", "teacher", "a").qualified_name == "a:teacher"
    assert registry.resolve("dataset", "teacher", plugin="b").qualified_name == "b:teacher"


def test_the_only_one_anywhere_is_found_within_its_kind(registry: Registry) -> None:
    assert registry.resolve("dataset", "spirals", "a").owner == "b"
    assert registry.resolve("dataset", "rings").owner == "a"
    assert registry.resolve("model", "rings", "a").owner == "b"


def test_a_qualified_name_means_that_plugins(registry: Registry) -> None:
    found = registry.resolve("dataset", "b:teacher", "a")
    assert (found.owner, found.name, found.kind, found.distribution) == ("b", "teacher", "dataset", "b")


def test_several_owners_are_an_error_that_names_them(registry: Registry) -> None:
    with pytest.raises(
        PluginError, match=r"several plugins offer the dataset 'teacher': a:teacher .*, b:teacher "
    ) as e:
        registry.resolve("dataset", "teacher", "c")
    assert "a:teacher" in e.value.hint
    with pytest.raises(PluginError):
        registry.resolve("dataset", "teacher")


@pytest.mark.parametrize(
    ("name", "plugin", "message", "hint"),
    [
        ("teachr", "a", "there is no dataset 'teachr'", "did you mean 'teacher'?"),
        ("spiral", "a", "there is no dataset 'spiral'", "did you mean 'b:spirals'?"),
        ("spiral", "b", "there is no dataset 'spiral'", "did you mean 'spirals'?"),
        ("zzz", "b", "there is no dataset 'zzz'", "there are: a:rings, a:teacher, spirals, teacher"),
        ("a:ring", None, "the plugin 'a' offers no dataset 'ring'", "did you mean 'rings'?"),
        ("c:ring", None, "the plugin 'c' offers no dataset 'ring'", ""),
        ("", None, "there is no dataset ''", "there are: "),
        ("a:b:c", None, "the plugin 'a' offers no dataset 'b:c'", ""),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    registry: Registry, name: str, plugin: str | None, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        registry.resolve("dataset", name, plugin)
    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)


def test_an_unknown_owner_is_answered_with_the_nearest(project: Project) -> None:
    registry = registry_of({"probe": offering(["rings"]), "sonde": offering()})
    with pytest.raises(PluginError, match="there is no plugin 'prob'") as raised:
        registry.resolve("dataset", "prob:rings")
    assert raised.value.hint == "did you mean 'probe'?"


def test_presets_are_the_plugins_own(registry: Registry) -> None:
    assert [preset.name for preset in registry.presets("a")] == ["smoke"]
    assert registry.presets("b") == ()
    with pytest.raises(PluginError):
        registry.presets("nobody")


@pytest.mark.usefixtures("project")
def test_asking_for_a_shadowed_name_names_both_owners_with_versions(install_distribution: InstallDistribution) -> None:
    install_distribution("b-plugin", version="2.0", plugins={"probe": "b_plugin"})
    install_distribution("a-plugin", version="1.0", plugins={"probe": "a_plugin"})
    registry = load_registry(only=())
    with pytest.raises(PluginError, match=r"it is shadowed: .*a-plugin 1\.0 and b-plugin 2\.0") as raised:
        registry.resolve("dataset", "probe:rings")
    assert "--disable-plugin DISTRIBUTION" in raised.value.hint


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("requires", "modules", "disabled", "status"),
    [
        ((), {}, ("probe",), "disabled: disabled by --disable-plugin"),
        ((), {}, (), "broken: ModuleNotFoundError"),
        (("identify-core>=99",), {}, (), "incompatible: probe-plugin 1.0 requires identify-core >=99"),
    ],
)
def test_asking_for_a_plugin_that_cannot_be_used_says_why(
    install_distribution: InstallDistribution,
    requires: tuple[str, ...],
    modules: dict[str, str],
    disabled: tuple[str, ...],
    status: str,
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_absent"}, modules=modules, requires=requires)
    registry = load_registry(disabled=disabled, only=("probe",))
    with pytest.raises(PluginError) as raised:
        registry.plugin("probe")
    assert raised.value.message.startswith(f"the plugin 'probe' cannot be used: it is {status}")


@pytest.mark.usefixtures("project")
def test_what_could_not_be_searched_is_said(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_absent"})
    registry = load_registry(only=("probe",))
    with pytest.raises(UsageError) as raised:
        registry.resolve("dataset", "rings")
    assert raised.value.hint == "not searched, because they cannot be used: probe"


@pytest.mark.usefixtures("project")
def test_strictness_turns_a_broken_plugin_into_an_error(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_absent"})
    with pytest.raises(PluginError, match="probe is broken: ModuleNotFoundError"):
        load_registry(only=("probe",), strict=True)
    load_registry(disabled=("probe",), only=(), strict=True)


@pytest.mark.usefixtures("project")
def test_only_the_wanted_plugins_are_imported(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_absent", "other": "other_absent"})
    registry = load_registry(only=("other",))
    statuses = {each.name: each.status for each in registry.plugins}
    assert (statuses["probe"], statuses["other"]) == ("available", "broken")


names = st.sampled_from(["ant", "bee", "cat"])


@given(st.dictionaries(st.sampled_from(["p", "q", "r"]), st.sets(names), min_size=1), names, st.sampled_from("pqrs"))
def test_resolution_follows_its_rule_for_any_plugins(offers: dict[str, set[str]], name: str, running: str) -> None:
    registry = registry_of({plugin: offering(sorted(own)) for plugin, own in offers.items()})
    owners = sorted(plugin for plugin, own in offers.items() if name in own)
    if running in owners:
        expected: str | None = running
    else:
        expected = owners[0] if len(owners) == 1 else None
    if expected is None:
        with pytest.raises((PluginError, UsageError)) as raised:
            registry.resolve("dataset", name, running)
        assert isinstance(raised.value, PluginError) == (len(owners) > 1)
        assert all(f"{owner}:{name}" in raised.value.message for owner in owners)
    else:
        assert registry.resolve("dataset", name, running).owner == expected
    for owner in owners:
        assert registry.resolve("dataset", f"{owner}:{name}", running).owner == owner


def test_a_plugin_module_may_be_any_object() -> None:
    assert load_registry(only=(), extra={"x": types.SimpleNamespace()}).plugin("x").module == "SimpleNamespace"


def test_a_spec_in_the_place_of_a_plugin_is_told_its_option() -> None:
    with pytest.raises(PluginError, match="there is no plugin 'my paper") as raised:
        load_registry(only=()).plugin("my paper.toml")
    assert raised.value.hint == "a spec is named with --spec 'my paper.toml'"
    with pytest.raises(PluginError) as raised:
        load_registry(only=()).plugin("spec.yaml")
    assert raised.value.hint == "a spec is a TOML file: `identify init PLUGIN` writes one"
