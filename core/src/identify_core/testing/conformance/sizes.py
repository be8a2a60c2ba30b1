"""A check of what datasets and models say that they allocate: it is what they allocate."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from identify_core.components import load_target
from identify_core.plugins import Registered
from identify_core.sizes import Known, Sizes
from identify_core.testing.conformance.bench import Bench
from identify_core.testing.conformance.material import find_network, make_samples
from identify_core.testing.conformance.record import NotApplicable


def are_told(bench: Bench, registered: Registered) -> Iterator[str]:
    """Rows and shapes are those of the samples, bytes not fewer than theirs, parameters those of the network."""
    target = registered.component.sizes
    if not target:
        raise NotApplicable('it does not say what it allocates; sizes="module:function" in its record would')
    yield from _of_samples(bench, registered) if registered.kind == "dataset" else _of_network(bench, registered)


def _of_samples(bench: Bench, registered: Registered) -> Iterator[str]:
    samples = make_samples(bench, registered)
    told = _told(bench, registered, Known(replicates=1, itemsize=4))
    tensors = [each for each in samples.columns.values() if isinstance(each, torch.Tensor)]
    held = sum(each.element_size() * each.numel() for each in tensors)
    if told.samples is not None and told.samples != len(samples.ids):
        yield f"its sizes tell {told.samples} samples, but it makes {len(samples.ids)}: count the rows of all splits"
    if told.inputs is not None and told.inputs != samples.shape.inputs:
        yield f"its sizes tell inputs of shape {told.inputs}, but they have {samples.shape.inputs}"
    if told.factors is not None and told.factors != len(samples.factors):
        yield f"its sizes tell {told.factors} factors, but it has {len(samples.factors)}"
    if sum(told.parts.values()) < held:
        yield (
            f"its sizes tell {sum(told.parts.values())} bytes, but its columns hold {held}: add what is held when "
            "all is there"
        )


def _of_network(bench: Bench, registered: Registered) -> Iterator[str]:
    network = find_network(bench, registered)
    known = Known(replicates=1, itemsize=4, inputs=network.shape.inputs, outputs=network.shape.outputs)
    told = _told(bench, registered, known)
    held = sum(each.numel() for each in network.build(torch.float32).parameters())
    if told.parameters is not None and told.parameters != held:
        yield f"its sizes tell {told.parameters} parameters, but a replicate has {held}: count biases too"


def _told(bench: Bench, registered: Registered, known: Known) -> Sizes:
    sizes: Sizes = load_target(registered.component.sizes)(bench.trial(registered).chosen.options, known)
    return sizes
