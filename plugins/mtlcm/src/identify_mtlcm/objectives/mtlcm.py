"""The objective `mtlcm`: the linear causal model on a representation, identified up to permutation and scaling."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Context, Finding, Interrupted, LabelledArray, Latents, Replicates, Samples, Table
from identify_mtlcm.causal.adam import fit_by_adam
from identify_mtlcm.causal.fitting import fit_causal_model
from identify_mtlcm.causal.model import CausalModel
from identify_mtlcm.causal.statistics import gather_statistics
from identify_mtlcm.objectives.representations import Representation, represent_samples
from identify_mtlcm.options.causal import CausalOptions
from identify_mtlcm.options.objectives import MtlcmOptions
from identify_mtlcm.tasks import TaskRows, task_rows

_SECTION = "causal-models"
_NUMBER = re.compile(r"\d[\d.,]*(e[-+]?\d+)?")


def train(
    options: MtlcmOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Fit the model to each replicate's representation; keep `h`, `z`, the heads and the model.

    Replicate r's model depends on its representation and its own random stream alone. A run that is interrupted in or
    between the stages goes on with the same bits.

    Raises:
        OptionsError: the representation, the tasks or the options do not fit.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    representation = represent_samples(options, replicates, samples, context)
    tasks = task_rows(samples.rows(representation.fitted)).to(context.device)
    models = fit_models(options.solver, representation, tasks, context)
    yield from representation.findings
    yield model_finding(options, representation, tasks, models)
    if representation.source != "inputs":
        yield _latents_h(options, representation, samples, context)
    yield Latents(
        name="z",
        values=torch.stack(
            [
                torch.cat(
                    [model.latents(h).to(context.dtype) for h in representation.read(number, representation.kept)]
                )
                for number, model in enumerate(models)
            ]
        ),
        split=options.keep,
        ids=samples.ids[representation.kept],
        identified_up_to="permutation-scaling",
        summary="the latents of the linear causal model, A⁻¹ (h − centre)",
    )


def fit_models(
    options: CausalOptions, representation: Representation, tasks: TaskRows, context: Context
) -> list[CausalModel]:
    """One model a replicate, one after the other; those of an earlier process are taken from its checkpoint."""
    models = [_from_state(state, context.device) for state in context.restore(section=_SECTION) or []]
    with context.progress("causal model", context.count, "replicates") as bar:
        bar.advance(len(models))
        for replicate in range(len(models), context.count):
            if context.should_stop():
                _save(models, context, write=True)
                raise Interrupted(f"stopped before the causal model of replicate {replicate}; a checkpoint was written")
            models.append(_fit(options, representation, tasks, replicate, context))
            _save(models, context, write=context.checkpoint_due())
            bar.advance(1)
    return models


def _fit(
    options: CausalOptions, representation: Representation, tasks: TaskRows, replicate: int, context: Context
) -> CausalModel:
    generator = context.stream("causal-model", replicate)
    if options.solver == "adam":
        h = representation.rows(replicate, representation.fitted)
        name = f"causal-adam-{replicate}"
        return fit_by_adam(h, tasks, options, generator=generator, context=context, name=name)
    statistics = gather_statistics(representation.blocks(replicate, tasks), tasks.count)
    return fit_causal_model(statistics, options, generator=generator, context=context)


def _latents_h(options: MtlcmOptions, representation: Representation, samples: Samples, context: Context) -> Latents:
    rows = [representation.rows(replicate, representation.kept) for replicate in range(context.count)]
    return Latents(
        name="h",
        values=torch.stack(rows),
        split=options.keep,
        ids=samples.ids[representation.kept],
        identified_up_to=representation.claim,
        summary="the representation that the causal model is fitted to",
    )


def model_finding(
    options: MtlcmOptions, representation: Representation, tasks: TaskRows, models: list[CausalModel]
) -> Finding:
    """The fitted models as a finding: arrays with a leading axis of replicates, and what each solver did."""
    counts = tasks.observed_counts()
    unseparated = [int(model.unseparated.triu(1).sum()) for model in models]
    nll = np.array([model.nll for model in models])
    return Finding(
        name="causal-model",
        summary=_summary(nll, unseparated, representation.width),
        scalars={
            "nll": float(np.median(nll)),
            "unseparated-pairs": max(unseparated),
            "rank": min(model.rank for model in models),
            "task-rank": min(model.task_rank for model in models),
            "tasks": tasks.count,
            "latents": representation.width,
            "rows": len(representation.fitted),
            "targets": int(counts.sum()),
            "representation": representation.source,
        },
        tables={"solver": _solver_table(models), "solver-notes": _notes_table(models)},
        arrays=_arrays(models, nll),
        conventions=_conventions(options, tasks),
        warnings=_warnings(models),
    )


def _warnings(models: list[CausalModel]) -> tuple[str, ...]:
    """What the models warn of: a sentence that replicates share but for its numbers is said once, by the first."""
    speakers: dict[str, list[int]] = {}
    for number, model in enumerate(models):
        for sentence in model.warnings:
            speakers.setdefault(_NUMBER.sub("", sentence), []).append(number)
    said = []
    for kind, (first, *others) in speakers.items():
        sentence = next(each for each in models[first].warnings if _NUMBER.sub("", each) == kind)
        alike = f", and likewise {', '.join(map(str, others))}" if others else ""
        said.append(sentence if len(models) == 1 else f"replicate {first}{alike}: {sentence}")
    return tuple(said)


def _arrays(models: list[CausalModel], nll: np.ndarray[Any, Any]) -> dict[str, LabelledArray]:
    def stacked(name: str, dimensions: tuple[str, ...], summary: str) -> LabelledArray:
        values = torch.stack([getattr(model, name) for model in models]).cpu().numpy()
        return LabelledArray(values=values, dimensions=("replicate", *dimensions), summary=summary)

    return {
        "mixing": stacked("mixing", ("observed", "latent"), "A: h = A z + centre + noise"),
        "centre": stacked("centre", ("observed",), "what is taken off h before z is read out"),
        "probabilities": stacked("probabilities", ("task", "latent"), "c: of being a cause of the task's target"),
        "gamma": stacked("gamma", ("task", "latent"), "γ; only γ (1 − c) enters the likelihood"),
        "spurious-noise": stacked("spurious_noise", ("task-or-all", "one"), "σ_s"),
        "unseparated": stacked("unseparated", ("latent", "other-latent"), "pairs of latents that no task separates"),
        "nll": LabelledArray(
            values=nll, dimensions=("replicate",), summary="mean exact negative log-likelihood of a row, in nats"
        ),
    }


def _solver_table(models: list[CausalModel]) -> Table:
    return Table(
        columns=("replicate", "nll", "rank", "task rank", "separation"),
        rows=[
            (number, model.nll, model.rank, model.task_rank, model.separation) for number, model in enumerate(models)
        ],
        caption="The model of each replicate.",
        units={"nll": "nats a row"},
    )


def _notes_table(models: list[CausalModel]) -> Table:
    """What the solvers did: one row a note, since there are many, one column a replicate."""
    names = list(dict.fromkeys(name for model in models for name in model.notes))
    return Table(
        columns=("note", *(f"replicate {number}" for number in range(len(models)))),
        rows=[(name, *(model.notes.get(name) for model in models)) for name in names],
        caption="What the solver did for each replicate.",
    )


def _summary(nll: np.ndarray[Any, Any], unseparated: list[int], width: int) -> str:
    mixed = max(unseparated)
    separation = (
        "the tasks separate every pair of latents"
        if mixed == 0
        else f"{mixed} of {width * (width - 1) // 2} pairs of latents are never separated by a task and stay mixed"
    )
    return f"the negative log-likelihood is {float(np.median(nll)):.6g} nats a row; {separation}"


def _conventions(options: MtlcmOptions, tasks: TaskRows) -> dict[str, str]:
    conventions = {
        "nll": "exact and per row, of h about the centre that the solver's option `centring` takes off",
        "order": "latents go from the one with the largest mean residual variance given the target downwards",
        "solver": options.solver.solver,
    }
    if tasks.task is None and tasks.count > 1:
        conventions["pseudo-likelihood"] = "every row counts once for each task that has a target on it"
    return conventions


def _save(models: list[CausalModel], context: Context, *, write: bool) -> None:
    context.checkpoint([attrs.asdict(model, recurse=False) for model in models], section=_SECTION, write=write)


def _from_state(state: Mapping[str, Any], device: torch.device) -> CausalModel:
    placed: dict[str, Any] = {
        name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in state.items()
    }
    return CausalModel(**{**placed, "warnings": tuple(state["warnings"])})
