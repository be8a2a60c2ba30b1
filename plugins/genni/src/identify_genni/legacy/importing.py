"""Writing an experiment of the 2020 code into a store: weights of every saved step, latents, outcome, cached grids."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from identify_core import (
    Context,
    Finding,
    Registry,
    Replicates,
    ResolvedSpec,
    RunWriter,
    Store,
    Table,
    UsageError,
    describe_components,
    describe_machine,
    load_spec,
    make_samples,
    model_builder,
)
from identify_genni.equivalence import draw_after_data, latents_of, splits_of
from identify_genni.legacy.folder import LegacyGrid, LegacyRun
from identify_genni.legacy.grids import grid_finding
from identify_genni.legacy.specs import spec_table
from identify_genni.outcome import Attempt, Split, outcome_finding

CPU = torch.device("cpu")


def import_run(
    run: LegacyRun, grids: Sequence[LegacyGrid], *, experiment: str, store: Store, registry: Registry
) -> str:
    """Write one run into the store.

    Its samples are drawn again by the dataset `teacher-2020`, and its losses computed on them.

    Args:
        run: what the folder holds.
        grids: the cached grids to read; empty where the folder is not trusted.
        experiment: the folder's name.
        store: where it goes.
        registry: in which the components are found.

    Returns:
        The run's id in the store.

    Raises:
        UsageError: the weights do not fit the architecture that the configuration names, or a grid is unsafe.
    """
    networks = len(run.states[run.steps[0]])
    spec = _resolve(spec_table(run.config, name=f"{experiment}-{run.name}", networks=networks), registry)
    cached = {grid.name: grid_finding(grid) for grid in grids}
    with tempfile.TemporaryDirectory() as scratch:
        context = _context(spec, Path(scratch))
        samples = make_samples(spec.dataset, context)
        options = spec.objective.options
        splits = splits_of(options, samples, context)
        replicates = Replicates.build(
            lambda r: context.build_model(samples.shape, replicate=r), networks, device=CPU, dtype=torch.float32
        )
        draw_after_data(replicates, samples, context)
        drawn = replicates.vectors()
        vectors, relative = _walk(run, replicates, splits)
        with RunWriter.create(store, name=spec.name, plugin="genni") as writer:
            writer.write_spec(spec.as_toml())
            writer.write_samples(samples)
            outcome = _outcome(run, replicates, splits, vectors[0], relative[-1], spec)
            for finding in (outcome, _checkpoints(run, vectors, relative, drawn)):
                writer.write_finding(finding.name, finding, evaluator="", options={})
            for name, finding in cached.items():
                writer.write_finding(f"grid-{name}", finding, evaluator="", options={})
            for latents in latents_of(options, replicates, samples, context):
                writer.write_latents(latents)
            writer.write_weights(replicates.state())
            writer.write_history(_history(run, vectors, relative))
            writer.write_document(_document(spec, samples.fingerprint, context, experiment, run))
            writer.commit()
            return writer.id


def _resolve(table: dict[str, Any], registry: Registry) -> ResolvedSpec:
    import tomli_w

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spec.toml"
        file.write_text(tomli_w.dumps(table), encoding="utf-8")
        return load_spec(registry, plugin="genni", file=file)


def _context(spec: ResolvedSpec, scratch: Path) -> Context:
    assert spec.model is not None
    return Context(
        device=CPU,
        dtype=torch.float32,
        seed=spec.seed,
        count=spec.replicates,
        scratch=scratch,
        build=model_builder(spec.model),
    )


def _walk(run: LegacyRun, replicates: Replicates, splits: dict[str, Split]) -> tuple[torch.Tensor, torch.Tensor]:
    """The parameter vectors (S, R, P) and J/Var(f*) (S, R) of every saved step; the last one stays in `replicates`."""
    vectors, relative = [], []
    for step in run.steps:
        for number, state in enumerate(run.states[step]):
            module = replicates.module(number)
            try:
                module.load_state_dict(state)
            except RuntimeError as error:
                raise UsageError(
                    f"network {number} of step_{step} does not fit {run.config['net_name']} "
                    f"{run.config['net_params']}: {' '.join(str(error).split())}"
                ) from error
            replicates.replace(number, module)
        vectors.append(replicates.vectors())
        relative.append(splits["test"].relative(replicates.eval()))
    return torch.stack(vectors), torch.stack(relative)


def _outcome(
    run: LegacyRun,
    replicates: Replicates,
    splits: dict[str, Split],
    initial: torch.Tensor,
    relative: torch.Tensor,
    spec: ResolvedSpec,
) -> Finding:
    ones = torch.ones(replicates.count, dtype=torch.long)
    attempt = Attempt(
        relative=relative,
        reasons=["steps"] * replicates.count,
        steps=ones * run.updates(run.steps[-1]),
        polishing=[""] * replicates.count,
        tried=ones,
        kept=ones,
        initial=initial,
    )
    options = spec.objective.options
    return outcome_finding(
        replicates,
        splits,
        attempt,
        tolerance=options.tolerance,
        measured_on=options.measured_on,
        constant_below=options.constant_below,
    )


def _checkpoints(run: LegacyRun, vectors: torch.Tensor, relative: torch.Tensor, drawn: torch.Tensor) -> Finding:
    """The parameter vectors of all saved steps, and whether the documented order of draws gives the first of them."""
    rows = [(step, run.updates(step), float(each.median())) for step, each in zip(run.steps, relative, strict=True)]
    again = float((vectors[0] - drawn).abs().max()) if run.steps[0] == 0 else None
    said = "" if again is None else f"; drawn again, the first differ by at most {again:.1g}"
    return Finding(
        name="checkpoints",
        summary=f"Parameters of {vectors.shape[1]} networks at {len(run.steps)} saved steps{said}.",
        scalars={"steps": len(run.steps), "drawn-again-difference": again},
        tables={
            "steps": Table(
                columns=("saved as", "updates", "median J/Var(f*)"),
                rows=rows,
                caption="The saved steps; the last one is numbered one higher than the updates that were made.",
            )
        },
        arrays={
            "parameters": (("step", "replicate", "parameter"), vectors.numpy()),
            "updates": (("step",), np.array([row[1] for row in rows])),
        },
    )


def _history(run: LegacyRun, vectors: torch.Tensor, relative: torch.Tensor) -> dict[str, tuple[Any, Any]]:
    updates, kept = np.unique([run.updates(step) for step in run.steps], return_index=True)
    norms = torch.linalg.vector_norm(vectors.double(), dim=2)
    return {"metric": (updates, relative.numpy()[kept]), "parameter-norm": (updates, norms.numpy()[kept])}


def _document(
    spec: ResolvedSpec, fingerprint: str, context: Context, experiment: str, run: LegacyRun
) -> dict[str, Any]:
    components = [each for each in (spec.dataset, spec.model, spec.objective) if each is not None]
    return {
        "stage": "trained",
        "seed": spec.seed,
        "replicates": spec.replicates,
        "dtype": spec.dtype,
        "spec": spec.as_dict(),
        "spec_hash": spec.hash,
        "components": [record for each in components for record in describe_components(each)],
        "provenance": describe_machine(CPU),
        "imported": {"experiment": experiment, "run": run.name, "config": run.config},
        "data_fingerprint": fingerprint,
        "warnings": context.warnings,
        "failures": {},
    }
