"""`[requires]`: judged from metadata before any plugin is imported; what is unmet is one message with one command."""

from __future__ import annotations

import pytest

from identify_core import __version__
from identify_core.cli.root import run_command_line
from identify_core.errors import SpecError
from identify_core.plugins import load_registry
from identify_core.spec import load_spec
from identify_core.spec.requires import suggested_bounds
from identify_core.testing import toy_plugin
from identify_core.testing.command_line import CommandLine
from identify_core.testing.fixtures import InstallDistribution, Project

SPEC = 'plugin = "toy"\n[dataset]\ntype = "lines"\n[model]\ntype = "two-layers"\n[objective]\ntype = "regression"\n'


@pytest.fixture
def probe(install_distribution: InstallDistribution) -> None:
    """A plugin `probe` that leaves a trace when it is imported."""
    source = "open('imported', 'w').close()"
    install_distribution(
        "identify-probe", version="0.3", plugins={"probe": "required_probe"}, modules={"required_probe": source}
    )
    install_distribution("new-plugin", plugins={"new": "required_new"}, requires=["identify-core>=99"])


def refusal(project: Project, requires: str, **more: object) -> SpecError:
    file = project.write_spec(f"[requires]\n{requires}\n")
    with pytest.raises(SpecError) as raised:
        load_spec(load_registry(only=(), **more), file=file)  # type: ignore[arg-type]
    return raised.value


UNMET = {
    'identify-probe = ">=0.4,<0.5"': (
        "requires.identify-probe: the spec needs identify-probe <0.5,>=0.4, but 0.3 is installed (spec.toml:2)",
        "pip install 'identify-probe<0.5,>=0.4'",
    ),
    'probe = ">=0.4"': (
        "requires.probe: the spec needs identify-probe >=0.4, but 0.3 is installed (spec.toml:2)",
        "pip install 'identify-probe>=0.4'",
    ),
    'identify-nowhere = ""': (
        "requires.identify-nowhere: the spec needs identify-nowhere, but no plugin or distribution of that name is "
        "installed (spec.toml:2)",
        "pip install identify-nowhere",
    ),
    'nowhere = ">=1"': (
        "requires.nowhere: the spec needs nowhere >=1, but no plugin or distribution of that name is installed "
        "(spec.toml:2)",
        "",
    ),
    'new = ">=1"': (
        "requires.new: the spec needs the plugin 'new', which is incompatible: new-plugin 1.0 requires identify-core "
        f">=99, but identify-core {__version__} is running (spec.toml:2)",
        "pip install 'new-plugin>=1'",
    ),
}


@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize("requires", UNMET)
def test_what_is_unmet_is_said(project: Project, requires: str) -> None:
    problem, hint = UNMET[requires]
    error = refusal(project, requires)
    assert error.problems == (problem.replace("spec.toml", str(project.path / "spec.toml")),)
    assert error.hint == hint


@pytest.mark.usefixtures("probe")
def test_all_that_is_unmet_is_one_message_and_one_command(project: Project) -> None:
    error = refusal(project, 'probe = ">=9"\nattrs = ">=22"\nidentify-nowhere = "~=1.0"\nwhat = "new"')
    assert [each.partition(":")[0] for each in error.problems] == ["requires.probe", "requires.identify-nowhere"]
    assert error.hint == "pip install 'identify-probe>=9' 'identify-nowhere~=1.0'"


@pytest.mark.usefixtures("probe")
def test_a_plugin_that_is_switched_off_is_unmet(project: Project) -> None:
    error = refusal(project, 'probe = ""', disabled=["probe"])
    assert "the spec needs the plugin 'probe', which is disabled: disabled by --disable-plugin" in error.problems[0]
    assert error.hint == ""


def test_a_plugin_file_has_no_version(project: Project) -> None:
    file = project.path / "my_required.py"
    file.write_text("")
    (file_status,) = [each for each in load_registry(only=(), files=[file]).plugins if each.file]
    assert file_status.name == "my-required"
    error = refusal(project, 'my-required = ">=1"', files=[file])
    assert f"the spec needs my-required >=1, but it is the file {file}, which has no version" in error.problems[0]
    project.write_spec(SPEC + '[requires]\nmy-required = ""\n', "ok.toml")
    registry = load_registry(only=["toy"], files=[file], extra={"toy": toy_plugin})
    assert load_spec(registry, file=project.path / "ok.toml").requires == {"my-required": ""}


@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize("verb", ["run", "validate"])
def test_it_is_judged_before_any_plugin_is_imported(identify: CommandLine, project: Project, verb: str) -> None:
    project.write_spec('[requires]\nidentify-probe = ">=9"\n[dataset]\ntype = "nonsense"\n')
    done = identify(verb, "probe", "--spec", "spec.toml", status=2)
    assert done.stderr == (
        "error: the spec needs what is not there\n"
        "  - requires.identify-probe: the spec needs identify-probe >=9, but 0.3 is installed (spec.toml:2)\n"
        "hint: pip install 'identify-probe>=9'\n"
    )
    assert not (project.path / "imported").exists()
    # with the requirement out of the way, the plugin is imported
    identify(verb, "probe", "--spec", "spec.toml", "--set", "requires.identify-probe=>0", status=2)
    assert (project.path / "imported").exists()


def test_a_version_under_development_counts(install_distribution: InstallDistribution, project: Project) -> None:
    install_distribution("identify-probe", version="0.4.0.dev1")
    assert "but 0.4.0.dev1 is installed" in refusal(project, 'identify-probe = ">=0.4"').problems[0]
    file = project.write_spec('[requires]\nidentify-probe = ">=0.3"\n')
    with pytest.raises(SpecError, match="does not say which plugin"):
        load_spec(load_registry(only=()), file=file)


def test_a_preset_may_require_too(install_distribution: InstallDistribution) -> None:
    source = (
        "from identify_core import Preset, hookimpl\n@hookimpl\ndef identify_presets():\n"
        "    yield Preset(name='smoke', summary='', resource='required_preset.data:smoke.toml')\n"
    )
    install_distribution(
        "preset-plugin",
        plugins={"preset": "required_preset.plugin"},
        modules={"required_preset.plugin": source},
        files={"required_preset/data/smoke.toml": '[requires]\nidentify-nowhere = ">=1"\n'},
    )
    with pytest.raises(SpecError) as raised:
        load_spec(load_registry(only=["preset"]), plugin="preset")
    assert raised.value.problems[0].endswith("is installed (preset smoke, line 2)")


def test_a_run_stores_what_it_required(project: Project) -> None:
    requires = '[requires]\nidentify-core = ">=0.1"\n'
    run = project.run(spec=SPEC + requires)
    assert requires in (run.folder / "spec.toml").read_text()


def test_init_writes_what_might_be_required(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("identify-toy", version="2.3", plugins={"toy": "identify_core.testing.toy_plugin"})
    assert run_command_line(["init", "toy", "--output", "-"]) == 0
    assert '# requires.identify-toy = ">=2.3,<3"\n' in capsys.readouterr().out


def test_suggested_bounds_admit_what_is_compatible() -> None:
    assert suggested_bounds(
        [("b", "0.1.0"), ("a", "1.4.2"), ("b", "0.1.0"), ("c", "sha256:abc"), ("d", "0.3.1.dev2")]
    ) == {
        "a": ">=1.4,<2",
        "b": ">=0.1,<0.2",
        "d": ">=0.3,<0.4",
    }
