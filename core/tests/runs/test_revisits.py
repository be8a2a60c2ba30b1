"""Evaluating a stored run gives what the run itself would have given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from identify_core.comparisons.imports import import_arrays
from identify_core.contexts.display import SilentDisplay
from identify_core.errors import RunError, StoreError
from identify_core.plugins import Registry, load_registry
from identify_core.reports.page import finished_page
from identify_core.runs.engine import RunSurroundings, execute
from identify_core.runs.revisits import Revisit, Revisited
from identify_core.spec import choose_evaluator, load_spec
from identify_core.store import Store, StoredRun
from identify_core.testing import toy_plugin


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(only=("toy",), extra={"toy": toy_plugin})


@pytest.fixture
def run(registry: Registry, tmp_path: Path) -> StoredRun:
    spec = load_spec(registry, plugin="toy", preset="smoke")
    outcome = execute(spec, RunSurroundings(store=Store(tmp_path / "store"), display=SilentDisplay()))
    return StoredRun.open(outcome.folder)


def revisit(registry: Registry, run: StoredRun, evaluators: str, *more: str, replace: bool = False) -> Revisited:
    spec = load_spec(registry, file=run.folder / "spec.toml", overrides=[f"evaluators=[{evaluators}]", *more])
    store = Store(run.folder.parent.parent)
    return Revisit(
        store=store, run=run, spec=spec, evaluators=spec.evaluators, replace=replace, render=finished_page
    ).evaluate()


def test_a_stored_run_evaluates_to_the_same_numbers(registry: Registry, run: StoredRun) -> None:
    assert revisit(registry, run, '{type="whole", label="again"}').labels == ("again",)
    findings = StoredRun.open(run.folder).findings
    np.testing.assert_array_equal(
        findings["again"].finding.arrays["losses"].values, findings["whole"].finding.arrays["losses"].values
    )
    assert "again" in (run.folder / "report.html").read_text()
    assert not (run.folder / "scratch").exists()


def test_a_label_that_exists_is_refused_before_any_work_and_replaced_on_request(
    registry: Registry, run: StoredRun
) -> None:
    with pytest.raises(StoreError, match="already has a finding 'whole'"):
        revisit(registry, run, '{type="whole", fail=true}')
    assert revisit(registry, run, '{type="whole"}', replace=True).labels == ("whole",)


def test_data_that_changed_are_noticed(registry: Registry, run: StoredRun) -> None:
    with pytest.raises(RunError, match="gives other samples now than when"):
        revisit(registry, run, '{type="whole", label="again"}', "dataset.noise=1.0")


def test_evaluators_that_need_only_latents_work_although_the_data_changed(registry: Registry, run: StoredRun) -> None:
    assert revisit(registry, run, '{type="norm"}', "dataset.noise=1.0").labels == ("norm",)


def test_an_imported_run_has_latents_alone(registry: Registry, run: StoredRun, tmp_path: Path) -> None:
    store = Store(run.folder.parent.parent)
    np.save(tmp_path / "mine.npy", np.arange(12.0).reshape(6, 2))
    imported = StoredRun.open(import_arrays([str(tmp_path / "mine.npy")], store, name="mine"))

    def evaluate(name: str) -> Revisited:
        chosen = [choose_evaluator(registry, name)]
        return Revisit(store=store, run=imported, spec=None, evaluators=chosen).evaluate()

    assert evaluate("norm").labels == ("norm",)
    with pytest.raises(RunError, match="was imported: it has latents, but neither inputs nor networks"):
        evaluate("whole")


def test_an_evaluator_that_fails_costs_no_other(registry: Registry, run: StoredRun) -> None:
    evaluators = '{type="whole", label="bad", fail=true}, {type="norm", label="size"}'
    revisited = revisit(registry, run, evaluators)
    assert revisited.labels == ("size",)
    assert revisited.failures == {"bad": "ValueError: asked to fail"}
    assert {"size"} <= set(StoredRun.open(run.folder).findings)


def test_where_all_fail_it_is_an_error_that_lists_them(registry: Registry, run: StoredRun) -> None:
    with pytest.raises(RunError, match=r"(?m)^bad failed: ValueError: asked to fail$"):
        revisit(registry, run, '{type="whole", label="bad", fail=true}')
    both = '{type="whole", label="bad", fail=true}, {type="whole", label="worse", fail=true}'
    with pytest.raises(RunError, match=r"(?m)^bad and worse failed: ValueError: asked to fail$"):
        revisit(registry, run, both)


def test_what_is_only_counted_or_named_is_not_read(
    registry: Registry, run: StoredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"{arguments} was read")

    monkeypatch.setattr("identify_core.store.findings.read_array", refuse)
    monkeypatch.setattr(StoredRun, "weights", refuse)
    assert revisit(registry, run, '{type="norm"}').labels == ("norm",)
    page = (run.folder / "report.html").read_text()
    assert "<dt>losses</dt><dd>(replicate 3, float32)</dd>" in page
    assert "<dt>labels</dt><dd>labels (representation 3, text)</dd>" in page
