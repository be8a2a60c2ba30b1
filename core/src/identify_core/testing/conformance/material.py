"""Material for checks of single components: contexts, samples, and networks with inputs for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import torch
from torch import nn

from identify_core.contexts.context import Context
from identify_core.data import Samples, Shape
from identify_core.errors import IdentifyError, PluginError, SpecError
from identify_core.evaluation import targets
from identify_core.plugins import Registered
from identify_core.spec import Chosen, ResolvedSpec
from identify_core.testing.conformance.bench import Bench, Trial, item_of
from identify_core.testing.conformance.disturbance import disturbed
from identify_core.testing.conformance.record import NotApplicable

SEED = 20
ROWS = 8
# Sizes that architectures of one kind or another take, for models that no dataset of their plugin fits.
SHAPES = (
    *(Shape(inputs=(width,), outputs=(outputs,)) for width in (3, 8) for outputs in (1, 3)),
    *(Shape(inputs=size, outputs=(3,)) for size in ((1, 16, 16), (1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 224, 224))),
)


def make_context(
    bench: Bench, spec: ResolvedSpec | None, name: str, *, seed: int = SEED, dtype: torch.dtype | None = None
) -> Context:
    """A context on the CPU, such as a run of `spec` would give; its scratch folder is new."""
    wanted: torch.dtype = getattr(torch, spec.dtype) if spec is not None else torch.float32
    return Context(
        device=torch.device("cpu"),
        dtype=dtype or wanted,
        seed=seed,
        count=3,
        scratch=bench.scratch("scratch", name),
        build=None if spec is None or spec.model is None else targets.model_builder(spec.model),
    )


def require_target(registered: Registered) -> None:
    """Say nothing of a component whose target is not there.

    Raises:
        NotApplicable: it cannot be imported.
    """
    try:
        registered.component.load()
    except PluginError as error:
        raise NotApplicable("its target cannot be imported; targets says why") from error


def make_samples(bench: Bench, registered: Registered, *, disturbance: int = 0) -> Samples:
    """The dataset's samples, in a context of their own; the same arguments give those made before.

    Args:
        bench: the plugin.
        registered: a dataset.
        disturbance: the state of the global generators meanwhile.

    Raises:
        NotApplicable: nothing gives its options, or its target is not there.
        Exception: whatever the dataset raises.
    """
    require_target(registered)
    key = ("samples", item_of(registered), disturbance)
    if key not in bench.shared:
        trial = bench.trial(registered)
        try:
            with disturbed(disturbance):
                context = make_context(bench, trial.spec, item_of(registered))
                bench.shared[key] = targets.make_samples(trial.chosen, context)
        except Exception as error:  # noqa: BLE001 - told by one check, and the reason why others say nothing
            bench.shared[key] = error
    made = bench.shared[key]
    if isinstance(made, Exception):
        raise made
    samples: Samples = made
    return samples


@attrs.frozen(kw_only=True, eq=False)
class Network:
    """A way to build one network of a model, and inputs for it.

    Args:
        build: gives a new network of one dtype, always with the same parameters.
        inputs: (n, ...).
        encode: how it is called: (module, x) -> outputs.
        shape: for which it is built.
    """

    build: Callable[[torch.dtype], nn.Module]
    inputs: torch.Tensor
    encode: Callable[[nn.Module, torch.Tensor], Any]
    shape: Shape


def find_network(bench: Bench, registered: Registered) -> Network:
    """The model with sizes that it takes: the author's, else those of the plugin's datasets, else some common ones.

    Raises:
        NotApplicable: nothing gives its options.
        SpecError: it takes none of the sizes; the message says how to name some.
    """
    key = ("network", item_of(registered))
    if key not in bench.shared:
        bench.shared[key] = _find_network(bench, registered)
    network: Network = bench.shared[key]
    return network


def _find_network(bench: Bench, registered: Registered) -> Network:
    item = item_of(registered)
    require_target(registered)
    trial = bench.trial(registered)
    refusals: list[str] = []
    for shape, inputs in _candidates(bench, trial, item):
        try:
            _build(bench, trial.chosen, shape, torch.float32)
        except SpecError as error:  # what OptionsError becomes: sizes that it cannot take
            refusals.append(error.message)
            continue
        encode = bench.settings.encode.get(item, lambda module, x: module(x))
        return Network(
            build=lambda dtype, shape=shape: _build(bench, trial.chosen, shape, dtype),  # type: ignore[misc]
            inputs=inputs,
            encode=encode,
            shape=shape,
        )
    raise SpecError(
        f"the model takes none of the sizes that were tried; it says: {refusals[-1] if refusals else 'nothing'}",
        hint=f'name sizes that it takes in the class, inputs and outputs: shapes = {{"{item}": ((3, 32, 32), (10,))}}',
    )


def _candidates(bench: Bench, trial: Trial, item: str) -> Iterator[tuple[Shape, torch.Tensor]]:
    """Sizes and inputs, the likeliest first."""
    if item in bench.settings.shapes:
        inputs, outputs = bench.settings.shapes[item]
        yield _drawn(Shape(inputs=inputs, outputs=outputs))
        return
    own = trial.spec.dataset.registered if trial.spec is not None else None
    datasets = [*([own] if own is not None else []), *bench.components("dataset")]
    for dataset in datasets:
        try:
            samples = make_samples(bench, dataset)
            yield samples.shape, samples.tensor("x")[:ROWS]
        except Exception:  # noqa: BLE001 - samples-made tells it; here it is one candidate less
            continue
    yield from (_drawn(shape) for shape in SHAPES)


def _drawn(shape: Shape) -> tuple[Shape, torch.Tensor]:
    return shape, torch.randn(ROWS, *shape.inputs, generator=torch.Generator().manual_seed(SEED))


def _build(bench: Bench, chosen: Chosen, shape: Shape, dtype: torch.dtype) -> nn.Module:
    context = Context(
        device=torch.device("cpu"),
        dtype=dtype,
        seed=SEED,
        count=3,
        scratch=bench.scratch("scratch", f"model:{chosen.registered.name}"),
        build=targets.model_builder(chosen),
    )
    return context.build_model(shape, replicate=0)


def expected(error: Exception) -> bool:
    """Whether it is an error that a user can act on, rather than a defect."""
    return isinstance(error, IdentifyError)


def not_made(check: str) -> NotApplicable:
    """What a check says where another one has already told what is wrong."""
    return NotApplicable(f"there is nothing to look at; {check} says why")
