"""Groups across runs, and the networks, samples and findings behind what is compared."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from identify_core import Evaluator, Finding, Representation, Score, Subject
from identify_core.cli.root import run_command_line
from identify_core.comparisons.comparison import Comparison, Request
from identify_core.comparisons.execution import ComparisonSurroundings, compare
from identify_core.comparisons.references import open_groups
from identify_core.contexts.display import SilentDisplay
from identify_core.errors import RunError, UsageError
from identify_core.hookspecs import hookimpl
from identify_core.plugins import Registry, load_registry
from identify_core.runs.engine import RunSurroundings, execute
from identify_core.spec import choose_evaluator, load_spec
from identify_core.store import Store, StoredRun
from identify_core.testing import toy_plugin


class Grouping:
    """Evaluators that look at groups, at networks and at earlier findings."""

    @hookimpl
    def identify_evaluators(self) -> Iterable[Evaluator]:
        needs = {"modules", "samples"}
        yield Evaluator(name="again", summary="", target="grouping:again", arity="group", requires=needs)
        yield Evaluator(name="spread", summary="", target="grouping:spread", arity="group")
        yield Evaluator(name="crossed", summary="", target="grouping:crossed", arity="pair", requires=needs)
        yield Evaluator(name="earlier", summary="", target="grouping:earlier", arity="run")


def hidden(each: Representation) -> np.ndarray[Any, Any]:
    """Its latents, computed again with its own network from its own run's samples."""
    test = each.run.samples.split("test")
    values: np.ndarray[Any, Any] = each.network.activations(test.tensor("x"), names=["1"])["1"][0].numpy()
    return values


def again(options: object, subject: Subject, context: object) -> Finding:
    errors = {each.label: float(np.abs(hidden(each) - each.values()).max()) for each in subject.representations}
    return Finding(summary=f"{len(errors)} computed again", scalars=errors)


def spread(options: object, subject: Subject, context: object) -> Iterator[Finding]:
    values = np.stack([each.values() for each in subject.representations])
    yield Finding(name="mean", scalars={"variance": values.var(0).mean(), "count": len(values)})
    yield Finding(name="labels", summary=", ".join(each.label for each in subject.representations))


def crossed(options: object, subject: Subject, context: object) -> Score:
    first, other = (hidden(each) for each in subject.representations)
    return Score(
        measure="crossed", value=float(np.linalg.norm(first - other)), larger_is="more distant", bounds=(0.0, np.inf),
        is_metric=True, invariant_to=(), n=len(first), widths=(4, 4), estimator="e", dtype="float32",
    )  # fmt: skip


def earlier(options: object, subject: Subject, context: object) -> Finding:
    assert subject.run is not None
    return Finding(summary=", ".join(subject.run.findings))


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    module = ModuleType("grouping")
    vars(module).update(again=again, spread=spread, crossed=crossed, earlier=earlier)
    sys.modules["grouping"] = module
    yield load_registry(only=("toy", "grouping"), extra={"toy": toy_plugin, "grouping": Grouping()})
    del sys.modules["grouping"]


@pytest.fixture(scope="module")
def store(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("groups") / "store")
    for name, steps in (("short", 10), ("long", 30)):
        evaluators = 'evaluators=[{type="grouping:spread"}, {type="grouping:earlier"}]'
        overrides = [f"name={name}", f"objective.steps={steps}", evaluators]
        spec = load_spec(registry, plugin="toy", preset="smoke", overrides=overrides)
        execute(spec, RunSurroundings(store=store, display=SilentDisplay()))
    return store


def make(registry: Registry, store: Store, *references: str, evaluator: str) -> Comparison:
    chosen = [choose_evaluator(registry, f"grouping:{evaluator}")]
    return compare(
        Request(groups=open_groups(references, store), evaluators=chosen, registry=registry),
        ComparisonSurroundings(store=store),
    )


def test_networks_of_several_runs_give_their_own_latents_again(registry: Registry, store: Store) -> None:
    comparison = make(registry, store, "short", "long[1]", evaluator="again")
    errors = comparison.findings["again"].scalars
    assert len(errors) == 4
    assert all(isinstance(error, float) and error < 1e-6 for error in errors.values()), errors
    stored = StoredRun(store.find(comparison.id, kind="comparison")).findings["again"].finding
    assert stored.scalars == errors


def test_a_group_sees_all_and_may_find_several_things(registry: Registry, store: Store) -> None:
    comparison = make(registry, store, "short", "long", evaluator="spread")
    assert list(comparison.findings) == ["spread.mean", "spread.labels"]
    values = [
        StoredRun(store.find(name)).latents["hidden"].values(replicate)
        for name in ("short", "long")
        for replicate in range(3)
    ]
    mean = comparison.findings["spread.mean"].scalars
    assert mean["count"] == 6
    assert mean["variance"] == pytest.approx(np.stack(values).var(0).mean())


def test_a_pair_of_two_runs_has_its_networks(registry: Registry, store: Store) -> None:
    matrix = make(registry, store, "short[0]", "long[2]", evaluator="crossed").findings["crossed"].arrays["value"]
    pair = [StoredRun(store.find(name)).latents["hidden"].values(k) for name, k in (("short", 0), ("long", 2))]
    assert matrix.values[0, 1] == pytest.approx(np.linalg.norm(pair[0] - pair[1]), rel=1e-5)


def test_what_an_array_lacks_is_the_reason_to_leave_an_evaluator_out(
    registry: Registry, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "a.npy"
    np.save(file, StoredRun(store.find("short")).latents["hidden"].values(0))
    with pytest.raises(UsageError, match=r"grouping:again: it needs modules, samples, which .*a.npy does not have"):
        make(registry, store, str(file), str(file), evaluator="again")
    with pytest.raises(RunError, match=r"a\.npy is latents alone: no run stands behind it"):
        _ = open_groups([str(file)], store)[0].representations[0].network


def test_in_a_run_a_group_is_its_replicates_and_earlier_findings_are_seen(store: Store) -> None:
    findings = StoredRun(store.find("short")).findings
    assert findings["spread.mean"].finding.scalars["count"] == 3
    seen = findings["earlier"].finding.summary.split(", ")
    assert {"spread.mean", "spread.labels"} <= set(seen)


def test_compare_prints_what_a_group_found(
    registry: Registry, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("identify_core.cli.invocation.Invocation.registry", lambda self: registry)
    status = run_command_line(
        ["--store", str(store.path), "compare", "short", "long[0]", "--evaluator", "grouping:again", "--quiet"]
    )
    assert status == 0
    assert "again: 4 computed again" in capsys.readouterr().out
