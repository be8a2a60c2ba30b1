"""How far from the best likelihood a run ended: the same representation fitted again, with restarts."""

from __future__ import annotations

import attrs

from identify_core import Context, OptionsError, RunSubject, StoreError
from identify_mtlcm.causal.fitting import fit_causal_model
from identify_mtlcm.causal.statistics import gather_statistics
from identify_mtlcm.objectives.representations import Representation, represent_by_encoders, represent_samples
from identify_mtlcm.options.evaluators import RecoveryOptions
from identify_mtlcm.options.objectives import MtlcmOptions
from identify_mtlcm.tasks import task_rows


@attrs.frozen(kw_only=True)
class Gaps:
    """What every replicate lacks of the best likelihood that was found for its representation.

    Args:
        values: nats a row, at least 0, one a replicate; empty where they could not be had.
        remarks: why not, or what the fits warn of.
    """

    values: tuple[float, ...]
    remarks: tuple[str, ...] = ()


def likelihood_gaps(options: RecoveryOptions, run: RunSubject, context: Context) -> Gaps | None:
    """Fit every replicate's representation by the default solver from several starts, and compare likelihoods.

    Only values at maxima of the same likelihood are compared: noise, centring and scaling are the run's own.

    Returns:
        None where the run fitted no causal model.
    """
    objective = run.objective_options
    found = run.findings.get("causal-model")
    if found is None or not isinstance(objective, MtlcmOptions):
        return None
    try:
        representation = _representation(objective, run, context)
    except (OptionsError, StoreError) as error:
        return Gaps(values=(), remarks=(f"the likelihood gap is left out: {error.message}",))
    tasks = task_rows(run.samples.rows(representation.fitted)).to(context.device)
    solver = attrs.evolve(objective.solver, solver="default", restarts=options.restarts)
    values = []
    for replicate, nll in enumerate(found.arrays["nll"].values):
        statistics = gather_statistics(representation.blocks(replicate, tasks), tasks.count)
        generator = context.stream("likelihood-gap", replicate)
        again = fit_causal_model(statistics, solver, generator=generator, context=context)
        values.append(max(0.0, float(nll) - again.nll))
    return Gaps(values=tuple(values))


def _representation(objective: MtlcmOptions, run: RunSubject, context: Context) -> Representation:
    source = run.findings["causal-model"].scalars.get("representation")
    if source == "regression":
        return represent_by_encoders(objective, run.replicates, run.samples, context)
    return represent_samples(objective, None, run.samples, context)
