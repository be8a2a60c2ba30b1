"""What the evaluator `trace` reports: dimensions next to the nullity, the walks, and what moved along them."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Finding, LabelledArray, Table
from identify_genni.geometry.dimension import Estimate
from identify_genni.geometry.setting import Setting
from identify_genni.geometry.tracing import Walkers
from identify_genni.options.trace import TraceOptions
from identify_genni.units import incoming, outgoing

Array = np.ndarray[Any, Any]
_AXES = 3


@attrs.frozen(kw_only=True, eq=False)
class Traced:
    """The walks from one replicate.

    Args:
        replicate: which.
        relative: J/Var(f*) as trained.
        start: the solution that the walks begin at, (P,).
        moved: how far that is from the replicate, as a part of |θ|.
        rank: of the Jacobian there.
        symmetries: the dimension of the orbit there; None where the structure is unknown.
        walkers: at their ends.
        held_out: J/Var(f*) on held-out inputs at each point, (W, S); NaN where not measured.
        share: part of each step along known symmetries, (W, S).
        arrived: how many points the cloud has.
        pca: dimension of the cloud by local PCA.
        pca_lengths: standard deviations along its axes.
        two_nn: dimension of the cloud by TwoNN.
    """

    replicate: int
    relative: float
    start: torch.Tensor
    moved: float
    rank: int
    symmetries: int | None
    walkers: Walkers
    held_out: torch.Tensor
    share: Array
    arrived: int
    pca: Estimate
    pca_lengths: torch.Tensor
    two_nn: Estimate

    @property
    def nullity(self) -> int:
        """P less the rank at the start."""
        return len(self.start) - self.rank

    def stacked(self, name: str) -> Array:
        """`losses`, `ranks`, `accepted` or `turned` of all walkers and steps, (W, S)."""
        values: Array = torch.stack(getattr(self.walkers, name), dim=1).cpu().numpy()
        return values

    @property
    def points(self) -> Array:
        """(W, S, P)."""
        values: Array = torch.stack(self.walkers.points, dim=1).cpu().numpy()
        return values


def trace_finding(options: TraceOptions, setting: Setting, traced: list[Traced], skipped: list[str]) -> Finding:
    """The finding of walks from some replicates, and why there are none from others."""
    if not traced:
        return Finding(
            summary="No replicate could be traced: none is in the class of the target.",
            scalars={"traced": 0},
            conventions=_conventions(options, setting),
            warnings=tuple(skipped),
        )
    first = traced[0]
    highest = max(float(each.stacked("losses").max()) for each in traced) / setting.variance
    return Finding(
        summary=_summary(traced),
        scalars={
            "traced": len(traced),
            "replicate": first.replicate,
            "nullity": first.nullity,
            "local-pca": first.pca.value,
            "two-nn": first.two_nn.value,
            "two-nn-low": first.two_nn.low,
            "two-nn-high": first.two_nn.high,
            "symmetry-dimension": first.symmetries,
            "highest-relative": highest,
            "points": int(sum(each.stacked("accepted").sum() for each in traced)),
            "parameters": len(first.start),
        },
        tables={
            "dimensions": _dimensions_table(traced),
            "walks": _walks_table(setting, traced),
            "explored": _explored_table(setting, traced),
        },
        arrays=_arrays(options, setting, traced),
        conventions=_conventions(options, setting),
        warnings=_warnings(setting, traced, skipped),
    )


def _summary(traced: list[Traced]) -> str:
    first = traced[0]
    if first.nullity == 0:
        return (
            f"Replicate {first.replicate} is an isolated point of the class: no direction is free (nullity 0), and the "
            f"{first.arrived} points drawn around it all moved back to it."
        )
    free = f"{'at least ' if first.pca.limited else ''}{int(first.pca.value)}"
    symmetry = "" if first.symmetries is None else f", {first.symmetries} by known symmetry"
    return (
        f"Around replicate {first.replicate} the class has {free} dimension{'' if free == '1' else 's'} (TwoNN "
        f"{first.two_nn.value:.1f}, 95 % interval {first.two_nn.low:.1f} to {first.two_nn.high:.1f}); nullity "
        f"{first.nullity}{symmetry}{_pieces(first)}."
    )


def _pieces(traced: Traced) -> str:
    """The nullities on the walks where they are not all that of the start, the most frequent first."""
    nullities, counts = np.unique(len(traced.start) - traced.stacked("ranks"), return_counts=True)
    if nullities.tolist() == [traced.nullity]:
        return ""
    order = np.argsort(-counts, kind="stable")
    shares = [f"{nullities[at]} ({counts[at] / counts.sum():.0%} of the points)" for at in order]
    return f"; walks from there meet pieces of nullity {' and '.join(shares)}"


def _dimensions_table(traced: list[Traced]) -> Table:
    return Table(
        columns=(
            "replicate", "nullity", "symmetry dimension", "local PCA", "PCA low", "PCA high", "TwoNN", "TwoNN low",
            "TwoNN high", "cloud points",
        ),
        rows=[
            (
                each.replicate, each.nullity, each.symmetries, each.pca.value, each.pca.low, each.pca.high,
                each.two_nn.value, each.two_nn.low, each.two_nn.high, each.arrived,
            )
            for each in traced
        ],
        caption="Dimension of the class around each replicate, estimated from a cloud of points on it.",
    )  # fmt: skip


def _walks_table(setting: Setting, traced: list[Traced]) -> Table:
    rows = []
    for each in traced:
        accepted, ranks = each.stacked("accepted"), each.stacked("ranks")
        farthest = np.linalg.norm(each.points - each.start.cpu().numpy(), axis=-1).max()
        share = each.share[np.isfinite(each.share)]
        held = each.held_out.numpy()
        rows.append((
            each.replicate, each.relative, each.moved, int(accepted.sum()), accepted.size,
            float(each.stacked("losses").max()) / setting.variance,
            float(np.nanmax(held)) if np.isfinite(held).any() else None,
            float(farthest), ", ".join(str(rank) for rank in np.unique(ranks)), int(each.stacked("turned").sum()),
            float(share.mean()) if len(share) else None,
        ))  # fmt: skip
    return Table(
        columns=(
            "replicate", "J/Var(f*) as trained", "moved to the class", "steps taken", "steps tried",
            "highest J/Var(f*)", "highest held-out", "farthest", "ranks met", "turned back", "share of symmetries",
        ),
        rows=rows,
        caption="The walks from each replicate; `share of symmetries` is the mean part of a step's squared length "
        "along known symmetries.",
    )  # fmt: skip


def _explored_table(setting: Setting, traced: list[Traced]) -> Table:
    rows: list[tuple[Any, ...]] = []
    for each in traced:
        vectors = torch.stack([each.start.expand_as(each.walkers.positions), *each.walkers.points], dim=1)
        flat = vectors.reshape(-1, vectors.shape[-1])
        quantities = {"|θ|": flat.norm(dim=1)}
        for name, part in setting.replicates.as_parameters(flat).items():
            quantities[f"|{name}|"] = part.flatten(1).norm(dim=1)
        for layer in setting.structure.layers:
            states = [setting.replicates.as_parameters(vector) for vector in flat]
            balance = torch.stack(
                [incoming(layer, state).square().sum(1) - outgoing(layer, state).square().sum(1) for state in states]
            )
            widest = int((balance.amax(0) - balance.amin(0)).argmax())
            quantities[f"balancedness of {layer.name} unit {widest}"] = balance[:, widest]
        rows += [
            (each.replicate, name, float(values[0]), float(values.min()), float(values.max()))
            for name, values in quantities.items()
        ]
    return Table(
        columns=("replicate", "quantity", "at the start", "smallest", "largest"),
        rows=rows,
        caption="What moved along the walks. Balancedness |w_in|² + b² − |w_out|² is what gradient flow conserves and "
        "the class does not; of each layer the unit whose balancedness moved most.",
    )


def _arrays(options: TraceOptions, setting: Setting, traced: list[Traced]) -> dict[str, LabelledArray]:
    walk = ("replicate", "walker", "step")
    scores, parts = zip(*(_principal(each) for each in traced), strict=True)
    width = max(len(each.pca_lengths) for each in traced)
    lengths = np.full((len(traced), width), np.nan)
    for row, each in enumerate(traced):
        lengths[row, : len(each.pca_lengths)] = each.pca_lengths.numpy()

    def over_walks(name: str) -> Array:
        return np.stack([each.stacked(name) for each in traced])

    arrays = {
        "projected": LabelledArray(
            values=np.stack(scores),
            dimensions=(*walk, "component"),
            summary="points of the walks along their principal axes, from the start at 0; step 0 is the start",
        ),
        "explained": LabelledArray(
            values=np.stack(parts), dimensions=("replicate", "component"), summary="part of the variance of each axis"
        ),
        "relative": LabelledArray(
            values=over_walks("losses") / setting.variance, dimensions=walk, summary="J/Var(f*) after each step"
        ),
        "held-out": LabelledArray(
            values=np.stack([each.held_out.numpy() for each in traced]),
            dimensions=walk,
            summary="J/Var(f*) on held-out inputs after each step",
        ),
        "ranks": LabelledArray(values=over_walks("ranks"), dimensions=walk, summary="rank of the Jacobian"),
        "accepted": LabelledArray(values=over_walks("accepted"), dimensions=walk, summary="whether the step was taken"),
        "cloud-lengths": LabelledArray(
            values=lengths, dimensions=("replicate", "axis"), summary="standard deviations of the cloud along its axes"
        ),
    }
    if sum(each.points.size for each in traced) <= options.kept:
        arrays["points"] = LabelledArray(
            values=np.stack([each.points for each in traced]),
            dimensions=(*walk, "parameter"),
            summary="parameter vectors after each step (with running statistics moved into gains and offsets)",
        )
    return arrays


def _principal(traced: Traced) -> tuple[Array, Array]:
    """The walks along the principal axes of all their points, (W, S + 1, 3), the start at 0; and explained parts."""
    points, start = traced.points, traced.start.cpu().numpy()
    whole = np.concatenate((np.broadcast_to(start, (len(points), 1, len(start))), points), axis=1) - start
    flat = whole.reshape(-1, len(start))
    centre = flat.mean(0)
    _, sizes, axes = np.linalg.svd(flat - centre, full_matrices=False)
    count = min(_AXES, len(axes))
    scores = np.zeros((*whole.shape[:2], _AXES))
    scores[..., :count] = whole @ axes[:count].T
    explained = np.zeros(_AXES)
    total = float((sizes**2).sum())
    explained[:count] = sizes[:count] ** 2 / total if total > 0 else 0.0
    return scores, explained


def _conventions(options: TraceOptions, setting: Setting) -> dict[str, str]:
    who = "the target" if options.around == "target" else "each replicate's own function"
    return {
        "class": f"{{θ: J = 0}} for {who} on {len(setting.data[options.split][0])} inputs of {options.split!r}, "
        "float64, evaluation mode",
        "walks": f"predictor along a null vector, Gauss–Newton corrector to J/Var(f*) ≤ {options.tolerance:g}; steps "
        f"of at most {options.length:g} |θ|, shortened where the corrector moves more than half of that",
        "strata": "walkers pass to other ranks" if options.strata == "cross" else "walkers turn back at other ranks",
        "cloud": f"{options.cloud} normal steps of length {options.cloud_radius:g} |θ| in all directions, moved back",
        "local PCA": "axes of the cloud longer than a tenth of the longest; its interval: a fifth to a twentieth",
        "TwoNN": "maximum likelihood with 95 % interval; too low above about 10 dimensions",
        "nullity": f"singular values below {options.rank_tolerance:g} of the largest, at the start",
    }


def _warnings(setting: Setting, traced: list[Traced], skipped: list[str]) -> list[str]:
    said = list(skipped)
    if not setting.structure.known:
        said.append(f"the symmetries of this network are not known: {setting.structure.reason}")
    for each in traced:
        ranks = np.unique(each.stacked("ranks"))
        turned = int(each.stacked("turned").sum())
        if turned:
            said.append(f"walkers from replicate {each.replicate} turned back {turned} times where the rank changes")
        if len(ranks) > 1:
            listed = ", ".join(str(rank) for rank in ranks)
            said.append(
                f"walkers from replicate {each.replicate} crossed into other strata: ranks {listed} were met, so the "
                "class has pieces of different dimension"
            )
        if not each.stacked("accepted").any():
            said.append(f"no step from replicate {each.replicate} was possible: it is an isolated point of the class")
        if each.pca.value < each.nullity and not each.pca.limited:
            said.append(
                f"around replicate {each.replicate} the class has fewer dimensions than the Jacobian's null space "
                f"({int(each.pca.value)} against {each.nullity}): the null directions are not all tangent to it"
            )
        if each.pca.limited:
            said.append(
                f"the cloud around replicate {each.replicate} has too few points for its dimension: both estimates are "
                "lower bounds"
            )
    return said
