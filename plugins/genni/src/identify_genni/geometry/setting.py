"""What the geometric evaluators look at: a run's replicates and data in float64, and who is in the class at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import torch

from identify_core import OptionsError, Replicates, RunError, RunSubject, Subject
from identify_genni.geometry.projection import Projected, project
from identify_genni.geometry.residual import Residual, in_double
from identify_genni.layers import Structure, describe
from identify_genni.loss import target_energy
from identify_genni.units import State, standardise_norms


@attrs.frozen(kw_only=True, eq=False)
class Setting:
    """A run in float64.

    Args:
        replicates: in evaluation mode.
        structure: of their network.
        data: split name to inputs and targets.
        variance: Var(f*) on the first split.
        memory: bytes for Jacobians.
    """

    replicates: Replicates
    structure: Structure
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    variance: float
    memory: float

    @property
    def vectors(self) -> torch.Tensor:
        """The parameter vectors, (R, P)."""
        return self.replicates.vectors()

    @property
    def shares_buffers(self) -> bool:
        """Whether all replicates have the same buffers, so that any parameter vector means one function."""
        return all(bool((each == each[:1]).all()) for each in self.replicates.buffers.values())

    def state(self, replicate: int) -> State:
        """The named parameters and buffers of one replicate."""
        tensors = {**self.replicates.parameters, **self.replicates.buffers}
        return {name: each[replicate].clone() for name, each in tensors.items()}

    def residual(self, replicate: int, split: str, targets: torch.Tensor | None = None) -> Residual:
        """f − f* of one replicate on a split; or f less other targets."""
        inputs, own = self.data[split]
        return Residual(
            function=self.replicates.function(replicate),
            inputs=inputs,
            targets=own if targets is None else targets,
            memory=self.memory,
            together=self.replicates.strategy == "vmap",
        )

    def relative(self, split: str) -> torch.Tensor:
        """J/Var(f*) of every replicate on a split, (R,)."""
        vectors = self.vectors
        losses = [self.residual(r, split).losses(vectors[r : r + 1])[0] for r in range(len(vectors))]
        return torch.stack(losses) / self.variance

    def polished(self, replicate: int, split: str, tolerance: float) -> Projected:
        """One replicate moved to J/Var(f*) ≤ tolerance by Gauss–Newton, as near as it can be reached."""
        vector = self.vectors[replicate : replicate + 1]
        return project(self.residual(replicate, split), vector, tolerance=tolerance * self.variance, iterations=50)


def setting_of(
    subject: Subject, *, splits: Sequence[str], samples: int, memory: float, standardised: bool = False
) -> Setting:
    """The run under study in float64.

    Args:
        subject: of arity `run`.
        splits: names; those that the dataset does not have, or has no rows in, are left out, except the first.
        samples: rows of each split, from its beginning.
        memory: bytes for Jacobians.
        standardised: move running statistics into gains and offsets first.

    Raises:
        RunError: the subject is not a run.
        OptionsError: the first split does not exist, or the target does not vary on it.
    """
    run = subject.run
    if run is None:
        raise RunError("this evaluator studies a whole run, not single representations", hint="use `identify evaluate`")
    replicates = in_double(run.replicates).eval()
    structure = describe(replicates.template)
    if standardised and structure.known:
        replicates = _standardised(replicates, structure)
    data = {
        name: _rows(run, name, samples, replicates.device) for name in splits if len(run.samples.splits.get(name, ()))
    }
    if splits[0] not in data:
        known = ", ".join(sorted(name for name, rows in run.samples.splits.items() if len(rows)))
        raise OptionsError(f"the dataset has no samples in the split {splits[0]!r}; its splits: {known}")
    variance = float(target_energy(data[splits[0]][1]))
    if variance == 0:
        raise OptionsError(f"the target is constant on the split {splits[0]!r}, so J/Var(f*) means nothing")
    return Setting(replicates=replicates, structure=structure, data=data, variance=variance, memory=memory)


def chosen_replicates(wanted: Sequence[int], count: int) -> list[int]:
    """The replicates that options name, all where they name none.

    Raises:
        OptionsError: one does not exist.
    """
    for each in wanted:
        if not 0 <= each < count:
            raise OptionsError(f"there is no replicate {each}: the run has replicates 0 to {count - 1}")
    return list(dict.fromkeys(wanted)) or list(range(count))


def _rows(run: RunSubject, split: str, samples: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    part = run.samples.rows(run.samples.splits[split][:samples]).to(device, torch.float64)
    targets = part.tensor("y").double()
    return part.tensor("x"), targets.unsqueeze(-1) if targets.dim() == 1 else targets


def _standardised(replicates: Replicates, structure: Structure) -> Replicates:
    tensors = {**replicates.parameters, **replicates.buffers}
    states = [
        standardise_norms(structure, {name: each[r] for name, each in tensors.items()}) for r in range(replicates.count)
    ]
    stacked = {name: torch.stack([state[name] for state in states]) for name in tensors}
    named = {f"parameters/{name}": stacked[name] for name in replicates.parameters}
    named |= {f"buffers/{name}": stacked[name] for name in replicates.buffers}
    return Replicates.from_state(replicates.template, named, device=replicates.device, dtype=torch.float64).eval()
