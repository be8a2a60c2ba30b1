"""The evaluator `nullity`: in how many directions the parameters are free, and how many of them symmetries explain."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Context, Finding, Interrupted, LabelledArray, Subject, Table
from identify_genni.geometry.ellipsoid import ellipsoid, sampled_ratios
from identify_genni.geometry.jacobian import Spectrum, spectra, spectra_work
from identify_genni.geometry.setting import Setting, chosen_replicates, setting_of
from identify_genni.options.nullity import NullityOptions
from identify_genni.symmetries.tangents import linear_fibre_dimension, symmetry_dimension, symmetry_tangents

Array = np.ndarray[Any, Any]

# The prediction is meant for small ε, so J is compared with it at these parts of ε too.
SCALES = (1e-4, 1e-2, 1.0)
_MANY_PARAMETERS, _FEW_DRAWS = 10_000, 8
_LARGE = 1000  # the ellipsoid needs eigenvectors: above this for the best replicate alone


@attrs.frozen(kw_only=True, eq=False)
class Look:
    """What was found at one replicate.

    Args:
        replicate: which.
        relative: J/Var(f*) on the first split.
        spectra: split name, or `both`, to singular values.
        symmetries: the dimension of the orbit of the known continuous symmetries; None where the structure is unknown.
        fibre: the dimension of the fibre of a linear network; None for any other.
        semi_axes: √(ε m)/σ, the shortest first.
        ratios: J/ε at random points of the ellipsoid for each of `SCALES`, (scale, draw).
    """

    replicate: int
    relative: float
    spectra: dict[str, Spectrum]
    symmetries: int | None
    fibre: int | None
    semi_axes: Array
    ratios: Array

    def nullity(self, which: str, tolerance: float) -> int | None:
        """P less the rank, or None where the method cannot tell."""
        found = self.spectra.get(which)
        rank = None if found is None else found.rank(tolerance)
        return None if found is None or rank is None else found.columns - rank


def evaluate(options: NullityOptions, subject: Subject, context: Context) -> Finding:
    """Singular values, ranks, nullities, symmetry dimensions and predicted ellipsoids of the replicates.

    Raises:
        OptionsError: a replicate or the split does not exist.
    """
    splits = [options.split, *([options.held_out] if options.held_out else [])]
    setting = setting_of(subject, splits=splits, samples=options.samples, memory=options.memory * 1e9)
    wanted = chosen_replicates(options.replicates, setting.replicates.count)
    relative = setting.relative(options.split)
    rows = _affordable(options, setting, wanted, relative)
    looks: list[Look] = []
    with context.progress("Jacobians", len(rows), unit="replicates") as bar:
        for replicate in rows:
            if context.should_stop():
                raise Interrupted(
                    f"stopped after the Jacobians of {len(looks)} of {len(rows)} replicates",
                    hint="`identify resume` starts this step again",
                )
            best = float(relative[replicate]) == float(relative[rows].min())
            looks.append(_look(options, setting, replicate, float(relative[replicate]), context, best=best))
            bar.advance()
    return _finding(options, setting, looks, left_out=[each for each in wanted if each not in rows])


def _affordable(options: NullityOptions, setting: Setting, wanted: list[int], relative: torch.Tensor) -> list[int]:
    """The replicates that the allowance of work has room for, the best first chosen; at least one."""
    sizes = [targets.numel() for _, targets in setting.data.values()]
    work = spectra_work(sizes, setting.structure.parameter_count, setting.memory)
    room = max(1, int(options.effort * 1e9 / work)) if options.method == "auto" else len(wanted)
    return sorted(sorted(wanted, key=lambda replicate: float(relative[replicate]))[:room])


def _look(
    options: NullityOptions, setting: Setting, replicate: int, relative: float, context: Context, *, best: bool
) -> Look:
    vector = setting.vectors[replicate]
    generator = context.stream("nullity", replicate)
    found = spectra(
        setting.replicates.function(replicate),
        vector,
        {name: x for name, (x, _) in setting.data.items()},
        method=options.method,
        memory=setting.memory,
        sketch=options.sketch,
        generator=generator,
    )
    symmetries = None
    if setting.structure.known:
        symmetries = symmetry_tangents(setting.structure, setting.state(replicate)).rank()
    semi_axes, ratios = _ellipsoids(options, setting, replicate, found[options.split], generator, best=best)
    return Look(
        replicate=replicate,
        relative=relative,
        spectra=found,
        symmetries=symmetries,
        fibre=_fibre(setting, replicate),
        semi_axes=semi_axes,
        ratios=ratios,
    )


def _ellipsoids(
    options: NullityOptions,
    setting: Setting,
    replicate: int,
    found: Spectrum,
    generator: torch.Generator,
    *,
    best: bool,
) -> tuple[Array, Array]:
    epsilon, values = options.epsilon * setting.variance, found.values
    kept = values[values > options.tolerance * values[:1]] if len(values) else values
    axes: Array = np.sqrt(epsilon * found.rows) / kept.cpu().numpy()
    ratios = np.full((len(SCALES), options.draws), np.nan)
    fits = 8 * found.rows * found.columns * 3 <= setting.memory
    cheap = best or min(found.rows, found.columns) <= _LARGE
    if not (options.draws and fits and cheap and len(kept)):
        return axes, ratios
    vector = setting.vectors[replicate]
    own = setting.replicates.function(replicate)(vector, setting.data[options.split][0]).detach()
    residual = setting.residual(replicate, options.split, targets=own)
    count = options.draws if found.columns <= _MANY_PARAMETERS else min(options.draws, _FEW_DRAWS)
    shape = ellipsoid(residual, vector, epsilon, rank_tolerance=options.tolerance)
    for index, scale in enumerate(SCALES):
        drawn = sampled_ratios(residual, vector, shape.scaled(scale), count=count, generator=generator)
        ratios[index, : len(drawn)] = drawn.cpu().numpy()
    return axes, ratios


def _fibre(setting: Setting, replicate: int) -> int | None:
    structure = setting.structure
    if not structure.layers or not structure.dense or not all(layer.general for layer in structure.layers):
        return None
    state = setting.state(replicate)
    product, bias = None, None
    for layer in structure.layers:
        weights = state[layer.weight]
        product = weights if product is None else weights @ product
        own = state[layer.bias] if layer.bias else torch.zeros_like(weights[:, 0])
        bias = own if bias is None else weights @ bias + own
    assert product is not None
    assert bias is not None
    last = state[structure.layers[-1].next_weight]
    only_hidden = structure.layers[-1].next_bias is None and any(layer.bias for layer in structure.layers)
    whole = last @ (torch.cat((product, bias[:, None]), dim=1) if only_hidden else product)
    rank = int(torch.linalg.matrix_rank(whole, rtol=1e-9))
    return linear_fibre_dimension(structure, product.shape[1], len(last), rank)


def _finding(options: NullityOptions, setting: Setting, looks: list[Look], *, left_out: list[int]) -> Finding:
    best = min(looks, key=lambda look: look.relative)
    generic = symmetry_dimension(setting.structure) if setting.structure.known else None
    free = [look.nullity(options.split, options.tolerance) for look in looks]
    known = [each for each in free if each is not None]
    excess = [
        each - look.symmetries
        for each, look in zip(free, looks, strict=True)
        if each is not None and look.symmetries is not None
    ]
    return Finding(
        summary=_summary(options, best, len(looks), known),
        scalars={
            "parameters": setting.structure.parameter_count,
            "symmetry-dimension": generic,
            "nullity-smallest": min(known, default=None),
            "nullity-largest": max(known, default=None),
            "excess-largest": max(excess, default=None),
            "best-replicate": best.replicate,
            "best-relative": best.relative,
            "best-nullity": best.nullity(options.split, options.tolerance),
            "tolerance": options.tolerance,
            "epsilon": options.epsilon,
        },
        tables={"replicates": _replicates_table(options, looks), "ranks": _ranks_table(options, looks)},
        arrays=_arrays(options, looks),
        conventions=_conventions(options, setting, looks),
        warnings=[*_left_out(left_out), *_warnings(options, setting, looks)],
    )


def _summary(options: NullityOptions, best: Look, count: int, known: list[int]) -> str:
    found = best.spectra[options.split]
    free = best.nullity(options.split, options.tolerance)
    if free is None:
        return f"The rank at replicate {best.replicate} cannot be told from {len(found.values)} singular values."
    text = f"{free} of {found.columns} dimensions are free at replicate {best.replicate}"
    if best.symmetries is not None:
        more = free - best.symmetries
        text += f": {best.symmetries} by known symmetry, {more} more"
    if count > 1 and known and min(known) != max(known):
        text += f"; over {count} replicates between {min(known)} and {max(known)}"
    return text + "."


def _replicates_table(options: NullityOptions, looks: list[Look]) -> Table:
    rows = []
    for look in looks:
        found = look.spectra[options.split]
        free = look.nullity(options.split, options.tolerance)
        excess = None if free is None or look.symmetries is None else free - look.symmetries
        ratio = look.ratios[0]
        rows.append((
            look.replicate, look.relative, found.rank(options.tolerance), free,
            look.nullity(options.held_out, options.tolerance), look.nullity("both", options.tolerance),
            look.symmetries, excess, look.fibre,
            float(np.median(ratio)) if np.isfinite(ratio).any() else None, found.method,
        ))  # fmt: skip
    return Table(
        columns=(
            "replicate", "J/Var(f*)", "rank", "nullity", "nullity held-out", "nullity on both", "symmetry dimension",
            "excess", "linear fibre dimension", "J/ε on the small ellipsoid", "method",
        ),
        rows=rows,
        caption=f"Free directions of each replicate; singular values above {options.tolerance:g} of the largest count.",
    )  # fmt: skip


def _ranks_table(options: NullityOptions, looks: list[Look]) -> Table:
    tolerances = sorted({*options.tolerances, options.tolerance})
    rows = [
        (look.replicate, name, *(found.rank(tolerance) for tolerance in tolerances))
        for look in looks
        for name, found in look.spectra.items()
    ]
    return Table(
        columns=("replicate", "inputs", *(f"{tolerance:g}" for tolerance in tolerances)),
        rows=rows,
        caption="Rank of the Jacobian by relative tolerance; empty where the method cannot tell.",
    )


def _arrays(options: NullityOptions, looks: list[Look]) -> dict[str, LabelledArray]:
    names = list(looks[0].spectra)
    width = max(len(found.values) for look in looks for found in look.spectra.values())
    values = np.full((len(looks), len(names), width), np.nan)
    axes = np.full((len(looks), max(1, *(len(look.semi_axes) for look in looks))), np.nan)
    for row, look in enumerate(looks):
        axes[row, : len(look.semi_axes)] = look.semi_axes
        for column, name in enumerate(names):
            found = look.spectra[name].values.cpu().numpy()
            values[row, column, : len(found)] = found
    return {
        "singular-values": LabelledArray(
            values=values,
            dimensions=("replicate", "inputs", "index"),
            summary=f"singular values of the Jacobian of the stacked outputs, for the inputs {', '.join(names)}",
        ),
        "semi-axes": LabelledArray(
            values=axes, dimensions=("replicate", "index"), summary="semi-axes of the predicted ellipsoid, √(ε m)/σ"
        ),
        "ellipsoid-ratios": LabelledArray(
            values=np.stack([look.ratios for look in looks]),
            dimensions=("replicate", "scale", "draw"),
            summary=f"J/ε on the ellipsoids of {', '.join(f'{scale:g}' for scale in SCALES)} times ε",
        ),
    }


def _conventions(options: NullityOptions, setting: Setting, looks: list[Look]) -> dict[str, str]:
    samples = {name: len(x) for name, (x, _) in setting.data.items()}
    return {
        "Jacobian": "of the stacked outputs with respect to the trainable parameters, in evaluation mode, float64, "
        + ", ".join(f"{count} inputs of {name!r}" for name, count in samples.items()),
        "rank": f"singular values above {options.tolerance:g} times the largest; none where all are zero",
        "symmetry dimension": "rank of the tangents of all known continuous symmetries at the replicate: positive "
        "scaling, GL(n) at linear layers, what batch normalisation leaves free",
        "excess": "nullity less symmetry dimension: finite data, dead or duplicate units, or a symmetry not known here",
        "ellipsoid": f"of ε = {options.epsilon:g} Var(f*) = {options.epsilon * setting.variance:.4g} around the "
        "replicate's own function; semi-axes √(ε m)/σ, m numbers in the outputs",
        "J": "mean over samples and output dimensions",
        "method": ", ".join(sorted({found.method for look in looks for found in look.spectra.values()})),
    }


def _left_out(replicates: list[int]) -> list[str]:
    if not replicates:
        return []
    numbers = ", ".join(map(str, replicates))
    return [f"replicates {numbers} were left out: their Jacobians are more work than `effort` allows"]


def _warnings(options: NullityOptions, setting: Setting, looks: list[Look]) -> list[str]:
    said = []
    if not setting.structure.known:
        said.append(f"the symmetries of this network are not known: {setting.structure.reason}")
    if any(not found.complete for look in looks for found in look.spectra.values()):
        said.append("only the largest singular values were computed (sketch), so some ranks cannot be told")
    idle = [str(look.replicate) for look in looks if look.spectra[options.split].rank(options.tolerance) == 0]
    if idle:
        said.append(f"replicates {', '.join(idle)} do not answer to any parameter (rank 0): they are dead on this data")
    full = looks[0].spectra[options.split].rows
    capped = [str(look.replicate) for look in looks if look.spectra[options.split].rank(options.tolerance) == full]
    if capped and full < setting.structure.parameter_count:
        said.append(
            f"the rank of replicates {', '.join(capped)} is the number of outputs on the data, {full}: more inputs "
            "would leave fewer directions free"
        )
    bad = [look for look in looks if np.isfinite(look.ratios[0]).any() and abs(np.median(look.ratios[0]) - 1) > 0.1]
    if bad:
        numbers = ", ".join(str(look.replicate) for look in bad)
        said.append(
            f"even the smallest ellipsoid of replicates {numbers} is off by more than 10 %: curvature dominates"
        )
    return said
