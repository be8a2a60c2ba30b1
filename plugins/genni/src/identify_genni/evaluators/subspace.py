"""The evaluator `subspace`: the ε-equivalent set on an affine subspace of parameter space."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import torch

from identify_core import Context, Finding, OptionsError, RunSubject, Subject
from identify_genni.geometry.residual import in_double
from identify_genni.options.subspace import SubspaceOptions
from identify_genni.subspace.adaptive import Refined, refine
from identify_genni.subspace.analytic import Slopes, recognise_slopes
from identify_genni.subspace.axes import (
    Array,
    Grid,
    bounds_around,
    bounds_of_ellipsoid,
    choose_bounds,
    make_grid,
    spread_counts,
)
from identify_genni.subspace.directions import Placed, Solutions, place_subspace, replicate_name, slopes_along
from identify_genni.subspace.embedding import embed_points
from identify_genni.subspace.grid import SavedChunks, evaluate_grid, evaluate_points
from identify_genni.subspace.loss import SubspaceLoss, fit_targets
from identify_genni.subspace.record import Study, make_finding
from identify_genni.subspace.tolerance import Net, Tolerance, behaviour, choose_tolerance, describe_net

_PROBED = 256  # kept points whose outputs are looked at


def evaluate(options: SubspaceOptions, subject: Subject, context: Context) -> Finding:
    """Lay a subspace through parameter space, evaluate J on a grid in it and keep what is within ε of the target.

    Raises:
        OptionsError: the options do not fit the run.
        Interrupted: the user asked to stop; finished parts of the grid are kept.
    """
    if subject.run is None:
        raise OptionsError("the evaluator `subspace` studies a run; it was given representations only")
    run = subject.run
    dtype = _dtype(options, context)
    x, y = _inputs(options, run)
    nets = _describe_replicates(options, run, x, y)
    tolerance = choose_tolerance(
        y,
        relative=options.epsilon,
        absolute=options.epsilon_absolute,
        reduction=options.reduction,
        batch_size=options.batch_size,
    )
    double = in_double(run.replicates)
    solutions = Solutions(
        replicates=double,
        losses=[net.loss for net in nets],
        tolerance=tolerance.absolute,
        x=x.to(double.device, torch.float64 if x.is_floating_point() else None),
    )
    placed = place_subspace(options, solutions, context.stream("subspace-directions"))
    grid = _grid(options, placed, solutions, tolerance)
    loss = SubspaceLoss(
        placed.subspace,
        run.replicates,
        replicate=placed.members[0],
        x=x,
        y=y,
        reduction=options.reduction,
        batch_size=options.batch_size,
        dtype=dtype,
        memory=options.memory,
    )
    refined = _values(options, loss, grid, tolerance, placed, run, (x, y), context)
    study = Study(
        placed=placed,
        vectors=double.vectors().cpu(),
        grid=grid,
        refined=refined,
        nets=nets,
        tolerance=tolerance,
        centre=_centre(placed, nets, loss, y),
        slopes=_slopes(loss, placed, x, y),
        behaviours=_behaviours(loss, grid, refined, tolerance, y),
    )
    embedding = _embedding(options, study, context)
    return make_finding(study, embedding=embedding, conventions=_conventions(options, loss, dtype, len(x)))


def _dtype(options: SubspaceOptions, context: Context) -> torch.dtype:
    dtype = {"run": context.dtype, "float32": torch.float32, "float64": torch.float64}[options.precision]
    if dtype is torch.float64 and context.device.type == "mps":
        raise OptionsError("this device has no float64", hint="set precision = 'float32', or device = 'cpu'")
    return dtype


def _inputs(options: SubspaceOptions, run: RunSubject) -> tuple[torch.Tensor, torch.Tensor]:
    """The evaluation inputs and targets."""
    part = run.samples.split(options.split)
    if options.inputs is not None and options.inputs > len(part):
        raise OptionsError(f"the split {options.split!r} has {len(part)} inputs, and {options.inputs} are wanted")
    count = len(part) if options.inputs is None else options.inputs
    if count == 0:
        raise OptionsError(f"the split {options.split!r} is empty, so that J is the mean over nothing")
    x, y = part.tensor("x")[:count], part.tensor("y")[:count]
    return x, y


def _describe_replicates(options: SubspaceOptions, run: RunSubject, x: torch.Tensor, y: torch.Tensor) -> list[Net]:
    replicates = run.replicates
    vectors, inputs = replicates.vectors(), x.to(replicates.device)
    nets = []
    for replicate in range(replicates.count):
        with torch.inference_mode():
            outputs = replicates.function(replicate)(vectors[replicate], inputs).cpu()
        targets = fit_targets(y, outputs.shape[1:])
        nets.append(
            describe_net(replicate_name(replicate), replicate, outputs, targets, options.reduction, options.batch_size)
        )
    return [attrs.evolve(net, loss=net.loss if np.isfinite(net.loss) else float("inf")) for net in nets]


def _centre(placed: Placed, nets: list[Net], loss: SubspaceLoss, y: torch.Tensor) -> Net:
    if placed.centre is not None:
        return nets[placed.centre]
    origin = torch.zeros(1, placed.subspace.dimension, dtype=torch.float64)
    outputs = loss.outputs(origin)[0]
    return Net(
        name=placed.subspace.centre_name,
        replicate=None,
        loss=float(loss(origin)[0]),
        behaviour=behaviour(outputs, fit_targets(y, outputs.shape[1:])),
    )


def _grid(options: SubspaceOptions, placed: Placed, solutions: Solutions, tolerance: Tolerance) -> Grid:
    counts = spread_counts(options.counts, options.dimension)
    if options.lower and options.upper:
        automatic = [(0.0, 1.0)] * options.dimension  # not looked at
    elif options.directions in ("solutions", "principal"):
        members = solutions.replicates.vectors()[list(placed.members)].cpu()
        automatic = bounds_around(placed.subspace.coordinates(members).numpy(), options.margin)
    else:
        reach = float(torch.linalg.vector_norm(placed.subspace.centre)) or 1.0
        automatic = bounds_of_ellipsoid(slopes_along(solutions, placed).numpy(), tolerance.absolute, reach)
    if options.same_bounds:
        automatic = [(min(low for low, _ in automatic), max(high for _, high in automatic))] * options.dimension
    return make_grid(choose_bounds(options.lower, options.upper, automatic), counts)


def _values(
    options: SubspaceOptions,
    loss: SubspaceLoss,
    grid: Grid,
    tolerance: Tolerance,
    placed: Placed,
    run: RunSubject,
    data: tuple[torch.Tensor, torch.Tensor],
    context: Context,
) -> Refined:
    """J on the grid, all of it or where it matters; finished parts are found again after a crash."""
    adaptive = options.refinement == "adaptive"
    settings: dict[str, object] = {
        "rows": placed.subspace.rows.numpy(),
        "x": data[0].cpu().numpy(),
        "y": data[1].cpu().numpy(),
        **{f"buffer {name}": value[placed.members[0]].cpu().numpy() for name, value in run.replicates.buffers.items()},
        "options": (
            options.reduction,
            options.batch_size,
            options.precision,
            str(context.dtype),
            loss.points,
            loss.samples,
        ),
        "refinement": (tolerance.absolute, options.levels, options.safety) if adaptive else None,
    }
    saved = SavedChunks.of(context.scratch, grid, settings)
    with context.progress("subspace grid", None if adaptive else grid.size, unit="points") as bar:
        if not adaptive:
            values = evaluate_grid(loss, grid, saved=saved, context=context, advance=bar.advance)
            return Refined(values=values, filled=values, rounds=(grid.size,))
        asked = iter(range(10**6))

        def visit(numbers: Array) -> Array:
            name = f"round-{next(asked):03d}"
            return evaluate_points(loss, grid, numbers, saved=saved, name=name, context=context, advance=bar.advance)

        return refine(visit, grid.shape, tolerance.absolute, levels=options.levels, safety=options.safety)


def _slopes(loss: SubspaceLoss, placed: Placed, x: torch.Tensor, y: torch.Tensor) -> Slopes | None:
    """The target's slopes where the networks are those whose class is known in closed form."""
    if x[0].numel() != 1 or y[0].numel() != 1:
        return None
    count = placed.subspace.dimension
    probes = torch.cat([torch.eye(count, dtype=torch.float64), -torch.ones(2, count, dtype=torch.float64)])
    probes[-1] = 0  # the centre, a step along each direction and one against all of them
    return recognise_slopes(loss.outputs(probes), placed.subspace.points(probes), x, y)


def _behaviours(loss: SubspaceLoss, grid: Grid, refined: Refined, tolerance: Tolerance, y: torch.Tensor) -> list[str]:
    """What some of the kept networks do over the inputs: evenly spaced among the kept points."""
    kept = np.flatnonzero(refined.filled <= tolerance.absolute)
    probed = kept[np.unique(np.linspace(0, len(kept) - 1, min(_PROBED, len(kept))).astype(int))] if len(kept) else kept
    found = []
    for start in range(0, len(probed), loss.points):
        outputs = loss.outputs(grid.coefficients(probed[start : start + loss.points]))
        targets = fit_targets(y, outputs.shape[2:])
        found += [behaviour(each, targets) for each in outputs]
    return found


def _embedding(options: SubspaceOptions, study: Study, context: Context) -> tuple[Array, Array] | None:
    """Numbers of kept grid points and their places in the plane, with those of the nets on the subspace behind them."""
    wanted = options.embedding == "on" or (options.embedding == "auto" and options.dimension == 4)
    kept = np.flatnonzero(study.refined.values <= study.tolerance.absolute)
    if not wanted or len(kept) < 10:
        return None
    if len(kept) > options.embedding_points:
        order = torch.randperm(len(kept), generator=context.stream("subspace-embedding")).numpy()
        kept = np.sort(kept[order[: options.embedding_points]])
    coefficients = np.concatenate([study.grid.coefficients(kept).numpy(), study.net_coordinates])
    seed = context.streams.derive("subspace-umap")
    with context.progress("embedding the kept points", None, unit="points"):
        return kept, embed_points(coefficients, neighbours=options.neighbours, seed=seed)


def _conventions(options: SubspaceOptions, loss: SubspaceLoss, dtype: torch.dtype, inputs: int) -> Mapping[str, str]:
    reduction = (
        "mean over inputs and outputs"
        if options.reduction == "mean"
        else f"unweighted mean of the means over consecutive batches of {options.batch_size} inputs"
    )
    how = loss.strategy + (f" ({loss.reason})" if loss.reason else "")
    return {
        "J": f"squared error, {reduction}",
        "inputs": f"{inputs} inputs of the split {options.split}",
        "relative": "J / Var(f*), the J of the best constant function on the same inputs",
        "axes": "values[i_K, …, i_1] is J at c + Σ a_k b_k with a_k = ck[i_k]: the first direction is the last axis",
        "basis": "QR of the directions in their order, each with a positive coordinate on its own axis",
        "evaluation": f"{str(dtype).removeprefix('torch.')}, {how}; buffers of the centre, or of a mean's best",
        "refinement": "every grid point"
        if options.refinement == "none"
        else f"adaptive, {options.levels} halvings, safety {options.safety:g}; NaN where J was not evaluated",
    }
