"""The outcome of training to a target: for every replicate what it reached, and whether it can count as equivalent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np
import torch

from identify_core import Finding, Replicates, Table, row_blocks, squared_error
from identify_genni.loss import Reduction, losses_of, target_energy

Status = Literal["converged", "not converged", "constant", "dead", "diverged"]

_ROWS_FOR_GRADIENT = 4096
_ROWS_AT_ONCE = 2048


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """One split's inputs and targets on the run's device.

    Args:
        inputs: (n, ...).
        targets: (n, *out).
        reduction: how J is averaged over it.
        variance: Var(f*), the J of the best constant function.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    reduction: Reduction
    variance: float

    @classmethod
    def of(cls, inputs: torch.Tensor, targets: torch.Tensor, reduction: Reduction) -> Split:
        """A split with its variance."""
        variance = float(target_energy(targets.double(), reduction=reduction))
        return cls(inputs=inputs, targets=targets, reduction=reduction, variance=variance)

    def losses(self, replicates: Replicates) -> torch.Tensor:
        """J of every replicate, (R,), float64."""
        return losses_of(replicates, self.inputs, self.targets, reduction=self.reduction)

    def relative(self, replicates: Replicates) -> torch.Tensor:
        """J/Var(f*) of every replicate, (R,), float64."""
        return self.losses(replicates) / self.variance


@attrs.frozen(kw_only=True, eq=False)
class Outputs:
    """What the outputs of every replicate on the training inputs look like, each (R,), float64, on the CPU.

    Args:
        spread: the variance of the outputs over samples, averaged over output dimensions.
        range: the largest less the smallest output, the largest over output dimensions; 0 for a constant function.
        largest: the largest magnitude.
        gradient: the length of J's gradient on up to 4096 training inputs.
    """

    spread: torch.Tensor
    range: torch.Tensor
    largest: torch.Tensor
    gradient: torch.Tensor

    @classmethod
    def of(cls, replicates: Replicates, train: Split) -> Outputs:
        """Look at replicates in evaluation mode."""
        parts = []
        with torch.no_grad():
            for block in torch.split(train.inputs, _ROWS_AT_ONCE):
                parts.append(replicates(block).double().flatten(2))
        values = torch.cat(parts, dim=1)
        rows = slice(0, _ROWS_FOR_GRADIENT)
        _, gradient, _ = replicates.loss_vectors(
            squared_error(), {"x": train.inputs[rows], "y": train.targets[rows]}, shared=True
        )
        return cls(
            spread=values.var(1, correction=0).mean(-1).cpu(),
            range=(values.amax(1) - values.amin(1)).amax(-1).cpu(),
            largest=values.abs().amax((1, 2)).cpu(),
            gradient=torch.linalg.vector_norm(gradient.double(), dim=1).cpu(),
        )


@attrs.define(kw_only=True, eq=False)
class Attempt:
    """What every replicate reached in its best attempt so far; the fields are (R,), on the CPU, unless it is said.

    Args:
        relative: J/Var(f*) on the split that decides.
        reasons: why the training of the kept attempt ended.
        steps: gradient steps of the kept attempt.
        polishing: how the polishing of the kept attempt ended, in words; empty where there was none.
        tried: attempts so far.
        kept: which attempt the weights are of, from 1.
        initial: the parameter vectors that the kept attempt began with, (R, P).
    """

    relative: torch.Tensor
    reasons: list[str]
    steps: torch.Tensor
    polishing: list[str]
    tried: torch.Tensor
    kept: torch.Tensor
    initial: torch.Tensor

    def converged(self, tolerance: float) -> torch.Tensor:
        """Who has converged, (R,); a diverged replicate never has."""
        diverged = torch.tensor([reason == "diverged" for reason in self.reasons])
        return (self.relative <= tolerance) & ~diverged

    def better(self, row: int, other: Attempt, other_row: int) -> bool:
        """Whether a row reached a lower J than a row of another attempt; one that diverged is never better."""
        if self.reasons[row] == "diverged" or not bool(self.relative[row].isfinite()):
            return False
        before = other.relative[other_row]
        lost = other.reasons[other_row] == "diverged" or not bool(before.isfinite())
        return lost or bool(self.relative[row] < before)

    def take(self, row: int, other: Attempt, other_row: int) -> None:
        """Put a row of another attempt in the place of one of these; how often it was tried stays."""
        self.relative[row] = other.relative[other_row]
        self.reasons[row] = other.reasons[other_row]
        self.steps[row] = other.steps[other_row]
        self.polishing[row] = other.polishing[other_row]
        self.kept[row] = other.kept[other_row]
        self.initial[row] = other.initial[other_row]


def statuses(
    attempt: Attempt, outputs: Outputs, *, tolerance: float, variance: float, constant_below: float
) -> list[Status]:
    """Name what became of every replicate.

    `dead`: the same output for every training input and a gradient of exactly 0, so that training can never move it.
    `constant`: its outputs vary less than `constant_below` of Var(f*).
    """
    named: list[Status] = []
    for r, converged in enumerate(attempt.converged(tolerance).tolist()):
        if attempt.reasons[r] == "diverged" or not np.isfinite(float(attempt.relative[r])):
            named.append("diverged")
        elif converged:
            named.append("converged")
        elif float(outputs.range[r]) == 0 and float(outputs.gradient[r]) == 0:
            named.append("dead")
        elif float(outputs.spread[r]) < constant_below * variance:
            named.append("constant")
        else:
            named.append("not converged")
    return named


def outcome_finding(
    replicates: Replicates,
    splits: Mapping[str, Split],
    attempt: Attempt,
    *,
    tolerance: float,
    measured_on: str,
    constant_below: float,
) -> Finding:
    """The finding `outcome`: a table with a row a replicate, the initial parameter vectors, and what could mislead."""
    replicates = replicates.eval()
    outputs = Outputs.of(replicates, splits["train"])
    named = statuses(
        attempt,
        outputs,
        tolerance=tolerance,
        variance=splits["train"].variance,
        constant_below=constant_below,
    )
    losses = {name: split.losses(replicates).cpu() for name, split in splits.items()}
    relative = {name: losses[name] / split.variance for name, split in splits.items()}
    columns: dict[str, Sequence[Any]] = {
        "replicate": range(replicates.count),
        "status": named,
        **{f"J {_words(name)}": values.tolist() for name, values in losses.items()},
        **{f"J/Var(f*) {_words(name)}": values.tolist() for name, values in relative.items()},
        "largest error held-out": _largest_error(replicates, splits["test"]).tolist(),
        "gradient": outputs.gradient.tolist(),
        "steps": attempt.steps.tolist(),
        "ended by": attempt.reasons,
        **({"polishing": attempt.polishing} if any(attempt.polishing) else {}),
        "attempts": attempt.tried.tolist(),
        "kept attempt": attempt.kept.tolist(),
    }
    counts = Counter(named)
    deciding = attempt.relative
    finite = deciding[deciding.isfinite()]
    return Finding(
        name="outcome",
        summary=_summary(counts, replicates.count, tolerance, measured_on),
        scalars={
            "converged": counts["converged"],
            "converged-part": counts["converged"] / replicates.count,
            "best-relative": float(finite.min()) if len(finite) else float("nan"),
            "median-relative": float(finite.median()) if len(finite) else float("nan"),
            "dead": counts["dead"],
            "constant": counts["constant"],
            "diverged": counts["diverged"],
            "tolerance": tolerance,
            "target-variance": splits[measured_on].variance,
        },
        tables={
            "replicates": Table(
                columns=tuple(columns),
                rows=list(zip(*columns.values(), strict=True)),
                caption=f"What each replicate reached; converged means J/Var(f*) ≤ {tolerance:g} on "
                f"{_words(measured_on)} inputs.",
            )
        },
        arrays={
            "relative": (
                ("replicate",),
                attempt.relative.numpy(),
                f"J/Var(f*) on the split {measured_on!r}, by which a replicate has converged",
            ),
            "initial": (
                ("replicate", "parameter"),
                attempt.initial.cpu().numpy(),
                "the parameter vectors that the kept attempts began with",
            ),
        },
        conventions=_conventions(splits, measured_on, tolerance, constant_below),
        warnings=_warnings(named, tolerance),
    )


def _words(split: str) -> str:
    return {"train": "training", "test": "held-out", "ood": "out of distribution"}.get(split, split)


def _largest_error(replicates: Replicates, split: Split) -> torch.Tensor:
    largest = torch.zeros(replicates.count, dtype=torch.float64, device=split.inputs.device)
    with torch.no_grad():
        for rows in row_blocks(len(split.inputs), _ROWS_AT_ONCE):
            error = (replicates(split.inputs[rows]) - split.targets[rows]).abs().flatten(1).amax(1).double()
            largest = torch.maximum(largest, error)
    return largest.cpu()


def _summary(counts: Counter[Status], total: int, tolerance: float, measured_on: str) -> str:
    others = [f"{counts[each]} {each}" for each in ("not converged", "constant", "dead", "diverged") if counts[each]]
    rest = f"; {', '.join(others)}" if others else ""
    return (
        f"{counts['converged']} of {total} replicates reached the target within J/Var(f*) ≤ {tolerance:g} on "
        f"{_words(measured_on)} inputs{rest}."
    )


def _conventions(
    splits: Mapping[str, Split], measured_on: str, tolerance: float, constant_below: float
) -> dict[str, str]:
    deciding = splits[measured_on]
    how = "all inputs" if deciding.reduction == "mean" else "batches of 256 inputs, each averaged by itself"
    return {
        "J": f"squared error, mean over {how} and output dimensions, in evaluation mode",
        "Var(f*)": f"variance of the target function f*, the J of the best constant; {deciding.variance:.6g} here",
        "tolerance": f"J/Var(f*) ≤ {tolerance:g} on the split {measured_on!r}; Var(f*) = {deciding.variance:.6g} there",
        "dead": "the same output for every training input and a gradient of exactly 0",
        "constant": f"outputs vary less than {constant_below:g} of Var(f*) over the training inputs",
    }


def _warnings(named: Sequence[Status], tolerance: float) -> list[str]:
    said = []
    if "converged" not in named:
        said.append(
            f"no replicate reached J/Var(f*) ≤ {tolerance:g}: what is found around them is not an equivalence class of "
            "the target"
        )
    for status, why in (
        ("dead", "they give one output for all inputs, and training can never move them"),
        ("constant", "the set around them is that of a constant function, not of the target"),
    ):
        rows = [str(r) for r, each in enumerate(named) if each == status]
        if rows:
            said.append(f"{status} replicates: {', '.join(rows)}; {why}")
    return said
