"""What `identify doctor` sees, each topic in health and in sickness."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

import pytest

from identify_core import doctor
from identify_core.cli.root import run_command_line
from identify_core.doctor import Diagnosis, diagnose
from identify_core.errors import UsageError
from identify_core.plugins import load_registry
from identify_core.store import Store
from identify_core.testing.fixtures import InstallDistribution

pytestmark = pytest.mark.usefixtures("project", "quick_torch")

REAL = doctor._TORCH_REPORT
QUICK = 'print("noise"); print(\'{"version": "9.9", "cuda": "13.0", "devices": ["H200"], "mps": false, "threads": 4}\')'


@pytest.fixture
def quick_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that answers at once; the real one is asked in one test."""
    monkeypatch.setattr(doctor, "_TORCH_REPORT", QUICK)


def examine(store: Path = Path("identify-store"), verbs: Sequence[str] = (), topic: str = "") -> list[Diagnosis]:
    found = diagnose(lambda: load_registry(only=("probe",)), lambda: store, verbs=verbs)
    return [each for each in found if topic in ("", each.topic)]


def texts(found: list[Diagnosis], verdict: str) -> list[str]:
    return [each.text for each in found if each.verdict == verdict]


def test_health_covers_every_topic() -> None:
    found = examine()
    assert {each.topic for each in found} >= {"python", "torch", "devices", "requirements", "plugins", "store"}
    assert texts([each for each in found if each.topic not in ("requirements", "command")], "problem") == []
    assert f"at {sys.executable}, identify-core" in found[0].text


def test_an_unsupported_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.4.0")
    (found,) = examine(topic="python")
    assert found.verdict == "problem"
    assert "Python 3.4.0" in found.text
    assert ", which needs Python " in found.text


def test_a_source_tree_that_is_not_installed_has_no_supported_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", absent)
    (found,) = examine(topic="python")
    assert found.verdict == "good"


def test_torch_and_its_devices() -> None:
    (torch,) = examine(topic="torch")
    assert torch.text == "torch 9.9, built for CUDA 13.0"
    (devices,) = examine(topic="devices")
    assert devices.text == "cuda:0 (H200), cpu (4 threads); auto takes the first"


def test_an_absent_torch_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    (found,) = examine(topic="torch")
    assert (found.verdict, found.text) == ("problem", "torch is not installed")
    assert "pip install" in found.hint


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise ImportError('libtorch is missing')", "torch cannot be imported: ImportError: libtorch is missing"),
        ("import os; os.abort()", "torch cannot be imported: exit status -6"),
        ("import time; time.sleep(30)", "importing torch takes longer than 0.2 s"),
    ],
)
def test_a_broken_torch_ends_its_own_process_only(monkeypatch: pytest.MonkeyPatch, script: str, reason: str) -> None:
    monkeypatch.setattr(doctor, "_TORCH_REPORT", script)
    if "sleep" in script:
        monkeypatch.setattr(doctor, "_TORCH_SECONDS", 0.2)
    (found,) = examine(topic="torch")
    assert (found.verdict, found.text) == ("problem", reason)


def test_unmet_requirements_are_problems(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"probe": "absent"}, requires=["attrs<1"])
    assert any("probe-plugin 1.0 requires attrs <1, but" in text for text in texts(examine(), "problem"))


@pytest.mark.parametrize(
    ("content", "verdict", "said"),
    [
        (f"#!{sys.executable}\nfrom identify_core.cli import main\n", "good", ""),
        ("#!/elsewhere/bin/python\nfrom identify_core.cli import main\n", "notice", ", of /elsewhere/bin/python"),
        ("\x7fELF ... MagickCore-7 ...", "notice", ", which is ImageMagick's"),
        ("#!/bin/sh\necho no\n", "notice", ", which is another program's"),
    ],
)
def test_which_identify_the_shell_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, verdict: str, said: str
) -> None:
    program = tmp_path / "identify"
    program.write_text(content)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = examine(topic="command")[0]
    assert (found.verdict, found.text) == (verdict, f"identify is {program}{said}")
    assert ("python -m identify_core" in found.hint) == (verdict == "notice")


def test_a_link_to_magick_is_imagemagicks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "magick").write_text("")
    (tmp_path / "magick").chmod(0o755)
    (tmp_path / "identify").symlink_to(tmp_path / "magick")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert examine(topic="command")[0].text.endswith("which is ImageMagick's")


def test_no_identify_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert examine(topic="command")[0].text == "the shell finds no command identify"


def test_a_program_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/nowhere/identify")
    assert "which cannot be read (No such file or directory)" in examine(topic="command")[0].text


def test_pre_commits_library_is_no_conflict(install_distribution: InstallDistribution) -> None:
    install_distribution("identify", version="2.6.1")
    assert any("pre-commit's library" in each.text for each in examine(topic="command") if each.verdict == "good")


PLUGINS = {
    "good": ("", {}),
    "broken": ("raise OSError('no disk')", {}),
    "incompatible": ("", {"requires": ["identify-core>=99"]}),
}


@pytest.mark.parametrize("status", PLUGINS)
def test_plugins_with_their_reasons(install_distribution: InstallDistribution, status: str) -> None:
    source, more = PLUGINS[status]
    name = f"probe_doctor_{status}"
    install_distribution("probe-plugin", plugins={"probe": name}, modules={name: source}, **more)
    found = [each for each in examine(topic="plugins") if each.text.startswith("probe ")]
    assert [each.verdict for each in found] == ["good" if status == "good" else "problem"]
    assert found[0].text.startswith(f"probe (probe-plugin 1.0) is {status if status != 'good' else 'available'}")


def test_conflicts_and_switched_off_plugins(
    install_distribution: InstallDistribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_distribution("a-plugin", plugins={"twin": "a", "off": "a"})
    install_distribution("b-plugin", plugins={"twin": "b"})
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "off")
    found = examine(topic="plugins")
    assert len([text for text in texts(found, "problem") if "belongs to a-plugin 1.0 and b-plugin 1.0" in text]) == 2
    assert any("off (a-plugin 1.0) is disabled" in text for text in texts(found, "notice"))


def test_a_plugin_hidden_by_a_verb_is_a_notice(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_hidden"}, modules={"probe_hidden": ""})
    assert any("cannot be reached" in text for text in texts(examine(verbs=["probe"]), "notice"))
    assert not any("cannot be reached" in text for text in texts(examine(verbs=["other"]), "notice"))


def test_no_plugins_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identify_core.plugins.discovery._distributions", list)
    assert texts(examine(topic="plugins"), "notice") == ["no plugins are installed"]


CHECKS = """
from identify_core import Check, hookimpl
@hookimpl
def identify_checks():
    for name in ("fine", "one", "many", "fails", "exits"):
        yield Check(name=name, summary="It is fine.", target=f"probe_checks:{name}")
    yield Check(name="absent", summary="", target="probe_checks:absent")
def fine(): print("chatter")
def one(): return "one complaint"
def many(): yield "first"; yield "second"
def fails(): raise OSError("no disk")
def exits(): raise SystemExit(1)
"""


def test_plugins_own_checks(install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_checks"}, modules={"probe_checks": CHECKS})
    found = examine(topic="checks")
    assert texts(found, "good") == ["probe:fine: It is fine."]
    assert texts(found, "problem") == [
        "probe:one: one complaint",
        "probe:many: first",
        "probe:many: second",
        "probe:fails: the check itself failed: OSError: no disk",
        "probe:exits: the check itself failed: SystemExit: 1",
        "probe:absent: the check itself failed: PluginError: the target 'probe_checks:absent' does not exist: "
        "probe_checks has no attribute 'absent'",
    ]
    assert capsys.readouterr().out == ""


def write_run(store: Path, folder: str, name: str, status: str) -> None:
    run = store / folder / name
    run.mkdir(parents=True)
    document = {
        "format": 1,
        "id": name,
        "name": "n",
        "plugin": "p",
        "status": status,
        "created": "2026-01-01T00:00:00Z",
    }
    (run / "run.json").write_text(json.dumps(document))


def test_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    (found,) = examine(tmp_path / "deep" / "store", topic="store")
    assert found.verdict == "good"
    assert "there is no store at" in found.text
    assert not (tmp_path / "deep").exists()


def test_a_store_with_everything_in_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").create().path
    write_run(store, "runs", "20260101-000000-n-0001", "finished")
    write_run(store, "staging", "20260101-000000-n-0002", "running")
    (store / "runs" / "20260101-000000-n-0003").mkdir()
    (store / "runs" / "20260101-000000-n-0003" / "run.json").write_text("{")
    (store / "runs" / "20260101-000000-n-0001" / "scratch").mkdir()
    found = examine(store, topic="store")
    assert texts(found, "good") == [f"the store at {store} holds 1 damaged, 1 finished, 1 never began"]
    (damaged,) = texts(found, "problem")
    assert damaged.startswith("the run 20260101-000000-n-0003 is damaged: ")
    unfinished, left = texts(found, "notice")
    assert unfinished == "unfinished runs take up space: 20260101-000000-n-0002"
    assert left == "1 left-overs of runs that were deleted or ended"


def test_an_empty_store_is_fine(tmp_path: Path) -> None:
    store = Store(tmp_path / "store").create().path
    assert [each.text for each in examine(store, topic="store")] == [f"the store at {store} holds no runs"]


def test_a_folder_that_is_no_store_is_a_problem(tmp_path: Path) -> None:
    assert "is not a store" in texts(examine(tmp_path, topic="store"), "problem")[0]


def test_a_store_that_cannot_be_written_or_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store").create().path
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 5 * 2**20))
    assert texts(examine(store, topic="store"), "notice") == [f"only 5 MiB are free at {store}"]

    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert texts(examine(store, topic="store"), "problem") == [f"{store} cannot be written: Read-only file system"]


def test_a_wrong_configuration_stops_no_topic() -> None:
    def wrong() -> Any:
        raise UsageError("identify.toml is wrong", hint="mend it")

    found = list(diagnose(wrong, wrong, verbs=()))
    assert [(each.topic, each.hint) for each in found if each.verdict == "problem"][-2:] == [
        ("plugins", "mend it"),
        ("store", "mend it"),
    ]


def test_the_verb_prints_and_exits(
    install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "absent"}, requires=["attrs"])
    assert run_command_line(["doctor", "--json", "--store", str(tmp_path)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["healthy"]) == ("identify/doctor/1", False)
    assert {"topic": "torch", "verdict": "good", "text": "torch 9.9, built for CUDA 13.0", "hint": ""} in document[
        "diagnoses"
    ]
    assert run_command_line(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "ok      torch        torch 9.9, built for CUDA 13.0\n" in text
    assert "PROBLEM plugins      probe (probe-plugin 1.0) is broken: ModuleNotFoundError" in text


def test_a_healthy_installation_exits_with_0(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "unmet_requirements", lambda: iter(()))
    monkeypatch.setattr("identify_core.plugins.discovery._distributions", list)
    assert run_command_line(["doctor"]) == 0
    assert "note    plugins      no plugins are installed\n" in capsys.readouterr().out


def test_the_real_torch_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_TORCH_REPORT", REAL)
    (found,) = examine(topic="torch")
    assert found.verdict == "good"
    assert found.text.startswith(f"torch {metadata.version('torch')}")
