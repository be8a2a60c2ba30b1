"""Trackers: off unless named, told apart when missing, and what they write can be read back by their own programs."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.errors import UsageError
from identify_core.plugins import load_registry
from identify_core.runs.trackers import track_observers
from identify_core.runs.trackers.names import flat_spec, tagged, tracking_folder

SPEC = {
    "name": "shells",
    "seed": 7,
    "device": None,
    "objective": {"type": "toy:regression", "learning_rate": 0.1, "widths": [2, 3]},
    "evaluators": [{"type": "toy:whole", "label": "sharp", "fail": False}, {"type": "toy:norm"}],
}


def follow(name: str, store: Path, *, steps: range = range(1, 4), status: str = "finished") -> None:
    """Tell the tracker of a run through the registry, as the engine does."""
    (tracker,) = track_observers([name])
    tell = {each.hook: each for each in load_registry(only=(name,), extra={name: tracker}).observers()}
    folder = str(store / "staging" / "r1")
    tell["identify_run_started"](run_id="r1", spec=SPEC, folder=folder)
    for step in steps:
        scalars = {"loss": [step / 10] * 11, "rate": 0.5}
        tell["identify_run_logged"](run_id="r1", step=step, scalars=scalars)
    scalars: dict[str, Any] = {"sharp.best": 0.25, "sharp.worst": float("nan"), "sharp.name": "x", "sharp.none": None}
    tell["identify_run_finished"](run_id="r1", status=status, scalars=scalars, folder=folder)


def test_nothing_named_is_nothing_tracked() -> None:
    assert track_observers([]) == []
    assert track_observers(["", " , "]) == []


def test_names_may_be_joined_by_commas_and_come_once() -> None:
    assert [each.name for each in track_observers(["tensorboard,wandb", "tensorboard"])] == ["tensorboard", "wandb"]


def test_asking_for_trackers_imports_none_of_their_packages() -> None:
    code = (
        "import sys; from identify_core.runs.trackers import track_observers; "
        "track_observers(['tensorboard', 'wandb']); "
        "heavy = {'wandb', 'tensorboard', 'torch', 'numpy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_tracker_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no tracker 'tensorbord'") as caught:
        track_observers(["tensorbord"])
    assert caught.value.hint == "did you mean 'tensorboard'?"


@pytest.mark.parametrize("name", ["mlflow", "tensorboard", "wandb"])
def test_a_missing_package_is_said_with_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=f"needs {name}, which is not installed") as caught:
        track_observers([name])
    assert caught.value.hint == f"pip install 'identify-core[{name}]'"


@given(st.lists(st.floats(), min_size=1, max_size=120))
def test_tags_of_replicates_sort_as_replicates_do(values: list[float]) -> None:
    tags = [tag for tag, _ in tagged({"loss": values})]
    assert tags == sorted(tags)
    assert len(set(tags)) == len(values)


def test_words_are_no_scalars() -> None:
    assert list(tagged({"a": 1, "b": "text", "c": None, "d": 0.5})) == [("a", 1.0), ("d", 0.5)]


def test_the_spec_becomes_flat_hyperparameters() -> None:
    assert dict(flat_spec(SPEC)) == {
        "name": "shells",
        "seed": 7,
        "objective.type": "toy:regression",
        "objective.learning_rate": 0.1,
        "objective.widths": "[2, 3]",
        "evaluators.sharp.type": "toy:whole",
        "evaluators.sharp.label": "sharp",
        "evaluators.sharp.fail": False,
        "evaluators.1.type": "toy:norm",
    }


def test_trackers_write_beside_the_runs(tmp_path: Path) -> None:
    for home in ("staging", "runs"):
        assert tracking_folder(str(tmp_path / home / "id"), "wandb") == tmp_path / "tracking" / "wandb"


needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed"
)
needs_wandb = pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")


def read_events(store: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(store / "tracking" / "tensorboard" / "r1"))
    events.Reload()
    return events


@needs_tensorboard
def test_tensorboard_reads_every_replicate_the_spec_and_the_findings(tmp_path: Path) -> None:
    follow("tensorboard", tmp_path)
    events = read_events(tmp_path)
    tags = events.Tags()
    replicates = [f"loss/replicate-{r:02d}" for r in range(11)]
    assert set(tags["scalars"]) == {*replicates, "rate", "finding/sharp.best"}
    found = [(each.step, pytest.approx(each.value)) for each in events.Scalars("loss/replicate-10")]
    assert found == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert b"toy:regression" in events.Tensors("spec/text_summary")[0].tensor_proto.string_val[0]
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"objective.learning_rate" in content
    assert b"finished" in content


@needs_tensorboard
def test_tensorboard_hides_the_steps_that_an_interruption_undid(tmp_path: Path) -> None:
    follow("tensorboard", tmp_path, steps=range(1, 9), status="interrupted")
    follow("tensorboard", tmp_path, steps=range(5, 7))
    assert [each.step for each in read_events(tmp_path).Scalars("rate")] == [1, 2, 3, 4, 5, 6]


@needs_wandb
def test_wandb_writes_offline_and_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_DIR", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    follow("wandb", tmp_path)
    importlib.import_module("wandb").teardown()  # its service writes on after the run's end: wait as at a process's end
    (file,) = (tmp_path / "tracking" / "wandb").glob("offline-run-*-r1/run-r1.wandb")
    content = file.read_bytes()
    for expected in (b"loss/replicate-10", b"rate", b"objective.learning_rate", b"sharp.best", b"identify", b"shells"):
        assert expected in content


@needs_wandb
def test_wandb_does_what_its_mode_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    follow("wandb", tmp_path)
    assert not list((tmp_path / "tracking").rglob("*.wandb"))


class StandIn:
    """What the tracker calls of mlflow's client, kept in memory: mlflow itself is a hundred packages."""

    kept: ClassVar[dict[str, Any]] = {}

    def __init__(self, tracking_uri: str) -> None:
        self.uri = tracking_uri
        self.state = self.kept.setdefault(tracking_uri, {"experiments": {}, "runs": {}})

    def get_experiment_by_name(self, name: str) -> Any:
        return self.state["experiments"].get(name)

    def create_experiment(self, name: str) -> str:
        self.state["experiments"][name] = types.SimpleNamespace(experiment_id=name)
        return name

    def search_runs(self, experiments: list[str], filter_string: str) -> list[Any]:
        wanted = re.fullmatch(r"tags\.`identify\.run` = '(.*)'", filter_string)
        assert wanted is not None
        runs = self.state["runs"].values()
        return [each for each in runs if each.tags["identify.run"] == wanted[1] and each.experiment in experiments]

    def create_run(self, experiment: str, tags: dict[str, str]) -> Any:
        run_id = f"ml-{len(self.state['runs'])}"
        info = types.SimpleNamespace(run_id=run_id)
        self.state["runs"][run_id] = run = types.SimpleNamespace(
            info=info, experiment=experiment, tags=tags, params={}, metrics=[], status="RUNNING"
        )
        return run

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = ()) -> None:
        assert len(params) <= 100
        self.state["runs"][run_id].params |= dict(params)
        self.state["runs"][run_id].metrics += [each[:2] + each[3:] for each in metrics]

    def set_terminated(self, run_id: str, status: str) -> None:
        self.state["runs"][run_id].status = status


def test_mlflow_keeps_parameters_values_and_a_resumed_run_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entities = types.SimpleNamespace(Param=lambda *values: values, Metric=lambda *values: values)
    for name, module in (("mlflow", None), ("mlflow.entities", entities)):
        monkeypatch.setitem(sys.modules, name, module or types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "mlflow.tracking", types.SimpleNamespace(MlflowClient=StandIn))
    monkeypatch.setattr("identify_core.optional_packages.find_spec", lambda _: True)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(StandIn, "kept", {})
    follow("mlflow", tmp_path, status="interrupted")
    follow("mlflow", tmp_path, steps=range(4, 5))
    ((uri, state),) = StandIn.kept.items()
    assert uri == f"sqlite:///{(tmp_path / 'tracking' / 'mlflow' / 'mlflow.db').as_posix()}"
    (run,) = state["runs"].values()
    assert (run.experiment, run.status, run.tags["mlflow.runName"]) == ("identify", "FINISHED", "shells")
    assert run.params["objective.learning_rate"] == "0.1"
    assert ("loss/replicate-00", 0.4, 4) in run.metrics
    assert ("finding/sharp.best", 0.25, 0) in run.metrics
    assert not any(name == "finding/sharp.worst" for name, *_ in run.metrics)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there")
    follow("mlflow", tmp_path)
    assert "http://there" in StandIn.kept
