"""The root command: help without imports, plugins' own groups, and one exit status and message for every outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import identify_core
from identify_core.cli import root as root_module
from identify_core.cli.invocation import Invocation, store_option
from identify_core.cli.root import VERBS, run_command_line
from identify_core.errors import Interrupted, PluginError, RunError, SpecError, StoreError, UsageError
from identify_core.testing.fixtures import InstallDistribution, Project

pytestmark = pytest.mark.usefixtures("project")

COMMANDS = """
import click
from identify_core import Command, hookimpl
@hookimpl
def identify_commands():
    yield Command(name="hello", summary="Say hello.", target="probe_commands:hello")
    yield Command(name="number", summary="No command at all.", target="probe_commands:number")
number = 3
@click.command("hello")
@click.argument("who")
def hello(who):
    click.echo(f"hello {who}")
"""


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Make `identify probe` call a function."""

    def make(work: Callable[[], object]) -> None:
        module = types.ModuleType("identify_core.cli.probe")
        module.command = click.command("probe")(work)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "identify_core.cli.probe", module)
        monkeypatch.setattr(root_module, "VERBS", {**VERBS, "Probes": {"probe": "Probe something."}})

    return make


def raising(error: BaseException) -> Callable[[], object]:
    def work() -> None:
        raise error

    return work


def test_help_lists_every_verb_and_plugin_and_imports_none(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "absent_module"})
    for arguments in (["--help"], ["-h"], []):
        assert run_command_line(arguments) == 0
        text = capsys.readouterr().out
        assert all(
            f"  {name} " in text and summary in text for verbs in VERBS.values() for name, summary in verbs.items()
        )
        assert "  probe " in text
        assert "A probe." in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--version"]) == 0
    assert capsys.readouterr().out == f"identify {identify_core.__version__} (identify-core)\n"


def test_every_verb_of_the_table_loads() -> None:
    context = click.Context(root_module.root)
    for verbs in VERBS.values():
        for name in verbs:
            command = root_module.root.get_command(context, name)
            assert isinstance(command, click.Command)
            assert command.name == name
            assert command.get_short_help_str()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RunError("it failed", hint="look"), 1),
        (UsageError("it failed", hint="look"), 2),
        (SpecError("it failed", problems=["first [a]", "second"], hint="look"), 2),
        (PluginError("it failed", hint="look"), 3),
        (StoreError("it failed", hint="look"), 4),
        (Interrupted("it failed", hint="look"), 130),
    ],
)
def test_an_expected_error_is_a_message_a_hint_and_a_status(
    verb: Callable[..., None], capsys: pytest.CaptureFixture[str], error: Exception, status: int
) -> None:
    verb(raising(error))
    assert run_command_line(["probe"]) == status
    printed = capsys.readouterr()
    problems = "  - first [a]\n  - second\n" if isinstance(error, SpecError) else ""
    assert printed.err == f"error: it failed\n{problems}hint: look\n"
    assert printed.out == ""


def test_debug_shows_the_traceback_too(verb: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    verb(raising(StoreError("it failed")))
    assert run_command_line(["--debug", "probe"]) == 4
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.endswith("error: it failed\n")


def test_a_defect_keeps_its_traceback(verb: Callable[..., None]) -> None:
    verb(raising(ZeroDivisionError("a defect")))
    with pytest.raises(ZeroDivisionError):
        run_command_line(["probe"])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_one_line_and_130(
    verb: Callable[..., None], capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    verb(raising(error))
    assert run_command_line(["probe"]) == 130
    assert capsys.readouterr().err.strip() == "error: interrupted"


@pytest.mark.parametrize(("answer", "status"), [(None, 0), (1, 1), (True, 0), ("text", 0)])
def test_a_verb_says_its_status_by_returning_it(verb: Callable[..., None], answer: object, status: int) -> None:
    verb(lambda: answer)
    assert run_command_line(["probe"]) == status


def test_a_verb_says_its_status_by_exiting(verb: Callable[..., None]) -> None:
    verb(lambda: click.get_current_context().exit(1))
    assert run_command_line(["probe"]) == 1


@pytest.mark.usefixtures("project")
def test_flags_before_a_plugins_group_count_for_it(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_commands"}, modules={"probe_commands": COMMANDS})
    assert run_command_line(["--disable-plugin", "probe", "probe", "hello", "world"]) == 3
    assert "'probe' cannot be used: it is disabled" in capsys.readouterr().err
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "probe")
    assert run_command_line(["probe", "hello", "world"]) == 3
    assert "hint: switch it on: --enable-plugin probe" in capsys.readouterr().err
    assert run_command_line(["--enable-plugin", "probe", "probe", "hello", "world"]) == 0


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["list-plugin"], ["error: there is no command 'list-plugin'", "hint: did you mean 'list-plugins'?"]),
        (["--storre", "x"], ["--storre", "hint: identify --help says what it takes"]),
        (["describe", "--jsn"], ["--jsn", "hint: identify describe --help says what it takes"]),
    ],
)
def test_a_wrong_command_line_is_2_with_a_hint(
    capsys: pytest.CaptureFixture[str], arguments: list[str], lines: list[str]
) -> None:
    assert run_command_line(arguments) == 2
    shown = capsys.readouterr().err
    assert all(line in shown for line in lines)
    assert "Traceback" not in shown


def test_other_errors_of_click_are_2(verb: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    verb(raising(click.FileError("spec.toml", "gone")))
    assert run_command_line(["probe"]) == 2
    assert "error: Could not open file 'spec.toml': gone" in capsys.readouterr().err


def test_a_plugins_group_runs_its_commands(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_commands"}, modules={"probe_commands": COMMANDS})
    assert run_command_line(["probe", "hello", "world"]) == 0
    assert capsys.readouterr().out == "hello world\n"
    for arguments in (["probe"], ["probe", "--help"]):
        assert run_command_line(arguments) == 0
        text = capsys.readouterr().out
        assert "A probe." in text
        assert "Say hello." in text
        assert "identify run probe" in text


def test_a_plugins_group_answers_wrong_commands(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_commands"}, modules={"probe_commands": COMMANDS})
    assert run_command_line(["probe", "helo"]) == 2
    assert "hint: did you mean 'hello'?" in capsys.readouterr().err
    assert run_command_line(["probe", "number"]) == 3
    assert "the command 'probe:number' must be a click command, not int" in capsys.readouterr().err


def test_a_plugin_without_commands_says_so(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_bare"}, modules={"probe_bare": ""})
    assert run_command_line(["probe", "hello"]) == 2
    assert "hint: this plugin offers no commands" in capsys.readouterr().err


def test_a_broken_plugins_group_says_why_and_stops_no_other_verb(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "absent_module"})
    assert run_command_line(["probe", "hello"]) == 3
    shown = capsys.readouterr().err
    assert "the plugin 'probe' cannot be used: it is broken: ModuleNotFoundError" in shown
    assert run_command_line(["describe", "rungs"]) == 0


def test_a_plugin_can_never_shadow_a_built_in_verb(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    source = COMMANDS.replace("probe_commands", "probe_shadow")
    install_distribution("probe-plugin", plugins={"describe": "probe_shadow"}, modules={"probe_shadow": source})
    assert run_command_line(["describe", "rung", "linear"]) == 0
    assert "f(z) = A z" in capsys.readouterr().out
    assert run_command_line(["--help"]) == 0
    assert capsys.readouterr().out.count("  describe ") == 1


def test_help_survives_a_wrong_configuration_and_verbs_report_it(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.path / "identify.toml").write_text("[plugins")
    assert run_command_line(["--help"]) == 0
    assert "list-plugins" in capsys.readouterr().out
    assert run_command_line(["list-plugins"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_flags_before_the_verb_reach_it(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "absent_module"})
    assert run_command_line(["--strict-plugins", "describe"]) == 3
    assert "probe is broken" in capsys.readouterr().err
    assert run_command_line(["--strict-plugins", "--disable-plugin", "probe", "list-plugins", "--json"]) == 0
    plugins = {each["name"]: each for each in json.loads(capsys.readouterr().out)["plugins"]}
    assert plugins["probe"]["status"] == "disabled"


def test_the_store_may_be_named_before_or_after_the_verb(
    verb: Callable[..., None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    @store_option
    @click.pass_obj
    def work(invocation: Invocation) -> None:
        seen.append(invocation.store_path)

    verb(work)
    folder = project.path / "elsewhere"
    assert run_command_line(["probe"]) == 0
    assert run_command_line(["--store", str(folder), "probe"]) == 0
    assert run_command_line(["probe", "--store", str(folder)]) == 0
    assert run_command_line(["--store", "other", "probe", "--store", str(folder)]) == 0
    monkeypatch.setenv("IDENTIFY_STORE", str(folder.parent.parent / "variable"))
    assert run_command_line(["probe"]) == 0
    assert seen == [Path("identify-store"), folder, folder, folder, folder.parent.parent / "variable"]


def complete(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setenv("_IDENTIFY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit):
        run_command_line([])
    return [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()]


def test_completion_imports_no_verb(
    install_distribution: InstallDistribution, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_distribution("probe-plugin", plugins={"resonance": "absent_module"})
    monkeypatch.setattr(root_module.VerbGroup, "get_command", raising(AssertionError("a verb was imported")))
    assert complete("identify re", monkeypatch, capsys) == ["resume", "report", "resonance"]
    assert complete("identify --st", monkeypatch, capsys) == ["--store", "--strict-plugins"]


def test_python_m_is_the_same_command_line(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "identify_core", "describe", "rung", "nowhere"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "error: there is no rung 'nowhere'" in done.stderr


def test_a_real_ctrl_c_ends_with_130(install_distribution: InstallDistribution, tmp_path: Path) -> None:
    source = "import time\nprint('sleeping', flush=True)\ntime.sleep(60)\n"
    site = install_distribution("probe-plugin", plugins={"probe": "probe_sleeps"}, modules={"probe_sleeps": source})
    process = subprocess.Popen(
        [sys.executable, "-m", "identify_core", "list-plugins", "--check"],
        env={**os.environ, "PYTHONPATH": str(site)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.readline() == "sleeping\n"
        process.send_signal(signal.SIGINT)
        assert "error: interrupted" in process.stderr.read()
    assert process.wait(timeout=20) == 130


def test_a_reader_that_leaves_early_is_no_failure(project: Project) -> None:
    command = f"{sys.executable} -m identify_core describe rungs --json | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == "{\n"
    assert done.stderr == ""


@pytest.mark.parametrize(("arguments", "shown"), [((), ["loud"]), (("--log-level", "info"), ["quiet", "loud"])])
def test_what_libraries_log_is_shown_from_the_level_on(
    project: Project, arguments: tuple[str, ...], shown: list[str]
) -> None:
    code = (
        "import logging, sys; from identify_core.cli.root import run_command_line as run; "
        f"run([*{arguments!r}, 'describe', 'rungs']); log = logging.getLogger('lib'); log.info('quiet'); "
        "log.warning('loud')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [word for word in ("quiet", "loud") if word in done.stderr] == shown


def test_completion_knows_plugins_presets_evaluators_runs_and_keys(
    project: Project,
    install_distribution: InstallDistribution,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"}, modules={})
    assert run_command_line(["run", "toy", "--name", "kept", "--quiet"]) == 0
    (run,) = project.store.runs()
    capsys.readouterr()

    def completed(words: str) -> list[str]:
        return complete(words, monkeypatch, capsys)

    assert completed("identify run to") == ["toy"]
    assert completed("identify run toy --preset ") == ["smoke"]
    assert completed("identify run toy --set objective.s") == ["objective.steps="]
    assert completed("identify run toy --set au") == ["autocast="]
    assert "evaluators.whole.fail=" in completed("identify run toy --set eval")
    assert completed("identify report k") == ["kept"]
    assert completed("identify runs show 2") == [run.id]
    assert completed("identify resume @") == ["@last", "@comparison"]
    assert completed("identify evaluate @last --evaluator toy:w") == ["toy:whole"]
    assert completed("identify evaluate @last --evaluator whole --set f") == ["fail="]
    assert completed("identify compare @last --expect ortho") == ["orthogonal"]
    assert "toy:lines" in completed("identify describe toy:l")
    monkeypatch.setenv("IDENTIFY_STORE", "nowhere")
    assert completed("identify report k") == [""]  # nothing, and no message
