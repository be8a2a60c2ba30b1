"""Checks of models: a row is encoded by itself, evaluation leaves nothing to chance, and .to() moves everything."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from identify_core.plugins import Registered
from identify_core.testing.conformance.bench import Bench, item_of
from identify_core.testing.conformance.disturbance import disturbed
from identify_core.testing.conformance.material import Network, find_network, not_made
from identify_core.testing.conformance.questions import told
from identify_core.testing.conformance.record import NotApplicable

_CLOSE = 1e-4  # relative to the largest output: matrix products of other sizes sum in another order

Outputs = dict[str, torch.Tensor]


def builds(bench: Bench, registered: Registered) -> Iterator[str]:
    """It builds for sizes that it takes, has parameters, and gives one output a row."""
    network = find_network(bench, registered)
    module = network.build(torch.float32).eval()
    if not any(True for _ in module.parameters()):
        yield "it has no parameters, so there is nothing to train: assign layers to attributes, as in self.layer = ..."
    try:
        outputs = _encode(network, module, network.inputs)
    except Exception as error:  # noqa: BLE001 - a network may raise anything; it is what is told
        yield (
            f"called with inputs of shape {tuple(network.inputs.shape)} it fails: {told(error)}; where it takes more "
            "than "
            f'inputs, say how it is called in the class: encode = {{"{item_of(registered)}": lambda module, x: ...}}'
        )
        return
    if not outputs:
        yield (
            f"called with {len(network.inputs)} rows it gives no tensor of {len(network.inputs)} rows: keep the sample "
            "axis first"
        )


def encodes_rows(bench: Bench, registered: Registered) -> Iterator[str]:
    """In evaluation mode, alone, in another order and among others."""
    network, module, whole = _answering(bench, registered)
    order = torch.arange(len(network.inputs) - 1, -1, -1)
    turned = _encode(network, module, network.inputs[order])
    alone = _encode(network, module, network.inputs[:1])
    for name, values in whole.items():
        scale = _CLOSE * max(float(values.abs().max()), 1e-6)
        if not _near(turned.get(name), values[order], scale):
            yield (
                f"{_of(name)} depends on the order of the rows: keep the sample axis first, and let no layer mix the "
                "rows of a batch"
            )
        elif not _near(alone.get(name), values[:1], scale):
            yield (
                f"{_of(name)} of a row depends on the other rows, even in evaluation mode: use running statistics as "
                "BatchNorm does, and normalise over features, not over the batch"
            )


def is_deterministic(bench: Bench, registered: Registered) -> Iterator[str]:
    """In evaluation mode: the same outputs twice, and nothing changed by calling it."""
    network, module, _ = _answering(bench, registered)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = []
    for seed in (1, 2):
        with disturbed(seed):
            found.append(_encode(network, module, network.inputs))
    for name, values in found[0].items():
        if not torch.equal(values, found[1][name]):
            yield (
                f"{_of(name)} differs between two calls in evaluation mode: draw noise only where self.training is "
                "set, and return the mean otherwise"
            )
    with torch.no_grad():
        network.encode(module, network.inputs.clone())
    for name, value in module.state_dict().items():
        if not torch.equal(value, before[name]):
            yield f"{name} is changed by a call in evaluation mode: update it only where self.training is set"


def moves(bench: Bench, registered: Registered) -> Iterator[str]:
    """To another dtype, to the meta device, and to a GPU where there is one."""
    network, module, whole = _answering(bench, registered)
    left = dict(_left_behind(network.build(torch.float32)))
    for name, holds in left.items():
        advice = f"register it, self.register_buffer({name.split('.')[-1]!r}, ...), or make it an nn.Parameter"
        if holds == "networks":
            advice = "put them into an nn.ModuleList or an nn.ModuleDict"
        yield f"{name} holds {holds} that .to() does not move: {advice}"
    if left:
        return
    yield from _moves_to_double(network)
    yield from _moves_to_meta(network)
    if torch.cuda.is_available():
        moved = _encode(network, module.to("cuda"), network.inputs.to("cuda"))
        for name, values in whole.items():
            if not _near(moved[name].cpu(), values, 10 * _CLOSE * max(float(values.abs().max()), 1e-6)):
                yield f"{_of(name)} is another one on the GPU: make every tensor in forward on x.device"


def _moves_to_double(network: Network) -> Iterator[str]:
    module = network.build(torch.float64).eval()
    inputs = network.inputs.double() if network.inputs.is_floating_point() else network.inputs
    try:
        outputs = _encode(network, module, inputs)
    except RuntimeError as error:
        yield (
            f"in float64 it fails: {told(error)}: make tensors in forward like x, torch.zeros(..., dtype=x.dtype, "
            "device=x.device), and build no tensors in a fixed dtype"
        )
        return
    for name, values in outputs.items():
        if values.is_floating_point() and values.dtype is not torch.float64:
            yield f"{_of(name)} is {values.dtype} where the run asks for float64: cast to x.dtype, not to a fixed dtype"


def _moves_to_meta(network: Network) -> Iterator[str]:
    """The meta device holds no numbers: whatever meets it from another device has been left there."""
    module = network.build(torch.float32).eval().to("meta")
    try:
        _encode(network, module, network.inputs.to("meta"))
    except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
        # A network that looks at its numbers cannot be called here, which says nothing about where its tensors are.
        if "device" in str(error) and "meta" in str(error) and "item()" not in str(error):
            yield (
                f"moved to another device it fails: {told(error).partition(' Exception raised')[0]}: make tensors in "
                "forward on x.device, and register constants with register_buffer"
            )


def _answering(bench: Bench, registered: Registered) -> tuple[Network, nn.Module, Outputs]:
    """A network in evaluation mode and what it gives.

    Raises:
        NotApplicable: it gives nothing; model-built says why.
    """
    try:
        network = find_network(bench, registered)
        module = network.build(torch.float32).eval()
        whole = _encode(network, module, network.inputs)
    except NotApplicable:
        raise
    except Exception as error:
        raise not_made("model-built") from error
    if not whole:
        raise not_made("model-built")
    return network, module, whole


def _encode(network: Network, module: nn.Module, inputs: torch.Tensor) -> Outputs:
    """Every tensor with one entry a row among the outputs, by its place in them; the module stays as it is."""
    with torch.no_grad():
        return dict(_tensors(network.encode(copy.deepcopy(module), inputs.clone()), "", len(inputs)))


def _tensors(value: Any, place: str, rows: int) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        if value.ndim > 0 and len(value) == rows:
            yield place, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _tensors(each, f"{place}[{key!r}]", rows)
    elif isinstance(value, (tuple, list)):
        for index, each in enumerate(value):
            yield from _tensors(each, f"{place}[{index}]", rows)
    elif isinstance(value, torch.distributions.Distribution):
        yield from _tensors(value.mean, f"{place}.mean", rows)
    else:
        names: tuple[str, ...] = tuple(getattr(value, "__slots__", ())) or tuple(getattr(value, "__dict__", ()))
        for name in names:
            if not name.startswith("_"):
                yield from _tensors(getattr(value, name), f"{place}.{name}", rows)


def _left_behind(module: nn.Module) -> Iterator[tuple[str, str]]:
    """The attributes of a module and of those in it that hold tensors or networks which it does not know of."""
    known = {id(each) for each in (*module.parameters(), *module.buffers(), *module.modules())}
    for prefix, each in module.named_modules():
        for name, value in vars(each).items():
            if name in ("_parameters", "_buffers", "_modules"):
                continue
            parts = (
                value if isinstance(value, (list, tuple)) else value.values() if isinstance(value, dict) else [value]
            )
            unknown = [part for part in parts if isinstance(part, (torch.Tensor, nn.Module)) and id(part) not in known]
            if unknown:
                yield f"{prefix}.{name}".lstrip("."), "tensors" if isinstance(unknown[0], torch.Tensor) else "networks"


def _near(values: torch.Tensor | None, wanted: torch.Tensor, scale: float) -> bool:
    if values is None or values.shape != wanted.shape:
        return False
    difference = (values.double() - wanted.double()).abs()
    return bool((difference <= scale).all())


def _of(place: str) -> str:
    return f"the output{f' {place}' if place else ''}"
