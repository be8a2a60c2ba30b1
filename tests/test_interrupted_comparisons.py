"""Comparisons that are killed, interrupted, gone on with and spread end with what an uninterrupted one has."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import identify_core as ic
from identify_core.cli.root import run_command_line
from identify_core.store import RunWriter, Store
from identify_core.store.layout import STAGING
from identify_core.testing.fixtures import CommandLine

EVALUATORS = ("--evaluator", "slow:slow", "--evaluator", "slow:group", "--evaluator", "slow:directed")
PLUGIN = '''
"""Evaluators that take their time and say what they have done."""
import time
from pathlib import Path
import identify_core as ic

HERE = Path(__file__).resolve().parent

@ic.hookimpl
def identify_evaluators():
    pair = dict(summary="Slow.", arity="pair", larger_is="more distant")
    yield ic.Evaluator(name="slow", target="slow:slow", **pair)
    yield ic.Evaluator(name="directed", target="slow:directed", symmetric=False, **pair)
    yield ic.Evaluator(name="together", target="slow:together", together=True, **pair)
    yield ic.Evaluator(name="group", target="slow:group", summary="Slow.", arity="group")

def note(text):
    with (HERE / "notes").open("a") as file:
        file.write(f"{text}\\n")
    time.sleep(float((HERE / "pace").read_text()))

def slow(options, subject, context):
    import numpy as np
    first, other = subject.representations
    note(f"slow {first.label} {other.label}")
    if first is not other and first.label == "a0.npy":
        context.warn(f"{other.label} is odd")
    value = float(np.linalg.norm(first.values() - other.values()) + context.stream("x").initial_seed() % 7)
    return ic.Score(
        measure="slow", value=value, larger_is="more distant", bounds=(0.0, np.inf), is_metric=True, invariant_to=(),
        n=len(first.ids), widths=(3, 3), estimator="e", dtype="float64",
    )

def together(options, subjects, context):
    total = len(subjects)
    for subject in subjects:
        note(f"together, one of {total}")
    return [slow(options, subject, context) for subject in subjects]

def directed(options, subject, context):
    score = slow(options, subject, context)
    return {"one": score, "two": score}

def group(options, subject, context):
    note("group")
    if (HERE / "interrupt").exists():
        raise KeyboardInterrupt
    return ic.Finding(summary=f"{len(subject.representations)} of them")
'''


@pytest.fixture
def arrays(identify: CommandLine) -> tuple[str, ...]:
    """Names of four arrays in the folder in which commands run, and the plugin next to them."""
    generator = np.random.default_rng(0)
    names = tuple(f"a{i}.npy" for i in range(4))
    for name in names:
        np.save(identify.folder / name, generator.normal(size=(30, 3)))
    (identify.folder / "slow.py").write_text(PLUGIN)
    pace(identify, 0)
    return names


def pace(identify: CommandLine, seconds: float) -> None:
    """How long each evaluation takes from now on."""
    (identify.folder / "pace").write_text(str(seconds))


def compare(names: tuple[str, ...], *more: str, evaluators: tuple[str, ...] = EVALUATORS) -> tuple[str, ...]:
    return ("--plugin-file", "slow.py", "compare", *names, *evaluators, "--quiet", *more)


def resumed(identify: CommandLine, *more: str, status: int = 0) -> str:
    (staged,) = (each for each in Store(identify.folder / "identify-store").comparisons() if not each.committed)
    done = identify("--plugin-file", "slow.py", "resume", staged.id, "--quiet", *more, status=status)
    return " ".join(done.stderr.split())


def notes(identify: CommandLine) -> list[str]:
    file = identify.folder / "notes"
    return file.read_text().splitlines() if file.exists() else []


def found(identify: CommandLine, name: str) -> Any:
    """The digests of all arrays, the warnings and the findings of a comparison by its name."""
    store = Store(identify.folder / "identify-store")
    (comparison,) = (each for each in store.comparisons() if each.name == name and each.committed)
    document = comparison.document
    return document["arrays"], document["warnings"], document["findings"], document["rows"]


def begun(
    identify: CommandLine, names: tuple[str, ...], count: int, *more: str, evaluators: tuple[str, ...] = EVALUATORS
) -> Any:
    """A comparison in a process of its own that has noted so many things."""
    process = identify.start(*compare(names, *more, evaluators=evaluators))
    end = time.monotonic() + 60
    while len(notes(identify)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(("count", "number"), [(1, "SIGKILL"), (8, "SIGINT"), (11, "SIGKILL"), (20, "SIGINT")])
def test_what_was_interrupted_goes_on_to_the_same_bytes(
    identify: CommandLine, arrays: tuple[str, ...], count: int, number: str
) -> None:
    identify(*compare(arrays, "--name", "whole"))
    everything = notes(identify)
    assert len(everything) == 10 + 1 + 16
    (identify.folder / "notes").unlink()
    pace(identify, 0.3)
    process = begun(identify, arrays, count, "--name", "broken")
    process.send_signal(getattr(signal, number))
    _, message = process.communicate(timeout=60)
    if number == "SIGINT":
        assert process.returncode == 130, message
        assert "what it found so far is kept" in message
        before = len(notes(identify))
        assert "interrupted" in identify("runs", "ls").stdout
        pace(identify, 0)
        resumed(identify)
        assert len(notes(identify)) == len(everything), "something was done twice, or was left out"
        assert before < len(everything)
    else:
        pace(identify, 0)
        resumed(identify)
    assert found(identify, "broken") == found(identify, "whole")


TOGETHER = ("--evaluator", "slow:together", "--evaluator", "slow:slow")


@pytest.mark.parametrize(("count", "workers"), [(4, "1"), (23, "1"), (14, "2")])
def test_pairs_that_are_taken_together_go_on_to_the_same_bytes(
    identify: CommandLine, arrays: tuple[str, ...], count: int, workers: str
) -> None:
    """Killed within the one call, at what it makes of the pairs, and in the evaluator after it; spread from there."""
    identify(*compare(arrays, "--name", "whole", evaluators=TOGETHER))
    assert notes(identify).count("together, one of 10") == 10
    (identify.folder / "notes").unlink()
    pace(identify, 0.2)
    process = begun(identify, arrays, count, "--name", "broken", evaluators=TOGETHER)
    process.kill()
    process.communicate(timeout=60)
    pace(identify, 0)
    before = notes(identify)
    resumed(identify, "--workers", workers)
    assert found(identify, "broken") == found(identify, "whole")
    again = notes(identify)[len(before) :].count("together, one of 10")
    assert again == (0 if len(before) > 21 else 10)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_two_processes_find_what_one_does(identify: CommandLine, arrays: tuple[str, ...], device: str) -> None:
    both = (*EVALUATORS, *TOGETHER[:2], "--device", device)
    identify(*compare(arrays, "--name", "one", evaluators=both))
    identify(*compare(arrays, "--name", "two", "--workers", "2", evaluators=both))
    assert found(identify, "two") == found(identify, "one")


def test_a_cluster_finds_what_one_process_does(identify: CommandLine, arrays: tuple[str, ...]) -> None:
    distributed = pytest.importorskip("distributed")
    identify(*compare(arrays, "--name", "one"))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        identify(*compare(arrays, "--name", "two", "--executor", "dask", "--scheduler", cluster.scheduler_address))
    assert found(identify, "two") == found(identify, "one")


@pytest.fixture
def staged(identify: CommandLine, arrays: tuple[str, ...]) -> Path:
    """The folder of an interrupted comparison."""
    pace(identify, 0.2)
    process = begun(identify, arrays, 2, "--name", "broken")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    pace(identify, 0)
    (folder,) = (each for each in (identify.folder / "identify-store" / STAGING).iterdir() if each.is_dir())
    return folder


def test_files_that_changed_are_not_gone_on_with(identify: CommandLine, staged: Path) -> None:
    array = identify.folder / "a1.npy"
    array.rename(identify.folder / "elsewhere.npy")
    assert "a1.npy is not there any more since the comparison began" in resumed(identify, status=2)
    np.save(array, np.zeros((30, 3)))
    assert "a1.npy has changed since the comparison began" in resumed(identify, status=2)


def test_it_goes_on_from_any_folder_and_can_be_spread(identify: CommandLine, staged: Path) -> None:
    elsewhere = identify.folder / "elsewhere"
    elsewhere.mkdir()
    plugin, store = str(identify.folder / "slow.py"), str(identify.folder / "identify-store")
    arguments = ("--store", store, "--plugin-file", plugin, "resume", staged.name, "--quiet", "--workers", "2")
    CommandLine(elsewhere)(*arguments)
    assert found(identify, "broken")


def test_a_comparison_from_elsewhere_reads_no_files_unasked(identify: CommandLine, staged: Path) -> None:
    stranger = CommandLine(
        identify.folder, {**identify.environment, "XDG_DATA_HOME": str(identify.folder / "another user")}
    )
    said = resumed(stranger, status=2)
    assert "comes from elsewhere (no signature of yours), and its spec names what only you can trust" in said
    assert 'asked.references.0: "a0.npy" would be read' in said
    trust = [each for i in range(4) for each in ("--trust-code", f"a{i}.npy")]
    resumed(stranger, *trust)
    assert found(identify, "broken")


def test_an_interrupted_comparison_is_pruned(identify: CommandLine, staged: Path) -> None:
    identify("runs", "prune", "--yes")
    assert not staged.exists()


def test_a_run_is_not_spread(capsys: pytest.CaptureFixture[str], identify: CommandLine) -> None:
    store = Store(identify.folder / "runs")
    with RunWriter.create(store, name="mine", plugin="toy") as writer:
        writer.write_spec("")
        writer.write_document({"status": "interrupted"})
    assert run_command_line(["--store", str(store.path), "resume", writer.id, "--workers", "2"]) == 2
    assert "is a run, and only a comparison is spread over processes" in capsys.readouterr().err


def test_python_goes_on_with_what_it_interrupted(
    identify: CommandLine, arrays: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(identify.folder)
    more: dict[str, Any] = {"plugin_files": ["slow.py"], "store": identify.folder / "identify-store", "quiet": True}
    names = ["slow:slow", "slow:group", "slow:directed"]
    whole = ic.compare(*arrays, evaluators=names, name="whole", **more)
    (identify.folder / "interrupt").touch()
    with pytest.raises(ic.Interrupted, match="what it found so far is kept") as stopped:
        ic.compare(*arrays, evaluators=names, name="broken", **more)
    assert stopped.value.hint == f'go on with ic.resume("{stopped.value.run_id}")'
    (identify.folder / "interrupt").unlink()
    again = ic.resume(stopped.value.run_id, **more)
    assert isinstance(again, type(whole))
    assert found(identify, "broken") == found(identify, "whole")


def test_arrays_in_memory_are_neither_kept_nor_spread(identify: CommandLine, arrays: tuple[str, ...]) -> None:
    values = [np.load(identify.folder / name) for name in arrays]
    with pytest.raises(ic.UsageError, match="arrays in memory are compared in this process alone"):
        ic.compare(*values, store=identify.folder / "identify-store", workers=2, quiet=True)
