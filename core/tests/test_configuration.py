"""What the user switched off: flags, environment and files, the nearest word last."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from identify_core.configuration import configuration_files, disabled_plugins
from identify_core.errors import UsageError
from identify_core.testing.fixtures import Project


def users_file() -> Path:
    file = Path(click.get_app_dir("identify")) / "identify.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def test_nothing_is_disabled_without_a_word(project: Project) -> None:
    assert configuration_files() == ()
    assert disabled_plugins() == {}


def test_every_place_is_read_and_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.path / "identify.toml").write_text('[plugins]\ndisabled = ["from-file"]\n[store]\npath = "s"\n')
    users_file().write_text('[plugins]\ndisabled = ["from-user"]\n')
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "from-variable, second,")
    reasons = disabled_plugins(["from-flag"])
    assert reasons["from-file"] == f"disabled in {project.path / 'identify.toml'}"
    assert reasons["from-user"] == f"disabled in {users_file()}"
    assert reasons["from-variable"] == reasons["second"]
    assert "IDENTIFY_DISABLE_PLUGINS" in reasons["second"]
    assert reasons["from-flag"] == "disabled by --disable-plugin"
    assert len(reasons) == 5


def test_a_file_above_the_working_directory_is_found(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.path / "identify.toml").write_text('[plugins]\ndisabled = ["above"]\n')
    below = project.path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert set(disabled_plugins()) == {"above"}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[plugins", "cannot be read", ""),
        ("[plugin]\n", "unknown table 'plugin'", "did you mean 'plugins'?"),
        ("[plugins]\ndisable = []\n", "unknown key in [plugins]: 'disable'", "did you mean 'disabled'?"),
        ('[plugins]\ndisabled = "genni"\n', "no list of plugin names", "[plugins]"),
        ("[plugins]\ndisabled = [1]\n", "no list of plugin names", "[plugins]"),
        ("plugins = 3\n", "no list of plugin names", "[plugins]"),
    ],
)
def test_a_wrong_file_is_refused_in_words(project: Project, text: str, message: str, hint: str) -> None:
    file = project.path / "identify.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as raised:
        disabled_plugins()
    assert str(file) in raised.value.message
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_a_file_that_is_no_text_is_refused(project: Project) -> None:
    (project.path / "identify.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        disabled_plugins()
