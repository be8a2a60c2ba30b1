"""Where a subspace goes: through solutions, along flat directions or symmetries, at random, or along their spread."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch.func import jvp

from identify_core import OptionsError, Replicates
from identify_genni.geometry.jacobian import jacobian
from identify_genni.geometry.null_space import null_directions
from identify_genni.layers import describe
from identify_genni.options.subspace import SubspaceOptions
from identify_genni.subspace.basis import Subspace, span_directions, span_points
from identify_genni.symmetries.tangents import symmetry_tangents

_FULL_DECOMPOSITION = 2000  # parameters up to which a P × P matrix is made
_RANK = 1e-8  # singular values below this part of the largest are none


@attrs.frozen(kw_only=True, eq=False)
class Solutions:
    """The replicates that a subspace may go through.

    Args:
        replicates: in float64.
        losses: J of each on the evaluation inputs, (R,); infinite where it diverged.
        tolerance: ε, absolute.
        x: the evaluation inputs in float64, (n, *in).
    """

    replicates: Replicates
    losses: Sequence[float]
    tolerance: float
    x: torch.Tensor

    @property
    def ranking(self) -> list[int]:
        """The replicates with finite J, the best first."""
        finite = [r for r, loss in enumerate(self.losses) if loss < float("inf")]
        return sorted(finite, key=lambda r: (self.losses[r], r))

    def vector(self, replicate: int) -> torch.Tensor:
        """The parameters of one replicate, (P,)."""
        return self.replicates.vectors()[replicate]


@attrs.frozen(kw_only=True, eq=False)
class Placed:
    """A subspace and the replicates that it was laid through.

    Args:
        subspace: the subspace.
        centre: the replicate at the origin; None for a mean.
        members: the replicates that set its extent: those on it, or those whose spread it shows.
    """

    subspace: Subspace
    centre: int | None
    members: tuple[int, ...]


def place_subspace(options: SubspaceOptions, solutions: Solutions, generator: torch.Generator) -> Placed:
    """The subspace that the options ask for.

    Raises:
        OptionsError: a replicate does not exist or diverged, there are too few, or the directions are not independent.
    """
    ranking = solutions.ranking
    if not ranking:
        raise OptionsError("no replicate has a finite J: every one of them diverged")
    for replicate in (*options.through, *(() if options.centre is None else (options.centre,))):
        _check_replicate(replicate, solutions)
    if options.directions == "principal":
        return _principal(options, solutions)
    centre = ranking[0] if options.centre is None else options.centre
    if options.directions == "solutions":
        return _through_solutions(options, solutions, centre)
    if options.through:
        raise OptionsError(
            f"`through` names replicates, but the directions are {options.directions!r}",
            hint="leave `through` out, or set directions = 'solutions'",
        )
    count = options.dimension
    if options.directions == "null-space":
        directions = flattest_directions(solutions, centre, count, generator)
        names = [f"flat direction {k + 1}" for k in range(count)]
    elif options.directions == "symmetry":
        directions, names = longest_tangents(solutions.replicates, centre, count)
    else:
        shape = (count, solutions.replicates.parameter_count)
        directions = torch.randn(shape, generator=generator, dtype=torch.float64)
        if options.filter_normalised:
            directions = normalise_filters(directions, solutions.replicates, centre)
        names = [f"random direction {k + 1}" for k in range(count)]
    subspace = span_directions(solutions.vector(centre), directions, names=names, centre_name=replicate_name(centre))
    return Placed(subspace=subspace, centre=centre, members=(centre,))


def replicate_name(replicate: int) -> str:
    """What tables, legends and messages call a replicate."""
    return f"replicate {replicate}"


def _through_solutions(options: SubspaceOptions, solutions: Solutions, centre: int) -> Placed:
    count = options.dimension
    others = [r for r in solutions.ranking if r != centre]
    through = list(options.through) or others[:count]
    if centre in through:
        raise OptionsError(
            f"`through` names the centre, replicate {centre}: the direction from a point to itself is zero",
            hint="leave it out, or choose another centre",
        )
    if len(through) != count:
        raise OptionsError(
            f"{count} directions through solutions need {count} replicates next to the centre, and "
            + (f"`through` names {len(through)}" if options.through else f"only {len(through)} are usable"),
            hint="change `dimension` or `through`, or train more replicates",
        )
    vectors = solutions.replicates.vectors()
    subspace = span_points(
        vectors[centre],
        vectors[through],
        names=[replicate_name(r) for r in through],
        centre_name=replicate_name(centre),
    )
    return Placed(subspace=subspace, centre=centre, members=(centre, *through))


def _principal(options: SubspaceOptions, solutions: Solutions) -> Placed:
    """The directions in which the solutions spread most."""
    count = options.dimension
    inside = [r for r in solutions.ranking if solutions.losses[r] <= solutions.tolerance]
    members = inside if len(inside) > count else solutions.ranking
    if len(members) <= count:
        raise OptionsError(
            f"{count} principal directions need at least {count + 1} replicates, and only {len(members)} are usable",
            hint="lower `dimension` or train more replicates",
        )
    vectors = solutions.replicates.vectors()[members].double().cpu()
    mean = vectors.mean(0)
    _, values, directions = torch.linalg.svd(vectors - mean, full_matrices=False)
    if not float(values[count - 1]) > _RANK * float(values[0]):
        raise OptionsError(
            f"the {len(members)} solutions spread in fewer than {count} directions", hint="lower `dimension`"
        )
    centre = mean if options.centre is None else solutions.vector(options.centre)
    name = f"the mean of {len(members)} solutions" if options.centre is None else replicate_name(options.centre)
    subspace = span_directions(
        centre,
        _with_canonical_signs(directions[:count]),
        names=[f"principal component {k + 1}" for k in range(count)],
        centre_name=name,
    )
    return Placed(subspace=subspace, centre=options.centre, members=tuple(members))


def flattest_directions(solutions: Solutions, centre: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """The directions in which the function changes least to first order: eigenvectors of JacᵀJac, (count, P).

    For many parameters they are drawn at random inside the null space, which then has far more dimensions than are
    wanted.
    """
    jac = jacobian(solutions.replicates.function(centre), solutions.vector(centre), solutions.x)
    if jac.shape[1] > max(_FULL_DECOMPOSITION, jac.shape[0]):
        return null_directions(jac, count, generator=generator)
    _, _, rows = torch.linalg.svd(jac, full_matrices=True)
    if count > len(rows):
        raise OptionsError(f"{count} directions cannot be independent in a space of {len(rows)} parameters")
    return _with_canonical_signs(rows[-count:].flip(0))


def longest_tangents(replicates: Replicates, centre: int, count: int) -> tuple[torch.Tensor, list[str]]:
    """The longest of the independent tangents of the centre's known symmetries, (count, P), and their names.

    Raises:
        OptionsError: the symmetries of the network are not known, or have fewer dimensions.
    """
    module = replicates.module(centre)
    structure = describe(module)
    if not structure.known:
        raise OptionsError(f"the symmetries of this network are not known: {structure.reason}")
    tangents = symmetry_tangents(structure, {**dict(module.named_parameters()), **dict(module.named_buffers())})
    dense = tangents.dense().double()
    chosen: list[int] = []
    span = torch.zeros(0, dense.shape[1], dtype=torch.float64)
    lengths = torch.linalg.vector_norm(dense, dim=1)
    for row in torch.argsort(lengths, descending=True, stable=True).tolist():
        if len(chosen) == count:
            break
        rest = dense[row] - (dense[row] @ span.T) @ span
        if float(torch.linalg.vector_norm(rest)) > 1e-6 * max(float(lengths[row]), 1e-12):
            chosen.append(row)
            span = torch.cat([span, (rest / torch.linalg.vector_norm(rest)).unsqueeze(0)])
    if len(chosen) < count:
        raise OptionsError(
            f"the known symmetries of this network have {len(chosen)} continuous dimensions at "
            f"{replicate_name(centre)}, and {count} directions are wanted",
            hint="lower `dimension`, or set directions = 'null-space'",
        )
    return dense[chosen], [tangents.labels[row] for row in chosen]


def normalise_filters(directions: torch.Tensor, replicates: Replicates, centre: int) -> torch.Tensor:
    """Give each filter of the directions (K, P) the norm of the centre's; a bias counts as a filter of its own.

    A filter is what leads into one unit or channel: one row of a weight's first axis.

    Source: Li et al. 2018, section 4.
    """
    own = replicates.as_parameters(replicates.vectors()[centre].double().cpu())
    parts = []
    for name, part in replicates.as_parameters(directions.double().cpu()).items():
        shape = own[name].shape
        filters = part.reshape(len(directions), shape[0] if shape else 1, -1)
        norms = torch.linalg.vector_norm(filters, dim=-1, keepdim=True)
        wanted = torch.linalg.vector_norm(own[name].reshape(filters.shape[1], -1), dim=-1)
        parts.append((filters / norms * wanted[None, :, None]).reshape(len(directions), -1))
    return torch.cat(parts, dim=1)


def slopes_along(solutions: Solutions, placed: Placed) -> torch.Tensor:
    """How fast the function changes along each basis vector at the centre: (|Jac b_k|² / numbers)^½, (K,)."""
    replicate = placed.centre if placed.centre is not None else placed.members[0]
    function = solutions.replicates.function(replicate)
    centre = placed.subspace.centre.to(solutions.x.device)
    slopes = []
    for direction in placed.subspace.basis.to(centre):
        _, change = jvp(lambda vector: function(vector, solutions.x), (centre,), (direction,))[:2]
        slopes.append(change.square().mean().sqrt())
    return torch.stack(slopes).detach().cpu()


def _with_canonical_signs(directions: torch.Tensor) -> torch.Tensor:
    """Each direction with its largest component positive, as a decomposition leaves its sign open."""
    largest = directions.abs().argmax(dim=1, keepdim=True)
    return directions * directions.gather(1, largest).sign()


def _check_replicate(replicate: int, solutions: Solutions) -> None:
    count = len(solutions.losses)
    if replicate >= count:
        raise OptionsError(f"there is no replicate {replicate}: the run has replicates 0 to {count - 1}")
    if not solutions.losses[replicate] < float("inf"):
        raise OptionsError(f"replicate {replicate} diverged: its J is not finite", hint="choose another one")
