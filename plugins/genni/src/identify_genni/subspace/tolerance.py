"""When a network counts as equivalent to the target, and what must be said when that means little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import torch

from identify_core import OptionsError
from identify_genni.loss import Reduction, mean_squared_error, target_energy

_NOTHING = 1e-6  # of the target's range: outputs that differ by less are the same output


@attrs.frozen(kw_only=True)
class Tolerance:
    """ε, and the J of the two functions that any network can reach without having learned anything.

    Args:
        absolute: networks with J up to this count as equivalent.
        constant: Var(f*), the J of the best constant function, which relative values are relative to.
        zero: E|f*|², the J of the zero function.
    """

    absolute: float
    constant: float
    zero: float

    @property
    def relative(self) -> float:
        """ε / Var(f*)."""
        return self.absolute / self.constant if self.constant else float("inf")


@attrs.frozen(kw_only=True)
class Net:
    """A network next to the target.

    Args:
        name: such as `replicate 3`.
        replicate: its number; None for a mean.
        loss: J.
        behaviour: `varies`, `constant` or `zero` over the inputs.
    """

    name: str
    replicate: int | None
    loss: float
    behaviour: str


def choose_tolerance(
    targets: torch.Tensor, *, relative: float, absolute: float | None, reduction: Reduction, batch_size: int
) -> Tolerance:
    """ε from the relative tolerance, or from the absolute one where it is given.

    Raises:
        OptionsError: the target is constant and only a relative tolerance is given.
    """
    targets = targets.double()
    constant = float(target_energy(targets, reduction=reduction, batch_size=batch_size))
    zero = float(target_energy(targets, reduction=reduction, batch_size=batch_size, centred=False))
    if absolute is None and constant <= 0:
        raise OptionsError(
            "the target is the same for all inputs, so that a tolerance relative to its variance means nothing",
            hint="set `epsilon_absolute`, or take another target",
        )
    return Tolerance(absolute=relative * constant if absolute is None else absolute, constant=constant, zero=zero)


def describe_net(
    name: str,
    replicate: int | None,
    outputs: torch.Tensor,
    targets: torch.Tensor,
    reduction: Reduction,
    batch_size: int,
) -> Net:
    """What one network does on the inputs.

    Args:
        name: what to call it.
        replicate: its number.
        outputs: (n, *out).
        targets: (n, *out).
        reduction: of J.
        batch_size: of J.
    """
    loss = float(mean_squared_error(outputs.double(), targets.double(), reduction=reduction, batch_size=batch_size))
    return Net(name=name, replicate=replicate, loss=loss, behaviour=behaviour(outputs, targets))


def behaviour(outputs: torch.Tensor, targets: torch.Tensor) -> str:
    """Whether outputs (n, *out) are `zero` or `constant` over the inputs, or a function that `varies`."""
    scale = _NOTHING * float((targets.amax(0) - targets.amin(0)).max())
    if not float((outputs.amax(0) - outputs.amin(0)).max()) <= scale:
        return "varies"
    return "zero" if float(outputs.abs().max()) <= scale else "constant"


def warn_of(nets: Sequence[Net], tolerance: Tolerance) -> Iterator[str]:
    """Sentences on nets that are not solutions, and on a tolerance that lets everything pass."""
    for reference, what in ((tolerance.zero, "zero"), (tolerance.constant, "best constant")):
        if tolerance.absolute >= reference:
            yield (
                f"ε = {tolerance.absolute:.3g} is {_times(tolerance.absolute, reference)} J of the {what} function, "
                "so that networks that learned nothing count as equivalent"
            )
    for net in nets:
        if net.behaviour != "varies":
            what = "is zero" if net.behaviour == "zero" else "gives the same output"
            yield f"{net.name} {what} on all inputs: it is dead or has learned a constant function"
        if not net.loss <= tolerance.absolute:
            beside = "no better than a constant function" if net.loss >= tolerance.constant else "not a solution"
            yield (
                f"{net.name} has J = {net.loss:.3g}, {_times(net.loss, tolerance.absolute)} ε, and is {beside}: "
                "the subspace leads through a point outside the class"
            )


def _times(value: float, reference: float) -> str:
    return f"{value / reference:.3g} times" if reference > 0 else "infinitely many times"
