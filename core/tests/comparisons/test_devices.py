"""What has networks behind it is compared on the device that was asked for, with the numbers that numpy gives."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import identify_core as ic
from identify_core.comparisons.comparison import Request
from identify_core.comparisons.execution import ComparisonSurroundings, compare
from identify_core.comparisons.references import open_groups
from identify_core.contexts.display import SilentDisplay
from identify_core.plugins import Registry, load_registry
from identify_core.runs.engine import RunSurroundings, execute
from identify_core.spec import choose_evaluator, load_spec
from identify_core.testing import toy_plugin

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


class Devices:
    """Evaluators of pairs together, with a direction, and of a group, all of which need networks."""

    @ic.hookimpl
    def identify_evaluators(self) -> Iterable[ic.Evaluator]:
        needs = {"modules", "samples"}
        directed = {"arity": "pair", "together": True, "symmetric": False, "larger_is": "more distant"}
        yield ic.Evaluator(name="left-over", summary="", target="devices:left_over", requires=needs, **directed)
        yield ic.Evaluator(name="spread", summary="", target="devices:spread", arity="group", requires=needs)


def hidden(each: ic.Representation, context: ic.Context) -> torch.Tensor:
    """Its latents, computed again on the device."""
    network = each.network
    assert network.device.type == context.device.type
    inputs = each.run.samples.split("test").tensor("x").to(context.device)
    return network.activations(inputs, names=["1"])["1"][0].to(context.dtype)


def left_over(options: object, subjects: Sequence[ic.Subject], context: ic.Context) -> list[ic.Score]:
    """1 − R² of the least squares from every source to every target, all pairs in one call."""
    sources = torch.stack([hidden(each.source, context) for each in subjects])
    targets = torch.stack([hidden(each.target, context) for each in subjects])
    design = torch.cat([sources, torch.ones_like(sources[:, :, :1])], dim=2)
    rest = targets - design @ (torch.linalg.pinv(design) @ targets)
    centred = targets - targets.mean(1, keepdim=True)
    values = rest.square().sum((1, 2)) / centred.square().sum((1, 2))
    return [
        ic.Score(
            measure="left over", value=value, larger_is="more distant", bounds=(0.0, 1.0), is_metric=False,
            invariant_to=(), n=sources.shape[1], widths=(4, 4), estimator="e", dtype="float64",
        )
        for value in values.tolist()
    ]  # fmt: skip


def spread(options: object, subject: ic.Subject, context: ic.Context) -> ic.Finding:
    values = torch.stack([hidden(each, context) for each in subject.representations])
    return ic.Finding(summary="", scalars={"variance": float(values.var(0, correction=0).mean())})


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    module = ModuleType("devices")
    vars(module).update(left_over=left_over, spread=spread)
    sys.modules["devices"] = module
    yield load_registry(only=("toy", "devices"), extra={"toy": toy_plugin, "devices": Devices()})
    del sys.modules["devices"]


def latents(store: ic.Store) -> list[np.ndarray[Any, Any]]:
    stored = store.open("nets").latents["hidden"]
    return [np.asarray(stored.values(replicate), dtype=np.float64) for replicate in range(stored.count)]


@pytest.mark.parametrize("device", DEVICES)
def test_networks_are_compared_on_the_device(registry: Registry, tmp_path: Path, device: str) -> None:
    store = ic.Store(tmp_path / "store")
    spec = load_spec(registry, plugin="toy", preset="smoke", overrides=["name='nets'", f"device='{device}'"])
    execute(spec, RunSurroundings(store=store, display=SilentDisplay()))
    chosen = [choose_evaluator(registry, f"devices:{name}") for name in ("left-over", "spread")]
    request = Request(groups=open_groups(["nets"], store), evaluators=chosen, registry=registry, device=device)
    found = compare(request, ComparisonSurroundings(store=store)).findings
    values = latents(store)
    expected = np.zeros((3, 3))
    for i, source in enumerate(values):
        for j, target in enumerate(values):
            design = np.column_stack([source, np.ones(len(source))])
            rest = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
            expected[i, j] = np.square(rest).sum() / np.square(target - target.mean(0)).sum()
    np.testing.assert_allclose(found["left-over"].arrays["value"].values, expected, rtol=1e-4, atol=1e-9)
    assert not np.allclose(expected, expected.T)
    assert found["spread"].scalars["variance"] == pytest.approx(np.stack(values).var(0).mean(), rel=1e-4)
    assert store.open(f"{store.comparisons()[0].id}", kind="comparison").document["provenance"]["device"] == device
