"""What the user switched off and on: flags, environment and files, the nearest word counts."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from identify_core.errors import UsageError
from identify_core.plugins.configuration import configuration_files, read_switches
from identify_core.plugins.discovery import discover
from identify_core.store import find_store_path
from identify_core.testing.fixtures import InstallDistribution, Project


def users_file() -> Path:
    file = Path(click.get_app_dir("identify")) / "identify.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def why(plugin: str, disabled: tuple[str, ...] = (), enabled: tuple[str, ...] = ()) -> str:
    return read_switches(disabled, enabled).why_disabled(plugin, f"{plugin}-plugin")


def test_nothing_is_disabled_without_a_word(project: Project) -> None:
    assert configuration_files() == ()
    assert why("probe") == ""


def test_every_place_is_read_and_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.path / "identify.toml").write_text('[plugins]\ndisabled = ["from-file"]\n[store]\npath = "s"\n')
    users_file().write_text('[plugins]\ndisabled = ["from-user"]\n')
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "from-variable, second,")
    assert why("from-file") == f"disabled in {project.path / 'identify.toml'}"
    assert why("from-user") == f"disabled in {users_file()}"
    assert why("from-variable") == why("second")
    assert why("second") == "disabled by the environment variable IDENTIFY_DISABLE_PLUGINS"
    assert why("from-flag", ("from-flag",)) == "disabled by --disable-plugin"
    assert why("other", ("from-flag",)) == ""


def test_a_stronger_place_overrules_a_weaker_one_in_both_directions(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    users_file().write_text('[plugins]\ndisabled = ["probe"]\n')
    assert why("probe") == f"disabled in {users_file()}"
    (project.path / "identify.toml").write_text('[plugins]\nenabled = ["probe"]\n')
    assert why("probe") == ""
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "probe")
    assert "IDENTIFY_DISABLE_PLUGINS" in why("probe")
    assert why("probe", enabled=("probe",)) == ""
    monkeypatch.delenv("IDENTIFY_DISABLE_PLUGINS")
    monkeypatch.setenv("IDENTIFY_ENABLE_PLUGINS", "probe")
    (project.path / "identify.toml").write_text('[plugins]\ndisabled = ["probe"]\n')
    assert why("probe") == ""
    assert why("probe", ("probe",)) == "disabled by --disable-plugin"


def test_all_but_those_that_are_enabled_can_be_left_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    file = project.path / "identify.toml"
    file.write_text('[plugins]\ndisabled = ["*"]\nenabled = ["probe", "Other_Plugin"]\n')
    assert (why("probe"), why("other")) == ("", "")
    assert why("third") == f"disabled in {file}, with every plugin that is not enabled"
    assert why("third", enabled=("third",)) == ""
    assert why("probe", ("*",)) == "disabled by --disable-plugin, with every plugin that is not enabled"
    monkeypatch.setenv("IDENTIFY_ENABLE_PLUGINS", "*")
    assert why("third") == ""


def test_a_plugins_own_name_counts_more_than_its_distributions(project: Project) -> None:
    assert why("probe", ("probe-plugin",), ("probe",)) == ""
    assert why("probe", ("probe",), ("probe-plugin",)) == "disabled by --disable-plugin"


def test_one_place_cannot_say_both(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="'probe' cannot be both enabled and disabled on the command line"):
        read_switches(("probe",), ("probe",))
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "a,b")
    monkeypatch.setenv("IDENTIFY_ENABLE_PLUGINS", "B,a")
    with pytest.raises(UsageError, match="'a' and 'b' cannot be both enabled and disabled by environment variables"):
        read_switches()
    monkeypatch.delenv("IDENTIFY_ENABLE_PLUGINS")
    file = project.path / "identify.toml"
    file.write_text('[plugins]\ndisabled = ["*"]\nenabled = ["*"]\n')
    with pytest.raises(UsageError) as raised:
        read_switches()
    assert raised.value.message == f"'*' cannot be both enabled and disabled in {file}"


def test_a_plugin_that_is_switched_on_again_is_available(
    install_distribution: InstallDistribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_plugin"})
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "*")
    assert {each.status for each in discover()} == {"disabled"}
    assert {each.name for each in discover(enabled=["probe"]) if each.status == "available"} == {"probe"}
    with pytest.raises(UsageError, match="no plugin 'prob' to enable") as raised:
        discover(enabled=["prob"])
    assert raised.value.hint == "did you mean 'probe'?"


def test_the_users_file_names_the_store_unless_the_projects_does(project: Project) -> None:
    assert find_store_path() == Path("identify-store")
    users_file().write_text('[store]\npath = "mine"\n')
    assert find_store_path() == users_file().parent / "mine"
    (project.path / "identify.toml").write_text('[plugins]\ndisabled = ["genni"]\n')
    assert find_store_path() == users_file().parent / "mine", "a project's file that names no store changes nothing"
    (project.path / "identify.toml").write_text('[store]\npath = "ours"\n')
    assert find_store_path() == project.path / "ours"


def test_a_file_above_the_working_directory_is_found(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.path / "identify.toml").write_text('[plugins]\ndisabled = ["above"]\n')
    below = project.path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert why("above") == f"disabled in {project.path / 'identify.toml'}"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[plugins", "cannot be read", ""),
        ("[plugin]\n", "unknown table 'plugin'", "did you mean 'plugins'?"),
        ("[plugins]\ndisable = []\n", "unknown key in [plugins]: 'disable'", "did you mean 'disabled'?"),
        ('[plugins]\ndisabled = "genni"\n', "no list of plugin names", "[plugins]"),
        ("[plugins]\ndisabled = [1]\n", "no list of plugin names", "[plugins]"),
        ("[plugins]\nenabled = [1]\n", "no list of plugin names in [plugins] enabled", 'enabled = ["name"]'),
        ("plugins = 3\n", "no list of plugin names", "[plugins]"),
    ],
)
def test_a_wrong_file_is_refused_in_words(project: Project, text: str, message: str, hint: str) -> None:
    file = project.path / "identify.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_switches()
    assert str(file) in raised.value.message
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_a_file_that_is_no_text_is_refused(project: Project) -> None:
    (project.path / "identify.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        read_switches()
