"""A plugin that is broken in any way is a row with its reason, and harms no other."""

from __future__ import annotations

import types

import pytest

from identify_core.plugins import PluginStatus, Registry, load_registry
from identify_core.testing.fixtures import InstallDistribution

HEAD = """
from identify_core import *
from identify_core import hookimpl, Dataset, Model, Evaluator, Objective, Preset, Command, Check
def dataset(name): return Dataset(name=name, summary="s", target="probe:make")
"""
GOOD = """
@hookimpl
def identify_datasets():
    yield dataset("rings")
"""


def load(
    install_distribution: InstallDistribution, source: str, name: str = "probe_plugin"
) -> tuple[Registry, PluginStatus]:
    install_distribution("probe-plugin", plugins={"probe": name}, modules={name: HEAD + source})
    install_distribution("sound-plugin", plugins={"sound": f"{name}_sound"}, modules={f"{name}_sound": HEAD + GOOD})
    registry = load_registry()
    return registry, next(plugin for plugin in registry.plugins if plugin.name == "probe")


@pytest.mark.usefixtures("project")
def test_a_sound_plugin_is_collected_in_its_own_order(install_distribution: InstallDistribution) -> None:
    registry, status = load(
        install_distribution, '@hookimpl\ndef identify_datasets():\n    return [dataset("b"), dataset("a")]\n'
    )
    assert status.status == "available"
    assert status.loaded
    assert [each.name for each in registry.components("dataset", plugin="probe")] == ["b", "a"]


BROKEN = {
    "import error": ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    "syntax error": ("def (", "SyntaxError"),
    "exit at import": ("raise SystemExit(3)", "SystemExit: 3"),
    "silent exit": ("import sys; sys.exit()", "SystemExit"),
    "base exception": ("class Odd(BaseException): pass\nraise Odd('far out')", "Odd: far out"),
    "hook raises": ("@hookimpl\ndef identify_models():\n    raise OSError('no disk')", "OSError: no disk"),
    "generator raises": (GOOD.replace("yield", "1 / 0; yield"), "ZeroDivisionError"),
    "exit in a hook": ("@hookimpl\ndef identify_checks():\n    raise SystemExit('bye')", "SystemExit: bye"),
    "unknown argument": ("@hookimpl\ndef identify_datasets(flavour):\n    return []", "flavour"),
    "unknown hook": (
        "@hookimpl\ndef identify_dataset():\n    return []",
        "there is no hook 'identify_dataset'; did you mean 'identify_datasets'?",
    ),
    "unmarked hook": ("def identify_datasets():\n    return []", "identify_datasets is not marked with @hookimpl"),
    "a record, not several": (
        "@hookimpl\ndef identify_datasets():\n    return dataset('rings')",
        "identify_datasets must yield Dataset records, not return Dataset",
    ),
    "a string": (
        "@hookimpl\ndef identify_datasets():\n    return 'rings'",
        "must yield Dataset records, not return the str 'rings'",
    ),
    "another kind": (
        "@hookimpl\ndef identify_models():\n    yield dataset('rings')",
        "identify_models must yield Model records, not Dataset",
    ),
    "a bad record": (GOOD.replace("rings", "Rings 1"), "name 'Rings 1' must be lower-case words"),
    "one name twice": (
        GOOD + '    yield dataset("rings")\n',
        "it offers two datasets with the name 'rings'",
    ),
    "unknown rung claimed": (
        "@hookimpl\ndef identify_objectives():\n"
        "    yield Objective(name='o', summary='s', target='a:b', identified_up_to='linaer')",
        "the objective 'o' names an unknown rung 'linaer'; did you mean 'linear'?",
    ),
    "unknown rung of invariance": (
        "@hookimpl\ndef identify_evaluators():\n"
        "    yield Evaluator(name='e', summary='s', target='a:b', arity='pair', invariant_to=['rotation'])",
        "the evaluator 'e' names an unknown rung 'rotation'",
    ),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_a_row_with_its_reason(install_distribution: InstallDistribution, fault: str) -> None:
    source, reason = BROKEN[fault]
    registry, status = load(install_distribution, source, f"probe_{fault.replace(' ', '_').replace(',', '')}")
    assert status.status == "broken"
    assert not status.loaded
    assert reason in status.reason
    assert "\n" not in status.reason
    assert registry.components(plugin="probe") == ()
    assert [each.qualified_name for each in registry.components(plugin="sound")] == ["sound:rings"]


@pytest.mark.usefixtures("project")
def test_a_hook_may_offer_nothing_and_an_optional_hook_may_be_unknown(
    install_distribution: InstallDistribution,
) -> None:
    source = (
        "@hookimpl\ndef identify_datasets(): return None\n@hookimpl(optionalhook=True)\ndef identify_future(): pass\n"
    )
    registry, status = load(install_distribution, source)
    assert status.status == "available"
    assert registry.components(plugin="probe") == ()


@pytest.mark.usefixtures("project")
def test_an_object_in_a_module_can_be_the_plugin(install_distribution: InstallDistribution) -> None:
    source = "class Probe:\n    @hookimpl\n    def identify_datasets(self): yield dataset('rings')\nprobe = Probe()\n"
    install_distribution(
        "probe-plugin", plugins={"probe": "probe_object:probe"}, modules={"probe_object": HEAD + source}
    )
    registry = load_registry()
    assert [each.qualified_name for each in registry.components(plugin="probe")] == ["probe:rings"]


@pytest.mark.usefixtures("project")
def test_one_function_may_serve_another_hook_by_specname(install_distribution: InstallDistribution) -> None:
    source = GOOD + "@hookimpl(specname='identify_datasets')\ndef more():\n    yield dataset('tori')\n"
    registry, _ = load(install_distribution, source)
    assert [each.name for each in registry.components("dataset", plugin="probe")] == ["rings", "tori"]


@pytest.mark.usefixtures("project")
def test_each_observer_is_called_alone_with_the_arguments_that_it_names(
    install_distribution: InstallDistribution,
) -> None:
    source = """
told = []
@hookimpl
def identify_run_started(run_id):
    told.append(run_id)
@hookimpl
def identify_run_logged(step, scalars):
    raise RuntimeError("the tracker is down")
"""
    registry, _ = load(install_distribution, source)
    (started,) = registry.observers("identify_run_started")
    (logged,) = registry.observers("identify_run_logged")
    assert (started.owner, started.hook) == ("probe", "identify_run_started")
    assert registry.observers() == (started, logged)
    assert registry.observers("identify_run_finished") == ()
    started(run_id="r1", spec={}, folder="f")
    import probe_plugin  # type: ignore[import-not-found]

    assert probe_plugin.told == ["r1"]
    with pytest.raises(RuntimeError, match="the tracker is down"):
        logged(run_id="r1", step=1, scalars={})
    with pytest.raises(ValueError, match="no observer hook 'identify_datasets'"):
        registry.observers("identify_datasets")


@pytest.mark.usefixtures("project")
def test_plugins_that_are_not_installed_can_be_given() -> None:
    from identify_core import Dataset, hookimpl

    plugin = types.ModuleType("notebook_plugin")

    @hookimpl
    def identify_datasets() -> list[Dataset]:
        return [Dataset(name="mine", summary="", target="a:b")]

    plugin.identify_datasets = identify_datasets  # type: ignore[attr-defined]
    registry = load_registry(only=(), extra={"notebook": plugin})
    assert registry.components() == ()
    registry = load_registry(only=("notebook",), extra={"notebook": plugin})
    assert [each.qualified_name for each in registry.components()] == ["notebook:mine"]
    assert registry.plugin("notebook").module == "notebook_plugin"
