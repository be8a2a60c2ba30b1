"""Hostile plugins, each as a distribution: it is a row with its reason, and every other plugin and verb works."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from identify_core.cli.root import run_command_line
from identify_core.errors import Interrupted
from identify_core.plugins import load_registry, loading
from identify_core.testing.command_line import CommandLine
from identify_core.testing.fixtures import InstallDistribution, Project

HEAD = "from identify_core import *\nfrom identify_core import Dataset, Evaluator, Model, hookimpl\n"
OFFER = "@hookimpl\ndef identify_datasets():\n    yield Dataset(name='rings', summary='', target='a:b')\n"

HOSTILE = {
    "raises": ("raise OSError('no disk')", "OSError: no disk"),
    "exits": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "exits-well": ("raise SystemExit(0)", "SystemExit: 0"),
    "raises-nothing-known": ("class Odd(BaseException): pass\nraise Odd('far out')", "Odd: far out"),
    "raises-what-cannot-be-shown": (
        "class Mute(Exception):\n    def __str__(self): raise ValueError('no')\nraise Mute()",
        "Mute: (it cannot be shown)",
    ),
    "recurses": ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    "same-name-twice": (OFFER + OFFER.split("\n")[2] + "\n", "it offers two datasets with the name 'rings'"),
    "same-name-in-two-hooks": (
        OFFER + "@hookimpl(specname='identify_datasets')\ndef again():\n"
        "    yield Dataset(name='rings', summary='', target='a:b')\n",
        "it offers two datasets with the name 'rings'",
    ),
    "wrong-arguments": ("@hookimpl\ndef identify_datasets(flavour): return []", "flavour"),
    "wrong-arguments-of-an-observer": ("@hookimpl\ndef identify_run_logged(loss): pass", "loss"),
    "no-function": ("identify_datasets = hookimpl(3)", "AttributeError"),
    "returns-a-number": ("@hookimpl\ndef identify_models(): return 3", "not return the int 3"),
    "returns-a-table": (
        "@hookimpl\ndef identify_models(): return {'a': 1}",
        "identify_models must yield Model records, not the str 'a'",
    ),
    "returns-a-class": ("@hookimpl\ndef identify_models(): return [Model]", "must yield Model records, not type"),
    "yields-half": (OFFER + "    raise OSError('half')", "OSError: half"),
    "attributes-raise": (
        "class Trap:\n    def __getattr__(self, name): raise RuntimeError('touched')\nimport sys\n"
        "sys.modules[__name__] = Trap()",
        "RuntimeError: touched",
    ),
}
PRINTS = """
import ctypes, os, subprocess, sys
print("from python")
sys.__stdout__.write("from beneath")
os.write(1, b"from the descriptor")
subprocess.run([sys.executable, "-c", "print('from a process')"])
"""


def install(install_distribution: InstallDistribution, name: str, source: str) -> None:
    """A plugin `name` of the distribution `name-plugin`; its module has a name of its own in this process too."""
    module = f"hostile_{name.replace('-', '_')}"
    install_distribution(f"{name}-plugin", plugins={name: module}, modules={module: HEAD + source})


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_broken_and_another_plugin_runs_beside_it(
    install_distribution: InstallDistribution, project: Project, name: str
) -> None:
    source, reason = HOSTILE[name]
    install(install_distribution, name, source)
    install(install_distribution, "sound", OFFER)
    registry = load_registry()
    status = next(each for each in registry.plugins if each.name == name)
    assert (status.status, status.loaded) == ("broken", False)
    assert reason in status.reason
    assert "\n" not in status.reason
    assert registry.components(plugin=name) == ()
    assert [each.qualified_name for each in registry.components(plugin="sound")] == ["sound:rings"]
    overrides = ["replicates=2", "objective.steps=1"]
    assert project.run("toy", preset="smoke", overrides=overrides).status == "finished"


def test_lists_stay_json_with_every_hostile_plugin_at_once(
    install_distribution: InstallDistribution, identify: CommandLine
) -> None:
    for name, (source, _) in HOSTILE.items():
        install(install_distribution, name, PRINTS + source)
    install(install_distribution, "prints", PRINTS + OFFER)
    listed = {row["name"]: row for row in identify.json("list-plugins")["plugins"]}
    assert {listed[name]["status"] for name in HOSTILE} == {"available"}, "nothing was imported"
    done = identify("list-plugins", "--check", "--json")
    checked = {row["name"]: row for row in json.loads(done.stdout)["plugins"]}
    assert {checked[name]["status"] for name in HOSTILE} == {"broken"}
    assert checked["prints"]["status"] == "available"
    for said in ("from python", "from beneath", "from the descriptor", "from a process"):
        assert done.stderr.count(said) == len(HOSTILE) + 1
    described = identify.json("describe", "prints")
    assert [each["name"] for each in described["offers"]["dataset"]] == ["rings"]


def test_one_name_twice_in_one_distribution_is_shadowed(install_distribution: InstallDistribution) -> None:
    site = install_distribution("twice-plugin", modules={"hostile_one": OFFER, "hostile_two": OFFER})
    entry_points = site / "twice_plugin-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[identify]\ntwice = hostile_one\ntwice = hostile_two\n")
    rows = [each for each in load_registry().plugins if each.name == "twice"]
    assert [each.status for each in rows] == ["shadowed", "shadowed"]
    assert rows[0].reason == "the name 'twice' belongs to twice-plugin 1.0 and twice-plugin 1.0"
    assert not {"hostile_one", "hostile_two"} & set(sys.modules)


def test_a_plugin_that_ends_the_process_is_named_and_can_be_left_out(
    install_distribution: InstallDistribution, identify: CommandLine
) -> None:
    """`os._exit` cannot be survived, but which plugin it is can be found out, and the others used."""
    install(install_distribution, "dies", "import os; os._exit(7)")
    identify("describe", status=7)
    assert "dies" in {row["name"] for row in identify.json("list-plugins")["plugins"]}
    described = identify.json("--disable-plugin", "dies", "describe")
    assert "dies" not in {each["name"] for each in described["plugins"]}


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent another way there")
def test_a_plugin_that_hangs_is_named_while_it_does_and_when_it_is_stopped(
    install_distribution: InstallDistribution, identify: CommandLine
) -> None:
    install(install_distribution, "hangs", "import time; time.sleep(120)")
    assert "hangs" in {row["name"] for row in identify.json("list-plugins")["plugins"]}
    process = identify.start("describe")
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first == (
        "loading the plugin 'hangs' (hangs-plugin 1.0) has taken 2 s so far; --disable-plugin hangs leaves it out\n"
    )
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == (
        "error: interrupted while the plugin 'hangs' (hangs-plugin 1.0) was being loaded\n"
        "hint: if it never ends, leave it out with --disable-plugin hangs\n"
    )


@pytest.mark.usefixtures("project")
def test_a_slow_plugin_is_said_to_be_slow_and_used(
    install_distribution: InstallDistribution, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading, "PATIENCE", 0.05)
    install(install_distribution, "slow", OFFER.replace("    yield", "    import time; time.sleep(0.5)\n    yield"))
    registry = load_registry(only=["slow"])
    assert registry.plugin("slow").status == "available"
    assert capfd.readouterr().err.startswith("loading the plugin 'slow' (slow-plugin 1.0) has taken 0.05 s so far")
    install(install_distribution, "quick", OFFER)
    load_registry(only=["quick"])
    time.sleep(0.2)
    assert capfd.readouterr().err == "", "who waits for nothing is told of nothing"


@pytest.mark.usefixtures("project")
def test_ctrl_c_while_a_plugin_is_loaded_names_it(install_distribution: InstallDistribution) -> None:
    install(
        install_distribution, "probe", f"import os, time\nos.kill(os.getpid(), {signal.SIGINT.value})\ntime.sleep(9)"
    )
    with pytest.raises(Interrupted, match=r"while the plugin 'probe' \(probe-plugin 1.0\) was being loaded") as raised:
        load_registry(only=["probe"])
    assert raised.value.hint == "if it never ends, leave it out with --disable-plugin probe"


TARGETS = """
from identify_core.testing import toy_plugin, toy_targets

def noisy(name):
    def target(*arguments):
        prints()
        return getattr(toy_targets, name)(*arguments)
    return target

def prints():
    import os, subprocess, sys
    print("from python")
    os.write(1, b"from the descriptor")
    subprocess.run([sys.executable, "-c", "print('from a process')"])

make, build, train, judge, draw = map(
    noisy, ["make_lines", "build_two_layers", "regress", "measure_whole", "draw_whole"]
)

@hookimpl
def identify_datasets():
    yield Dataset(name="lines", summary="", options=toy_plugin.LinesOptions, target="hostile_noisy:make")

@hookimpl
def identify_models():
    yield Model(name="two-layers", summary="", options=toy_plugin.TwoLayersOptions, target="hostile_noisy:build")

@hookimpl
def identify_objectives():
    yield Objective(name="regression", summary="", options=toy_plugin.RegressionOptions, target="hostile_noisy:train")

@hookimpl
def identify_evaluators():
    yield Evaluator(
        name="whole", summary="", arity="run", options=toy_plugin.WholeOptions, requires={"modules"},
        target="hostile_noisy:judge", draw="hostile_noisy:draw",
    )
    yield Evaluator(name="exits", summary="", arity="run", target="hostile_noisy:leave")
    yield Evaluator(name="half", summary="", arity="run", target="hostile_noisy:half")
    yield Evaluator(name="wrong", summary="", arity="run", target="hostile_noisy:wrong")
    yield Evaluator(name="other-arguments", summary="", arity="run", target="hostile_noisy:other_arguments")

@hookimpl
def identify_run_logged(scalars):
    prints()

def leave(options, subject, context):
    raise SystemExit(0)

def half(options, subject, context):
    from identify_core.findings import Finding
    yield Finding(name="first", summary="the first half")
    raise OSError("half")

def wrong(options, subject, context):
    return 3

def other_arguments(options, flavour):
    return None
"""
NOISY = """
plugin = "noisy"
replicates = 2
[dataset]
type = "lines"
[model]
type = "two-layers"
[objective]
type = "regression"
steps = 2
"""


def test_targets_and_observers_that_print_leave_the_result_json(
    install_distribution: InstallDistribution, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    install(install_distribution, "noisy", TARGETS)
    project.write_spec(NOISY + '[[evaluators]]\ntype = "whole"\n')
    assert run_command_line(["run", "--spec", "spec.toml", "--quiet", "--json"]) == 0
    captured = capfd.readouterr()
    assert json.loads(captured.out)["failures"] == {}
    for said in ("from python", "from the descriptor", "from a process"):
        assert captured.err.count(said) >= 5


def test_evaluators_that_misbehave_cost_only_themselves(
    install_distribution: InstallDistribution, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    install(install_distribution, "noisy", TARGETS)
    names = ("exits", "half", "wrong", "other-arguments", "whole")
    project.write_spec(NOISY + "".join(f'[[evaluators]]\ntype = "{name}"\n' for name in names))
    assert run_command_line(["run", "--spec", "spec.toml", "--quiet", "--json"]) == 1
    outcome = json.loads(capfd.readouterr().out)
    assert outcome["failures"].pop("other-arguments").startswith("TypeError: other_arguments() takes 2 positional")
    assert outcome["failures"] == {
        "exits": "noisy:exits (noisy-plugin 1.0) tried to end the program (SystemExit: 0) "
        "(hint: report this to the plugin's author)",
        "half": "OSError: half",
        "wrong": "noisy:wrong (noisy-plugin 1.0) returned int instead of a Finding or an iterable of them "
        "(hint: report this to the plugin's author)",
    }
    run = project.store.open(outcome["run"])
    assert run.status == "finished"
    assert set(run.findings) == {"outcome", "whole"}, "no half of what failed is kept"


OBSERVER = """
@hookimpl
def identify_run_started(run_id): raise {error}
@hookimpl
def identify_run_logged(run_id): raise {error}
@hookimpl
def identify_run_finished(run_id): raise {error}
"""
LISTENER = """
import os
heard = []
def hear(what):
    print(what)
    os.write(1, b"heard")
    heard.append(what)
@hookimpl
def identify_run_started(run_id): hear("started")
@hookimpl
def identify_run_logged(step): hear("logged")
@hookimpl
def identify_run_finished(status): hear(status)
"""


def test_observers_that_raise_at_every_call_are_dropped_and_the_others_hear_all(
    install_distribution: InstallDistribution, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    errors = {"down": "OSError('down')", "leaving": "SystemExit(0)", "odd": "BaseException('odd')"}
    for name, error in errors.items():
        install(install_distribution, name, OBSERVER.format(error=error))
    install(install_distribution, "listener", LISTENER)
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"})
    arguments = ["run", "toy", "--preset", "smoke", "--set", "objective.steps=2", "--json"]
    assert run_command_line(arguments) == 0
    captured = capfd.readouterr()
    assert project.store.open(json.loads(captured.out)["run"]).status == "finished"
    for name in errors:
        assert captured.err.count(f"the observer {name} failed in identify_run_started and is not told") == 1
    heard = sys.modules["hostile_listener"].heard
    assert (heard[0], heard[-1], set(heard)) == ("started", "finished", {"started", "logged", "finished"})


TACTLESS = {
    "a-thread-that-never-ends": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), name='endless').start()"
    ),
    "prints-from-a-thread": (
        "import threading, time\n"
        "def talk():\n    for _ in range(20_000):\n        print('noise')\n        time.sleep(1e-4)\n"
        "threading.Thread(target=talk, daemon=True).start()\ntime.sleep(0.05)"
    ),
    "prints-at-exit": "import atexit, os\natexit.register(print, 'noise')\natexit.register(os.write, 1, b'noise')",
    "closes-the-streams": "import sys\nsys.stdout.close()\nsys.__stdout__.close()\nsys.__stderr__.close()",
    "closes-the-descriptors": "import os\nos.close(1)\nos.close(2)",
    "changes-the-recursion-limit": "import sys\nsys.setrecursionlimit(90)",
    "surrogates-in-a-summary": (
        "@hookimpl\ndef identify_models():\n    yield Model(name='odd', summary='a' + chr(0xd800), target='a:b')"
    ),
}


@pytest.mark.parametrize("name", TACTLESS)
def test_a_plugin_that_disturbs_the_process_leaves_results_whole(
    install_distribution: InstallDistribution, identify: CommandLine, name: str
) -> None:
    install(install_distribution, name, f"{TACTLESS[name]}\n{OFFER}")
    started = time.monotonic()
    done = identify("describe", name, "--json")
    assert json.loads(done.stdout)["schema"].startswith("identify/")
    assert time.monotonic() - started < 60
    assert "noise" not in done.stdout
    if name == "a-thread-that-never-ends":
        assert "left behind, because it does not end: the thread endless" in done.stderr


def test_a_message_can_still_be_said_when_a_plugin_closed_the_streams(
    install_distribution: InstallDistribution, identify: CommandLine
) -> None:
    install(install_distribution, "closes", f"{TACTLESS['closes-the-streams']}\n{OFFER}")
    assert "error: " in identify("describe", "closes:rngs", status=2).stderr
