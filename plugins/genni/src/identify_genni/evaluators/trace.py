"""The evaluator `trace`: walks along the class of equivalent parameters, and how many dimensions it has."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Context, Finding, Interrupted, Subject, read_checkpoint, write_checkpoint
from identify_genni.evaluators.trace_finding import Traced, trace_finding
from identify_genni.geometry.dimension import cloud, local_pca, two_nearest_neighbours
from identify_genni.geometry.projection import frames, project
from identify_genni.geometry.residual import Residual
from identify_genni.geometry.setting import Setting, chosen_replicates, setting_of
from identify_genni.geometry.tracing import Walk, Walkers, start_walkers, walk_on
from identify_genni.options.trace import TraceOptions
from identify_genni.symmetries.tangents import symmetry_tangents

_DENSE_TANGENTS = 4_000_000  # numbers; beyond it the share of symmetries in the motion is not computed


def evaluate(options: TraceOptions, subject: Subject, context: Context) -> Finding:
    """Walk from the replicates along {J = 0}, sample it, and set its estimated dimensions next to the nullity.

    Raises:
        OptionsError: a replicate or the split does not exist.
    """
    splits = [options.split, *([options.held_out] if options.held_out else [])]
    setting = setting_of(
        subject, splits=splits, samples=options.samples, memory=options.memory * 1e9, standardised=True
    )
    relative = setting.relative(options.split)
    rows = chosen_replicates(options.replicates, setting.replicates.count)
    if not options.replicates:
        rows = sorted(rows, key=lambda replicate: float(relative[replicate]))[: options.best]
    traced, skipped = [], []
    with context.progress("Walks along the class", len(rows) * options.steps) as bar:
        for replicate in rows:
            start = _start(options, setting, replicate, float(relative[replicate]))
            if isinstance(start, str):
                skipped.append(start)
                bar.advance(options.steps)
                continue
            traced.append(_trace(options, setting, replicate, float(relative[replicate]), *start, context, bar))
    return trace_finding(options, setting, traced, skipped)


def _start(
    options: TraceOptions, setting: Setting, replicate: int, relative: float
) -> tuple[Residual, torch.Tensor] | str:
    """The residual to keep at zero and a solution near the replicate; or why there is none."""
    vector = setting.vectors[replicate]
    if options.around == "replicate":
        own = setting.replicates.function(replicate)(vector, setting.data[options.split][0]).detach()
        return setting.residual(replicate, options.split, targets=own), vector
    if not relative <= options.member_tolerance:
        return (
            f"replicate {replicate} is not in the class of the target: J/Var(f*) = {relative:.3g}; "
            'around = "replicate" would trace the class of its own function'
        )
    residual = setting.residual(replicate, options.split)
    found = project(
        residual,
        vector[None],
        tolerance=options.tolerance * setting.variance,
        iterations=100,
        rank_tolerance=options.rank_tolerance,
    )
    if not bool(found.arrived[0]):
        reached = float(found.losses[0]) / setting.variance
        return (
            f"replicate {replicate} cannot be moved to J/Var(f*) ≤ {options.tolerance:g}: Gauss–Newton ends at "
            f"{reached:.3g}"
        )
    return residual, found.vectors[0]


def _trace(
    options: TraceOptions,
    setting: Setting,
    replicate: int,
    relative: float,
    residual: Residual,
    start: torch.Tensor,
    context: Context,
    bar: Any,
) -> Traced:
    scale = float(start.norm())
    tolerance = options.tolerance * setting.variance
    walk = Walk(
        steps=options.steps,
        length=options.length * scale,
        tolerance=tolerance,
        persistence=options.persistence,
        crosses=options.strata == "cross",
        rank_tolerance=options.rank_tolerance,
    )
    walkers = _walked(options, replicate, residual, start, walk, context, bar)
    generator = context.streams.torch("trace-cloud", replicate)
    around = cloud(
        residual,
        start,
        count=options.cloud,
        radius=options.cloud_radius * scale,
        tolerance=tolerance,
        generator=generator,
        rank_tolerance=options.rank_tolerance,
    )
    pca, lengths = local_pca(around.vectors, options.cloud_radius * scale)
    points = torch.stack(walkers.points, dim=1)
    held_out = torch.full(points.shape[:2], float("nan"), dtype=torch.float64)
    if options.held_out in setting.data and options.around == "target":
        other = setting.residual(replicate, options.held_out)
        held_out = other.losses(points.reshape(-1, points.shape[-1])).reshape(points.shape[:2]) / setting.variance
    return Traced(
        replicate=replicate,
        relative=relative,
        start=start,
        moved=float((start - setting.vectors[replicate]).norm()) / scale,
        rank=int(frames(residual, start[None], options.rank_tolerance).ranks[0]),
        symmetries=_symmetries(setting, replicate, start),
        walkers=walkers,
        held_out=held_out.cpu(),
        share=_symmetric_share(setting, replicate, walkers, start),
        arrived=len(around.vectors),
        pca=pca,
        pca_lengths=lengths.cpu(),
        two_nn=two_nearest_neighbours(around.vectors, options.cloud_radius * scale),
    )


def _walked(
    options: TraceOptions,
    replicate: int,
    residual: Residual,
    start: torch.Tensor,
    walk: Walk,
    context: Context,
    bar: Any,
) -> Walkers:
    """The walkers at their ends; they go on where an interrupted run left them."""
    file = _scratch_file(options, replicate, context)
    saved = read_checkpoint(file, warn=context.warn)
    if saved is not None:
        walkers = Walkers.from_state(saved, start.device)
        bar.advance(walkers.taken)
    else:
        generator = context.streams.torch("trace", replicate)
        walkers = start_walkers(residual, start, options.walkers, walk, generator)

    def after_step(current: Walkers) -> None:
        bar.advance()
        if context.should_stop():
            write_checkpoint(file, current.state())
            raise Interrupted(
                f"stopped after {current.taken} of {walk.steps} steps of the walks from replicate {replicate}",
                hint="`identify resume` goes on from there",
            )
        if current.taken % 50 == 0 and context.checkpoint_due():
            write_checkpoint(file, current.state())

    walk_on(residual, walkers, walk, after_step)
    write_checkpoint(file, walkers.state())
    return walkers


def _scratch_file(options: TraceOptions, replicate: int, context: Context) -> Path:
    told = repr(sorted(attrs.asdict(options).items())).encode()
    return context.scratch / f"trace-{hashlib.sha256(told).hexdigest()[:12]}-{replicate}.safetensors"


def _symmetries(setting: Setting, replicate: int, start: torch.Tensor) -> int | None:
    if not setting.structure.known:
        return None
    state = setting.state(replicate) | setting.replicates.as_parameters(start)
    return symmetry_tangents(setting.structure, state).rank()


def _symmetric_share(setting: Setting, replicate: int, walkers: Walkers, start: torch.Tensor) -> np.ndarray[Any, Any]:
    """Which part of a step's squared length lies along the orbit of known symmetries, (W, S).

    Looked at for about fifty steps of each walker; NaN at the others.
    """
    points = torch.stack([start.expand_as(walkers.positions), *walkers.points], dim=1)
    shares = np.full((len(points), points.shape[1] - 1), np.nan)
    if not setting.structure.known:
        return shares
    buffers = setting.state(replicate)
    for walker, path in enumerate(points):
        for step in range(0, len(path) - 1, max(1, len(path) // 50)):
            moved = path[step + 1] - path[step]
            if float(moved.norm()) == 0.0:
                continue
            state = buffers | setting.replicates.as_parameters(path[step])
            tangents = symmetry_tangents(setting.structure, state)
            if len(tangents.labels) * len(moved) > _DENSE_TANGENTS:
                return shares
            if not tangents.labels:
                shares[walker, step] = 0.0
                continue
            left, sizes, _ = torch.linalg.svd(tangents.dense().T.to(moved), full_matrices=False)
            basis = left[:, sizes > 1e-10 * sizes[0]]
            shares[walker, step] = float((basis.T @ moved).square().sum() / moved.square().sum())
    return shares
