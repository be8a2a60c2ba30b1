"""Whole runs of the toy plugin: what lands, what a failure leaves, and resuming to the same arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from identify_core.comparisons.references import open_groups
from identify_core.contexts.context import Context
from identify_core.contexts.display import SilentDisplay
from identify_core.data import Latents, Samples
from identify_core.data.mapped import MappedColumn
from identify_core.errors import Interrupted, RunError, SpecError, UsageError
from identify_core.plugins import Registry, load_registry
from identify_core.reports.page import finished_page
from identify_core.runs.engine import Outcome, RunSurroundings, execute, resume
from identify_core.spec import ResolvedSpec, load_spec, memory
from identify_core.store import RunWriter, Store, StoredRun
from identify_core.store.verify import verify_run
from identify_core.testing import toy_plugin, toy_targets


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(only=("toy",), extra={"toy": toy_plugin})


def spec(registry: Registry, *overrides: str) -> ResolvedSpec:
    return load_spec(registry, plugin="toy", preset="smoke", overrides=overrides)


def surroundings(folder: Path, **more: Any) -> RunSurroundings:
    return RunSurroundings(store=Store(folder / "store"), display=SilentDisplay(), render=finished_page, **more)


def run(registry: Registry, folder: Path, *overrides: str, **more: Any) -> Outcome:
    return execute(spec(registry, *overrides), surroundings(folder, **more))


def arrays(run: StoredRun) -> dict[str, np.ndarray[Any, Any]]:
    """Every number that a run stores, by name."""
    found: dict[str, np.ndarray[Any, Any]] = dict(run.weights())
    for name, latents in run.latents.items():
        found |= {f"{name}[{replicate}]": latents.values(replicate) for replicate in range(latents.count)}
    for name, (steps, values) in run.history().items():
        found |= {f"{name}.steps": steps, f"{name}.values": values}
    for label, stored in run.findings.items():
        found |= {f"{label}.{name}": array.values for name, array in stored.finding.arrays.items()}
    return found


def assert_same_arrays(first: StoredRun, second: StoredRun) -> None:
    left, right = arrays(first), arrays(second)
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


class StopAfter:
    """Asks to stop at the n-th question."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_a_run_lands_whole(registry: Registry, tmp_path: Path) -> None:
    outcome = run(registry, tmp_path)
    stored = StoredRun(Store(tmp_path / "store").find("@last"))
    assert stored.id == outcome.run_id
    assert stored.status == "finished"
    assert stored.latents["hidden"].shape == (3, 32, 4)
    assert stored.latents["hidden"].identified_up_to == "permutation-positive-scaling"
    assert stored.latents["hidden"].ids.tolist() == list(range(32, 64))
    assert stored.history()["loss"][1].shape == (20, 3)
    assert set(stored.findings) == {"outcome", "whole"}
    assert outcome.scalars["whole/best"] == stored.findings["whole"].finding.scalars["best"]
    assert (outcome.folder / "report.html").stat().st_size > 1000
    assert list((outcome.folder / "figures").glob("*.png"))
    assert not list((tmp_path / "store" / "staging").iterdir())


def test_the_stored_spec_gives_the_same_run(registry: Registry, tmp_path: Path) -> None:
    first = StoredRun(Store(tmp_path / "store").find(run(registry, tmp_path).run_id))
    again = load_spec(registry, file=first.folder / "spec.toml")
    second = StoredRun(Store(tmp_path / "store").find(execute(again, surroundings(tmp_path)).run_id))
    assert_same_arrays(first, second)


def test_another_seed_gives_another_run(registry: Registry, tmp_path: Path) -> None:
    first = StoredRun.open(run(registry, tmp_path).folder)
    second = StoredRun.open(run(registry, tmp_path, "seed=4").folder)
    assert not np.array_equal(first.latents["hidden"].values(0), second.latents["hidden"].values(0))
    assert first.fingerprint != second.fingerprint


def test_provenance_says_what_a_run_was_made_with(registry: Registry, tmp_path: Path) -> None:
    document = StoredRun.open(run(registry, tmp_path).folder).document
    assert document["provenance"]["packages"]["torch"]
    assert document["provenance"]["device"] == "cpu"
    assert [each["name"] for each in document["components"]] == [
        "toy:lines",
        "toy:two-layers",
        "toy:regression",
        "toy:whole",
    ]
    assert document["spec_hash"] == spec(registry).hash
    assert document["seconds"]["wall"] > 0


@pytest.mark.parametrize("questions", [0, 1, 7, 19, 20])
def test_a_run_stopped_anywhere_resumes_to_the_same_arrays(registry: Registry, tmp_path: Path, questions: int) -> None:
    whole = StoredRun.open(run(registry, tmp_path / "whole").folder)
    with pytest.raises(Interrupted, match="was stopped; what it made so far is kept") as stopped:
        run(registry, tmp_path, stop_requested=StopAfter(questions))
    assert "identify resume" in stopped.value.hint
    store = Store(tmp_path / "store")
    assert store.find("@last", statuses=("interrupted",)).status == "interrupted"
    with RunWriter.resume(store, "@last") as writer:
        again = load_spec(registry, file=writer.folder / "spec.toml")
        outcome = resume(again, surroundings(tmp_path), writer)
    assert_same_arrays(StoredRun.open(outcome.folder), whole)


@pytest.mark.parametrize(
    "part", ["samples/ids", "latents/hidden", "weights", "history", "findings/first", "findings/outcome"]
)
def test_damage_in_what_is_staged_is_made_again(registry: Registry, tmp_path: Path, part: str) -> None:
    evaluators = 'evaluators=[{type="whole", label="first"}, {type="whole", label="second"}]'
    asked = StopAfter(10**6)
    whole = StoredRun.open(run(registry, tmp_path / "whole", evaluators, stop_requested=asked).folder)
    with pytest.raises(Interrupted):
        run(registry, tmp_path, evaluators, stop_requested=StopAfter(10**6 - asked.left - 1))
    store = Store(tmp_path / "store")
    staged = store.find("@last", statuses=("interrupted",))
    assert verify_run(staged) == []
    files = [each for each in sorted((staged.folder / "arrays.zarr" / part).rglob("*")) if each.is_file()]
    flipped = files[-1]
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    assert len(verify_run(staged)) == 1
    with RunWriter.resume(store, "@last") as writer:
        outcome = resume(load_spec(registry, file=writer.folder / "spec.toml"), surroundings(tmp_path), writer)
    (warning,) = (text for text in outcome.warnings if "again" in text)
    assert part.removeprefix("findings/") in warning
    mended = StoredRun.open(outcome.folder)
    assert_same_arrays(mended, whole)
    assert verify_run(mended.summary) == []


def test_a_failing_evaluator_costs_neither_the_run_nor_the_others(registry: Registry, tmp_path: Path) -> None:
    evaluators = 'evaluators=[{type="whole", label="bad", fail=true}, {type="whole", label="good"}]'
    outcome = run(registry, tmp_path, evaluators)
    assert outcome.failures == {"bad": "ValueError: asked to fail"}
    assert set(StoredRun.open(outcome.folder).findings) == {"outcome", "good"}


def test_representation_and_pair_evaluators_study_every_replicate_and_every_pair(
    registry: Registry, tmp_path: Path
) -> None:
    outcome = run(registry, tmp_path, 'evaluators=[{type="norm"}, {type="distance"}]')
    stored = StoredRun.open(outcome.folder)
    hidden = [stored.latents["hidden"].values(replicate) for replicate in range(3)]
    norms = stored.findings["norm"].finding.arrays["norm"].values
    np.testing.assert_allclose(norms, [np.linalg.norm(each - each.mean(0)) for each in hidden])
    distances = stored.findings["distance"].finding.arrays["value"].values
    expected = [[np.linalg.norm(first - second) for second in hidden] for first in hidden]
    np.testing.assert_allclose(distances, expected)


def test_a_size_that_the_model_cannot_take_is_said_before_training_and_leaves_nothing(
    registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=r"model \(toy:two-layers\): width 5000 is more than a toy can take") as caught:
        run(registry, tmp_path, "model.width=5000")
    assert caught.value.message.endswith("at most 1000 (--set model.width=5000)")
    assert Store(tmp_path / "store").runs() == []


def test_what_a_target_refuses_is_said_with_the_file_and_line_that_gave_it(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[dataset]\ntype = "lines"\n\n[model]\ntype = "two-layers"\nwidth = 2000\n')
    wide = load_spec(registry, plugin="toy", preset="smoke", file=file)
    with pytest.raises(SpecError) as caught:
        execute(wide, surroundings(tmp_path))
    assert caught.value.message.endswith(f"at most 1000 ({file}:6)")


def test_changed_data_stop_a_resume(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(registry, tmp_path, stop_requested=StopAfter(5))
    with RunWriter.resume(Store(tmp_path / "store"), "@last") as writer:
        other = load_spec(registry, file=writer.folder / "spec.toml", overrides=["dataset.noise=0.5"])
        with pytest.raises(Exception, match="gives other samples than when this run began"):
            resume(other, surroundings(tmp_path), writer)


def test_a_fresh_report_says_when_the_run_finished(registry: Registry, tmp_path: Path) -> None:
    outcome = run(registry, tmp_path)
    finished = StoredRun.open(outcome.folder).document["finished"]
    assert finished
    assert f"<dt>finished</dt><dd>{finished}</dd>" in (outcome.folder / "report.html").read_text()


def test_no_network_is_built_to_be_counted_alone(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    build = Context.build_model

    def counted(self: Context, shape: Any, *, replicate: int) -> Any:
        if torch.get_default_device().type != "meta":  # there a module is counted without its numbers
            built.append(replicate)
        return build(self, shape, replicate=replicate)

    counts: list[int] = []

    @contextmanager
    def noted(parameters: int) -> Iterator[None]:
        counts.append(parameters)
        yield

    monkeypatch.setattr(Context, "build_model", counted)
    monkeypatch.setattr("identify_core.runs.engine.fitting_threads", noted)
    outcome = run(registry, tmp_path)
    assert built == [0, 1, 2]
    stored = StoredRun.open(outcome.folder)
    expected = sum(values.size for name, values in stored.weights().items() if name.startswith("parameters/"))
    assert counts[-1] == stored.parameters == expected > 0


def keep(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Let the toy objective keep other latents."""
    target = toy_plugin_target()
    trains = getattr(toy_targets, target)

    def regress(*arguments: Any) -> Iterator[Any]:
        for kept in trains(*arguments):
            yield change(kept) if isinstance(kept, Latents) else kept

    monkeypatch.setattr(toy_targets, target, regress)


def toy_plugin_target() -> str:
    (objective,) = toy_plugin.identify_objectives()
    return objective.target.rpartition(":")[2]


def test_named_replicates_have_their_names_wherever_they_are_shown(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(monkeypatch, lambda kept: attrs.evolve(kept, names=("small", "base", "large")))
    outcome = run(registry, tmp_path)
    stored = StoredRun.open(outcome.folder)
    assert stored.latents["hidden"].names == ("small", "base", "large")
    store = Store(tmp_path / "store")
    (group,) = open_groups([f"{outcome.run_id}:hidden"], store)
    assert [each.label for each in group.representations] == [
        f"{outcome.run_id}:hidden[{name}]" for name in ("small", "base", "large")
    ]
    for wanted in ("base", "1"):
        (one,) = open_groups([f"{outcome.run_id}:hidden[{wanted}]"], store)
        assert [each.replicate for each in one.representations] == [1]
    with pytest.raises(UsageError, match="has no replicate huge") as caught:
        open_groups([f"{outcome.run_id}:hidden[huge]"], store)
    assert caught.value.hint == "it has small, base, large"


def test_latents_of_another_count_than_the_runs_replicates_are_refused(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(monkeypatch, lambda kept: attrs.evolve(kept, values=kept.values[:2]))
    message = "toy:regression kept the latents 'hidden' of 2 replicates in a run of 3"
    with pytest.raises(RunError, match=message) as caught:
        run(registry, tmp_path)
    assert caught.value.hint == "set replicates = 2 in the spec, or --set replicates=2"


def test_a_run_of_a_mapped_column_is_the_run_of_the_same_numbers_in_memory(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    original = toy_targets.make_lines
    stored = {}
    for kind in ("resident", "mapped"):

        def make(options: Any, context: Context, kind: str = kind) -> Samples:
            samples = original(options, context)
            if kind == "resident":
                return samples
            np.save(tmp_path / "x.npy", samples.tensor("x").numpy())
            return attrs.evolve(samples, columns={**samples.columns, "x": MappedColumn.of_npy(tmp_path / "x.npy")})

        monkeypatch.setattr(toy_targets, "make_lines", make)
        folder = tmp_path / kind
        with pytest.raises(Interrupted):
            run(registry, folder, stop_requested=StopAfter(8), seconds_between_checkpoints=0.0)
        with RunWriter.resume(Store(folder / "store"), "@last") as writer:
            resume(spec(registry), surroundings(folder), writer)
        stored[kind] = StoredRun(Store(folder / "store").find("@last"))
    assert stored["mapped"].fingerprint == stored["resident"].fingerprint
    np.testing.assert_array_equal(stored["mapped"].row_fingerprints, stored["resident"].row_fingerprints)
    assert_same_arrays(stored["mapped"], stored["resident"])


def test_a_model_that_tells_no_size_is_refused_once_one_is_built(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = spec(registry)
    parameters = StoredRun.open(run(registry, tmp_path).folder).parameters // small.replicates
    needed = sum(memory.memory_of(small, parameters=parameters).values())
    assert needed > sum(memory.memory_of(small).values())
    monkeypatch.setattr(memory, "machine_memory", lambda: needed - 1)
    memory.refuse_beyond_memory(small)  # before it is built, nothing tells
    with pytest.raises(SpecError, match=r"needs about .* of memory"):
        run(registry, tmp_path / "refused")
    assert list(Store(tmp_path / "refused" / "store").runs()) == []
    assert run(registry, tmp_path / "forced", force=True).run_id
