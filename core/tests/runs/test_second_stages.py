"""Runs that read another run, and evaluators that read what was found before them: the same after an interruption."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import numpy as np
import pytest
import torch

import identify_core as ic
from identify_core.contexts.display import SilentDisplay
from identify_core.plugins import Registry, load_registry
from identify_core.runs.engine import Outcome, RunSurroundings, execute, resume
from identify_core.spec import load_spec
from identify_core.store import RunWriter
from identify_core.testing import toy_plugin

EVALUATORS = 'evaluators=[{type="staged:total"}, {type="staged:seen"}, {type="staged:total", label="again"}]'


@attrs.frozen
class ProbeOptions:
    """Options of `probe`."""

    run: str = ic.option("@last", help="Whose latents the probes read.")


class Staged:
    """Linear probes of a stored run's latents, and evaluators that look at what was found before them."""

    @ic.hookimpl
    def identify_models(self) -> Iterable[ic.Model]:
        yield ic.Model(name="affine", summary="", target="staged:build")

    @ic.hookimpl
    def identify_objectives(self) -> Iterable[ic.Objective]:
        yield ic.Objective(name="probe", summary="", options=ProbeOptions, target="staged:probe")

    @ic.hookimpl
    def identify_evaluators(self) -> Iterable[ic.Evaluator]:
        yield ic.Evaluator(name="total", summary="", target="staged:total", arity="run")
        yield ic.Evaluator(name="seen", summary="", target="staged:seen", arity="run")


def build(options: Any, shape: ic.Shape, context: ic.Context) -> torch.nn.Module:
    return torch.nn.Linear(4, 1)


def probe(
    options: ProbeOptions, replicates: ic.Replicates, samples: ic.Samples, context: ic.Context
) -> Iterator[ic.Latents]:
    """Each probe is fitted on the stored replicate of its own number."""
    joined = ic.join_latents(options.run, "hidden", samples, context)
    rows = joined.numbers[np.argsort(joined.places)]
    own = torch.stack([torch.cat(list(joined.read(k, rows, context))) for k in range(replicates.count)])

    def loss(call: ic.Call, batch: ic.Batch) -> torch.Tensor:
        error: torch.Tensor = call(batch["h"]) - batch["y"]
        return error.square().mean()

    columns = {"y": samples.tensor("y")[torch.as_tensor(rows)]}
    ic.fit(replicates, loss, columns, own={"h": own}, steps=15, optimiser=ic.Adam(learning_rate=0.1), context=context)
    context.open_run(options.run)
    yield ic.Latents(name="hidden", values=replicates.map(lambda call, h: call(h), own, shared=False), split="test")


def total(options: Any, subject: ic.Subject, context: ic.Context) -> ic.Finding:
    assert subject.run is not None
    return ic.Finding(summary="a sum", scalars={"total": float(subject.run.latents["hidden"][0].values().sum())})


def seen(options: Any, subject: ic.Subject, context: ic.Context) -> ic.Finding:
    assert subject.run is not None
    earlier = {label: finding.scalars["total"] for label, finding in subject.run.findings.items() if label == "total"}
    return ic.Finding(summary=", ".join(subject.run.findings), scalars=earlier)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    module = ModuleType("staged")
    vars(module).update(build=build, probe=probe, total=total, seen=seen)
    sys.modules["staged"] = module
    yield load_registry(only=("toy", "staged"), extra={"toy": toy_plugin, "staged": Staged()})
    del sys.modules["staged"]


class StopAt:
    """Counts the questions whether to stop, and says yes to one of them."""

    def __init__(self, question: int = 0) -> None:
        self.question, self.asked = question, 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked == self.question


DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def first(registry: Registry, store: ic.Store, *overrides: str) -> Outcome:
    spec = load_spec(registry, plugin="toy", preset="smoke", overrides=overrides)
    return execute(spec, RunSurroundings(store=store, display=SilentDisplay()))


def second(registry: Registry, store: ic.Store, reference: str, stop: StopAt, device: str = "cpu") -> Outcome:
    overrides = [
        f"device='{device}'",
        "model={type='staged:affine'}",
        f"objective={{type='staged:probe', run='{reference}'}}",
        EVALUATORS,
    ]
    spec = load_spec(registry, plugin="toy", preset="smoke", overrides=overrides)
    return execute(spec, RunSurroundings(store=store, display=SilentDisplay(), stop_requested=stop))


def resumed(registry: Registry, store: ic.Store) -> Outcome:
    staged = store.find("@last", statuses=("interrupted",))
    with RunWriter.resume(store, staged.id) as writer:
        spec = load_spec(registry, file=writer.folder / "spec.toml")
        return resume(spec, RunSurroundings(store=store, display=SilentDisplay()), writer)


def left(outcome: Outcome) -> tuple[Any, ...]:
    run = ic.StoredRun.open(outcome.folder)
    assert outcome.failures == {}
    found = {label: (each.finding.summary, each.finding.scalars) for label, each in run.findings.items()}
    return [run.latents["hidden"].values(k).tolist() for k in range(3)], found, run.document["opened"]


@pytest.mark.parametrize("device", DEVICES)
def test_a_second_stage_interrupted_anywhere_ends_with_the_same_bits(
    registry: Registry, tmp_path: Path, device: str
) -> None:
    """Although `@last` is another run by the time it is resumed."""
    asked = StopAt()
    store = ic.Store(tmp_path / "whole")
    made = first(registry, store)
    whole, found, opened = left(second(registry, store, "@last", asked, device))
    assert opened == {"@last": made.run_id}
    assert found["seen"] == ("total", found["total"][1])
    assert found["again"] == found["total"]
    for question in (1, asked.asked // 2, *range(asked.asked - 3, asked.asked + 1)):
        store = ic.Store(tmp_path / f"broken-{question}")
        made = first(registry, store)
        with pytest.raises(ic.Interrupted):
            second(registry, store, "@last", StopAt(question), device)
        first(registry, store, "seed=7")
        latents, again, opened = left(resumed(registry, store))
        assert (latents, again) == (whole, found)
        assert opened == {"@last": made.run_id}


def test_a_run_that_is_gone_by_then_is_said(registry: Registry, tmp_path: Path) -> None:
    store = ic.Store(tmp_path / "store")
    made = first(registry, store, "name='first'")
    with pytest.raises(ic.Interrupted):
        second(registry, store, "first", StopAt(5))
    store.remove(store.find(made.run_id))
    first(registry, store, "name='first'", "seed=7")
    with pytest.raises(ic.StoreError, match=made.run_id):
        resumed(registry, store)
