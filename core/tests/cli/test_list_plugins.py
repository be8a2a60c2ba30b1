"""`identify list-plugins`: every status with its reason, and no plugin imported unless asked."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from identify_core.cli.root import run_command_line
from identify_core.testing.fixtures import InstallDistribution

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def every_status(install_distribution: InstallDistribution) -> None:
    install_distribution("good-plugin", plugins={"good": "good_plugin"}, modules={"good_plugin": "print('imported')"})
    install_distribution(
        "bad-plugin", plugins={"bad": "bad_plugin"}, modules={"bad_plugin": "raise OSError('no disk')"}
    )
    install_distribution("old-plugin", plugins={"old": "old_plugin"}, requires=["identify-core>=99"])
    install_distribution("one-plugin", plugins={"twin": "one_plugin"})
    install_distribution("two-plugin", plugins={"twin": "two_plugin"})
    install_distribution("off-plugin", plugins={"off": "off_plugin"})


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    assert run_command_line(["--disable-plugin", "off", "list-plugins", "--json", *arguments]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "identify/plugins/1"
    assert document["checked"] == ("--check" in arguments)
    return {plugin["distribution"]: plugin for plugin in document["plugins"]}


@pytest.mark.usefixtures("every_status")
def test_statuses_come_from_metadata_alone(capsys: pytest.CaptureFixture[str]) -> None:
    plugins = listed(capsys)
    assert {name: plugins[f"{name}-plugin"]["status"] for name in ("good", "bad", "old", "one", "two", "off")} == {
        "good": "available",
        "bad": "available",
        "old": "incompatible",
        "one": "shadowed",
        "two": "shadowed",
        "off": "disabled",
    }
    assert "good_plugin" not in sys.modules
    assert not any(plugin["loaded"] for plugin in plugins.values())


@pytest.mark.usefixtures("every_status")
def test_check_imports_and_finds_what_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    plugins = listed(capsys, "--check")
    assert plugins["bad-plugin"]["status"] == "broken"
    assert plugins["bad-plugin"]["reason"] == "OSError: no disk"
    assert plugins["good-plugin"]["loaded"]


@pytest.mark.usefixtures("every_status")
def test_the_table_has_a_row_a_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["list-plugins", "--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[2]: line for line in lines[2:]}
    assert rows["bad-plugin"].split()[:4] == ["bad", "broken", "bad-plugin", "1.0"]
    assert rows["bad-plugin"].rstrip().endswith("OSError: no disk")
    assert "the name 'twin' belongs to one-plugin 1.0 and two-plugin 1.0" in rows["two-plugin"]
    assert rows["good-plugin"].rstrip().endswith("A probe.")


@pytest.mark.usefixtures("every_status")
@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_strictness_makes_it_an_error(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run_command_line(["--strict-plugins", "list-plugins", *arguments]) == 3
    shown = capsys.readouterr().err
    assert "old is incompatible" in shown
    assert ("bad is broken" in shown) == bool(arguments)


def test_no_plugins_are_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identify_core.plugins.discovery._distributions", list)
    assert run_command_line(["list-plugins"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "no plugins are installed\n")
